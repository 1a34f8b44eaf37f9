"""Approvals over REST: what asking answers, what is read, filtered and decided, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from ledger.ids import new_id
from tests.approvals import TWO, ask, asked, finished, second_approver, stored
from tests.clients import api
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = "/api/v1/approvals"
WHY = {"reason": "It was forged"}


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(
        f"/api/v1{path}", body or {}, content_type="application/json", headers=headers
    )


def test_asking_answers_with_the_approval_and_leaves_the_item(world: World) -> None:
    item, operator = finished(world), api(world.operator)
    sent = {**WHY, "candidate_groups": ["compliance"]}
    answer = post(operator, f"/work-items/{item.id}/compensate", sent, **{"Idempotency-Key": "k"})
    assert answer.status_code == 202, answer.content
    [name] = answer.json()
    shown = answer.json()["approval"]
    assert name == "approval"
    assert answer.headers["Location"] == f"{ROOT}/{shown['id']}"
    assert answer.headers["ETag"] == '"v1"'
    names = ("subject", "action", "status", "requested_by", "reason")
    assert {key: shown[key] for key in names} == {
        "subject": {"type": "work_item", "id": str(item.id)}, "action": "compensate",
        "status": "PENDING", "requested_by": world.operator.username, "reason": "It was forged",
    }  # fmt: skip
    assert shown["steps"] == [
        {
            "n": 1, "approvers": {"users": [], "groups": [], "roles": ["approver"]},
            "decided_by": None, "decision": None, "reason": None, "at": None,
        }
    ]  # fmt: skip
    assert shown["decisions"] == [
        {"policy": "compensation", "effect": "require_approval", "reason": "approval: one"}
    ]
    again = post(operator, f"/work-items/{item.id}/compensate", sent, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.json()) == (202, answer.json())
    left = operator.get(f"/api/v1/work-items/{item.id}").json()
    assert (left["status"], left["compensation_state"], left["version"]) == ("COMPLETED", "NONE", 3)


def test_granting_over_rest_begins_the_undo(world: World) -> None:
    approval, approver = asked(world), api(world.approver)
    stale = post(approver, f"/approvals/{approval.id}/approve", {}, **{"If-Match": '"v7"'})
    assert (stale.status_code, stale.json()["current_status"]) == (412, "PENDING")
    answer = post(approver, f"/approvals/{approval.id}/approve", {}, **{"If-Match": '"v1"'})
    assert answer.status_code == 200, answer.content
    shown = answer.json()
    assert (shown["status"], shown["version"], answer.headers["ETag"]) == ("GRANTED", 2, '"v2"')
    [step] = shown["steps"]
    assert (step["decision"], step["decided_by"]) == ("GRANTED", world.approver.username)
    item = approver.get(f"/api/v1/work-items/{approval.about_id}").json()
    assert item["status"] == "COMPENSATING"
    read = approver.get(f"{ROOT}/{approval.id}")
    assert (read.json(), read.headers["ETag"]) == (shown, '"v2"')


@pytest.mark.parametrize(
    ("who", "verb", "body", "status", "code"),
    [
        ("bystander", "approve", {}, 403, "not_permitted"),
        ("operator", "approve", {}, 403, "not_permitted"),
        ("auditor", "reject", WHY, 403, "not_permitted"),
        ("outsider", "approve", {}, 404, "not_found"),
        ("approver", "withdraw", {}, 403, "not_permitted"),
        ("approver", "reject", {}, 422, "required"),
        ("approver", "reject", {"reason": " "}, 422, "blank"),
        ("approver", "approve", {"reason": 7}, 422, "invalid"),
        ("approver", "approve", {"vote": "yes"}, 422, "unknown_field"),
    ],
)
def test_what_is_refused_changes_nothing(  # noqa: PLR0917  -- a row of the table
    world: World, who: str, verb: str, body: Any, status: int, code: str
) -> None:
    approval = asked(world)
    answer = post(api(world.of(who)), f"/approvals/{approval.id}/{verb}", body)
    found = answer.json()
    said = found["errors"][0]["code"] if status == 422 else found["code"]
    assert (answer.status_code, said) == (status, code)
    after = stored(approval)
    assert (after.status, after.version) == ("PENDING", 1)


def test_out_of_turn_is_a_conflict_that_says_what_is_possible(world: World) -> None:
    approval = asked(world, **TWO)
    approver = api(world.approver)
    first = post(approver, f"/approvals/{approval.id}/approve").json()
    assert (first["status"], [each["decision"] for each in first["steps"]]) == (
        "PENDING", ["GRANTED", None],
    )  # fmt: skip
    answer = post(approver, f"/approvals/{approval.id}/approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_decided")
    assert answer.json()["available_actions"] == [
        {"action": "approve", "allowed": False, "reason": "already_decided"},
        {"action": "reject", "allowed": False, "reason": "already_decided"},
        {"action": "withdraw", "allowed": False, "reason": "not_requester"},
    ]


def test_lists_are_filtered_by_state_thing_and_whose_turn_it_is(world: World) -> None:
    second = second_approver(world)
    one, two = asked(world), asked(world, **TWO)
    own = ask(finished(world), world.admin)
    post(api(world.approver), f"/approvals/{two.id}/approve")

    def listed(who: Any, **query: str) -> list[str]:
        answer = api(who).get(ROOT, query)
        assert answer.status_code == 200, answer.content
        return [each["id"] for each in answer.json()["results"]]

    everything = [str(each.id) for each in (own, two, one)]
    assert listed(world.bystander) == everything
    assert listed(world.approver, mine="true") == [str(own.id), str(one.id)]
    assert listed(second, mine="true") == everything
    assert listed(world.admin, mine="true") == [str(two.id), str(one.id)]
    assert listed(world.operator, mine="true") == []
    assert listed(world.auditor, mine="false", status="PENDING") == everything
    assert listed(world.operator, status="GRANTED") == []
    assert listed(world.operator, subject=str(two.about_id)) == [str(two.id)]
    assert listed(world.outsider) == []
    page = api(world.operator).get(ROOT, {"limit": 2}).json()
    assert [each["id"] for each in page["results"]] == everything[:2]
    assert [each["id"] for each in api(world.operator).get(page["next"]).json()["results"]] == (
        everything[2:]
    )


@pytest.mark.parametrize("query", [{"status": "MAYBE"}, {"mine": "yes"}, {"subject": "7"}])
def test_a_filter_that_cannot_be_read_is_named(world: World, query: dict[str, str]) -> None:
    answer = api(world.operator).get(ROOT, query)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == list(query)
    assert api(world.operator).get(f"{ROOT}/{new_id()}").status_code == 404
