"""Work items over REST: shapes, order of checks, errors, and that a refusal changes nothing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.tenancy import tenant_scope
from tests.clients import api
from tests.integration.workitems_over_rest import (
    JSON,
    ROOT,
    done,
    entries,
    faulted,
    opened,
    post,
    read,
    undone,
)
from tests.world import World
from workitems.models import WorkItem

pytestmark = pytest.mark.django_db(transaction=True)

MEMBERS = {
    "id", "kind", "title", "status", "compensation_state", "version", "priority", "assignee",
    "candidate_users", "candidate_groups", "payload", "outcome", "resolution",
    "permitted_outcomes", "case", "compensates", "undoes", "compensated_by", "compensations",
    "compensation", "reversibility", "tainted", "created_at", "due_at", "completed_at",
    "completed_by", "available_actions",
}  # fmt: skip


def test_a_new_item_has_every_member_of_the_public_shape(world: World) -> None:
    client = api(world.operator)
    answer = post(
        client,
        "",
        {
            "title": "  Check the payslip ",
            "payload": {"loan": "118"},
            "priority": "HIGH",
            "candidate_groups": ["analysts"],
            "candidate_users": [world.surveyor.username],
            "permitted_outcomes": ["APPROVED", "DECLINED"],
            "due_at": "2030-01-02T03:04:05Z",
            "reversibility": "compensable",
        },
    )
    assert answer.status_code == 201
    item = answer.json()
    assert set(item) >= MEMBERS
    assert item["title"] == "Check the payslip"
    assert (item["kind"], item["status"], item["version"]) == ("TASK", "PENDING", 1)
    assert (item["priority"], item["payload"]) == ("HIGH", {"loan": "118"})
    assert item["candidate_groups"] == ["analysts"]
    assert item["candidate_users"] == [world.surveyor.username]
    assert item["due_at"] == "2030-01-02T03:04:05.000000Z"
    assert item["assignee"] is item["outcome"] is item["undoes"] is item["compensation"] is None
    assert (item["compensated_by"], item["compensations"]) == ([], [])
    assert answer.headers["ETag"] == '"v1"'
    assert answer.headers["Location"] == f"{ROOT}/{item['id']}"
    assert read(client, item["id"]) == item


def test_every_broken_rule_of_a_new_item_is_named_and_nothing_is_stored(world: World) -> None:
    client = api(world.operator)
    answer = post(
        client,
        "",
        {
            "title": "x",
            "priority": "SOON",
            "candidate_users": ["nobody"],
            "compensation": {"approval": "three"},
            "reversibility": "maybe",
        },
    )
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {each["pointer"] for each in answer.json()["errors"]} == {
        "/priority", "/candidate_users/0", "/compensation/approval", "/reversibility",
    }  # fmt: skip
    unknown = post(client, "", {"title": "x", "status": "COMPLETED"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/status")
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.count() == 0


def test_the_etag_is_the_version_and_spares_an_unchanged_answer(world: World) -> None:
    client = api(world.operator)
    item = opened(client)
    first = client.get(f"{ROOT}/{item['id']}")
    assert first.headers["ETag"] == '"v1"'
    again = client.get(f"{ROOT}/{item['id']}", headers={"If-None-Match": '"v1"'})
    assert (again.status_code, again.content) == (304, b"")


def test_claim_start_complete_and_who_may_not(world: World) -> None:
    item = opened(
        api(world.operator),
        candidate_groups=["analysts"],
        permitted_outcomes=["APPROVED"],
        resolution_schema={"type": "object", "required": ["score"]},
    )
    at, analyst = f"/{item['id']}", api(world.analyst)
    stranger = post(api(world.bystander), f"{at}/claim")
    assert (stranger.status_code, stranger.json()["code"]) == (403, "not_permitted")
    claimed = post(analyst, f"{at}/claim")
    assert claimed.json()["assignee"] == world.analyst.username
    assert (claimed.json()["status"], claimed.headers["ETag"]) == ("ASSIGNED", '"v2"')
    assert post(analyst, f"{at}/start").json()["status"] == "IN_PROGRESS"
    bad = post(analyst, f"{at}/complete", {"outcome": "MAYBE", "resolution": {}})
    assert bad.status_code == 422
    assert [each["pointer"] for each in bad.json()["errors"]] == ["/outcome", "/resolution"]
    good = post(analyst, f"{at}/complete", {"outcome": "APPROVED", "resolution": {"score": 7}})
    body = good.json()
    assert (body["status"], body["outcome"], body["resolution"]) == (
        "COMPLETED", "APPROVED", {"score": 7},
    )  # fmt: skip
    assert body["completed_by"] == world.analyst.username
    assert entries(world, item["id"]) == [
        "created", "claim_refused", "claimed", "started", "completed",
    ]  # fmt: skip


def test_a_conflict_says_the_state_and_what_is_possible_instead(world: World) -> None:
    item = opened(api(world.operator), candidate_groups=["analysts"])
    answer = post(api(world.operator), f"/{item['id']}/compensate", {"reason": "why not"})
    body = answer.json()
    assert (answer.status_code, body["code"]) == (409, "illegal_state")
    assert body["current_status"] == "PENDING"
    allowed = {each["action"] for each in body["available_actions"] if each["allowed"]}
    assert allowed == {"assign", "cancel", "change-owner", "extend", "forward", "suspend"}
    assert body["request_id"]


def test_the_order_of_checks_is_kept_with_a_broken_body(world: World) -> None:
    item = opened(api(world.operator), candidate_groups=["analysts"])
    at, broken = f"/{item['id']}/assign", {"assignee": "nobody", "colour": "red"}
    assert post(Client(), at, broken).status_code == 401
    assert post(api(world.outsider), at, broken).status_code == 404
    assert post(api(world.bystander), at, broken).status_code == 403
    stale = {"If-Match": '"v9"'}
    assert post(api(world.operator), at, broken, **stale).status_code == 412
    assert post(api(world.operator), at, broken).status_code == 422
    unknown = post(api(world.operator), at, {"assignee": "nobody"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/assignee")
    post(api(world.operator), f"/{item['id']}/cancel", {"reason": "not needed"})
    assert post(api(world.operator), at, broken).status_code == 409
    assert entries(world, item["id"]) == ["created", "cancelled"]


def test_a_stale_if_match_is_412_and_changes_nothing(world: World) -> None:
    item = opened(api(world.operator), candidate_groups=["analysts"])
    analyst = api(world.analyst)
    answer = post(analyst, f"/{item['id']}/claim", **{"If-Match": '"v2"'})
    assert (answer.status_code, answer.json()["code"]) == (412, "stale_version")
    assert read(analyst, item["id"])["version"] == 1
    assert post(analyst, f"/{item['id']}/claim", **{"If-Match": '"v1"'}).status_code == 200


def test_the_same_key_gives_the_first_answer_again(world: World) -> None:
    client, key = api(world.operator), {"Idempotency-Key": "abc"}
    first = post(client, "", {"title": "Once"}, **key)
    second = post(client, "", {"title": "Once"}, **key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert post(client, "", {"title": "Twice"}, **key).status_code == 422
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.count() == 1


def patch(client: Client, item_id: str, body: Any, **headers: str) -> Any:
    return client.patch(f"{ROOT}/{item_id}", body, content_type=JSON, headers=headers)


def test_patch_changes_what_an_open_item_says_and_never_its_status(world: World) -> None:
    creator = api(world.surveyor)
    item = opened(creator, payload={"a": 1}, candidate_groups=["analysts"])
    answer = patch(
        creator,
        item["id"],
        {"title": "New", "priority": "URGENT", "due_at": "2031-01-01T00:00:00Z", "payload": {}},
        **{"If-Match": '"v1"'},
    )
    body = answer.json()
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"v2"')
    assert (body["title"], body["priority"], body["payload"]) == ("New", "URGENT", {})
    assert body["due_at"] == "2031-01-01T00:00:00.000000Z"
    assert body["status"] == "PENDING"
    refused = patch(creator, item["id"], {"status": "COMPLETED"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/status")
    assert patch(api(world.bystander), item["id"], {"title": "x"}).status_code == 403
    assert patch(api(world.outsider), item["id"], {"title": "x"}).status_code == 404
    assert entries(world, item["id"]) == ["created", "edited"]
    same = patch(api(world.operator), item["id"], {"title": "New"})
    assert (same.status_code, same.json()["version"]) == (200, 2)
    assert entries(world, item["id"]) == ["created", "edited"]


def test_finished_work_is_not_edited(world: World) -> None:
    item = done(world)
    answer = patch(api(world.operator), item["id"], {"title": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_state")
    assert read(api(world.operator), item["id"])["title"] == "Check the payslip"


def listed(client: Client, query: str) -> list[str]:
    answer = client.get(f"{ROOT}?{query}")
    assert answer.status_code == 200, answer.content
    return [each["title"] for each in answer.json()["results"]]


def test_the_list_is_filtered_and_paged(world: World) -> None:
    operator, analyst = api(world.operator), api(world.analyst)
    for title in ("one", "two", "three"):
        opened(operator, title=title, candidate_groups=["analysts"])
    opened(operator, title="mine", assignee=world.analyst.username)
    opened(operator, title="theirs", candidate_groups=["surveyors"])
    assert listed(analyst, "") == ["theirs", "mine", "three", "two", "one"]
    assert listed(analyst, "status=ASSIGNED") == ["mine"]
    assert listed(analyst, "status=ASSIGNED&status=PENDING&q=THE") == ["theirs"]
    assert listed(analyst, "assignee=me") == ["mine"]
    assert listed(operator, f"assignee={world.analyst.username}") == ["mine"]
    assert listed(operator, "assignee=nobody") == []
    assert listed(analyst, "candidate=me&status=PENDING") == ["three", "two", "one"]
    assert listed(analyst, "kind=COMPENSATION") == []
    assert listed(analyst, f"case={uuid.uuid4()}") == []
    page = analyst.get(f"{ROOT}?limit=2&status=PENDING").json()
    assert [each["title"] for each in page["results"]] == ["theirs", "three"]
    following = analyst.get(page["next"]).json()
    assert [each["title"] for each in following["results"]] == ["two", "one"]
    assert following["next"] is None
    assert listed(api(world.outsider), "") == []


@pytest.mark.parametrize(
    "query",
    [
        *("status=OPEN", "kind=X", "compensation_state=X", "candidate=you", "case=7", "limit=0"),
        *("status=", "kind=", "compensation_state=", "candidate=", "case="),
    ],
)
def test_a_filter_that_cannot_match_is_refused_by_name(world: World, query: str) -> None:
    answer = api(world.analyst).get(f"{ROOT}?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == query.partition("=")[0]


def test_a_list_of_fifty_costs_as_many_queries_as_a_list_of_five(world: World) -> None:
    operator = api(world.operator)
    for number in range(5):
        opened(operator, title=f"t{number}", assignee=world.analyst.username)

    def cost(client: Client) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"{ROOT}?limit=50").status_code == 200
        return len(caught)

    undone(world, done(world))
    few = cost(operator)
    for number in range(22):
        opened(operator, title=f"u{number}", candidate_groups=["analysts"])
    for _ in range(10):
        undone(world, done(world))
    assert len(operator.get(f"{ROOT}?limit=50").json()["results"]) == 49
    assert cost(operator) == few


def test_the_chain_shows_the_item_and_every_attempt(world: World) -> None:
    original, first = faulted(world)
    second = post(api(world.operator), f"/{original['id']}/compensation/retry").json()[
        "compensation"
    ]
    for focus in (original["id"], first["id"], second["id"]):
        body = api(world.auditor).get(f"{ROOT}/{focus}/causal-chain").json()
        assert [node["id"] for node in body["nodes"]] == [
            original["id"], first["id"], second["id"],
        ]  # fmt: skip
        assert [node["lane"] for node in body["nodes"]] == ["forward", "undo", "undo"]
        assert {(e["source"], e["target"], e["kind"]) for e in body["edges"]} == {
            (first["id"], original["id"], "reverses"),
            (second["id"], original["id"], "reverses"),
            (first["id"], second["id"], "then"),
        }


def test_the_history_is_the_items_entries_newest_first(world: World) -> None:
    item = done(world)
    page = api(world.bystander).get(f"{ROOT}/{item['id']}/history?limit=2").json()
    assert [each["action"] for each in page["results"]] == ["completed", "started"]
    newest, older = page["results"]
    assert newest["previous_hash"] == older["hash"]
    assert (newest["actor"], newest["from"], newest["to"]) == (
        world.analyst.username, "IN_PROGRESS", "COMPLETED",
    )  # fmt: skip
    rest = api(world.bystander).get(page["next"]).json()
    assert [each["action"] for each in rest["results"]] == ["created"]


@pytest.mark.parametrize("path", ["", "/causal-chain", "/history"])
def test_what_is_not_there_or_elsewhere_is_404(world: World, path: str) -> None:
    item = opened(api(world.operator))
    assert api(world.outsider).get(f"{ROOT}/{item['id']}{path}").status_code == 404
    assert api(world.operator).get(f"{ROOT}/{uuid.uuid4()}{path}").status_code == 404


@pytest.mark.parametrize("name", ["expire", "escalate", "pass-on"])
def test_what_only_missed_deadlines_do_has_no_route(world: World, name: str) -> None:
    item = opened(api(world.operator))
    assert post(api(world.operator), f"/{item['id']}/{name}").status_code == 404
