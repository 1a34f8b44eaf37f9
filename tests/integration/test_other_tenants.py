"""Undo of what another tenant has: asked of it, decided there, answered here; nothing crosses."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from compensation.foreign_request_tables import CompensationRequest
from ledger.models import OutboxTask
from ledger.tenancy import system_scope, tenant_scope
from notifications.models import Delivery
from tests.clients import api
from tests.draining import drain
from tests.integration import two_tenants as two
from tests.verifying import verify
from tests.world import World


def test_the_other_tenant_is_asked_agrees_and_both_are_undone(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    assert own["remote"] == two.remote_of(world, there["id"])
    waiting = two.ask(world, own)
    assert (waiting["status"], two.item(world, own["id"])["status"]) == ("WAITING", "COMPENSATING")
    [request] = two.asked(world)
    assert (request["status"], request["subject"]["id"]) == ("PENDING", there["id"])
    assert (request["reason"], request["asked_by"]["name"]) == (
        two.WHY, f"Demo {world.slug.removeprefix('demo-')}",
    )  # fmt: skip
    # Nothing has happened there before somebody there agrees.
    assert api(world.outsider).get(f"/api/v1/work-items/{there['id']}").json()["status"] == (
        "COMPLETED"
    )
    agreed = two.decide(world, "approve", request)
    assert (agreed.status_code, agreed.json()["status"]) == (200, "APPROVED")
    run = api(world.outsider).get(f"/api/v1/compensation-runs/{agreed.json()['run']}").json()
    assert (run["trigger"], run["requested_by"]) == ("other_tenant", world.outsider.username)
    assert two.item(world, own["id"])["status"] == "COMPENSATING"
    two.undo_theirs(world, there)
    [request] = two.asked(world)
    assert request["status"] == "DONE"
    assert api(world.outsider).get(f"/api/v1/work-items/{there['id']}").json()["status"] == (
        "COMPENSATED"
    )
    ended = two.asking(world, own)
    assert (ended["status"], ended["remote"]["outcome"]) == ("SUCCEEDED", "DONE")
    assert two.item(world, own["id"])["status"] == "COMPENSATED"
    verify()


def test_both_ledgers_name_each_others_entries_by_hash(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    waiting = two.ask(world, own)
    [request] = two.asked(world)
    two.decide(world, "approve", request)
    two.undo_theirs(world, there)
    here = two.entries(world.operator.tenant_id, "execution", waiting["id"])
    theirs = two.entries(world.outsider.tenant_id, "compensation_request", request["id"])
    assert [each.action for each in here] == [
        "requested", "asked_elsewhere", "answered_elsewhere", "succeeded",
    ]  # fmt: skip
    assert [each.action for each in theirs] == ["requested", "approved", "done"]
    asked, noted, answered, _ended = here
    assert theirs[0].compensation is not None
    assert theirs[0].compensation["foreign"] == {"asked": asked.hash.hex()}
    assert noted.compensation is not None
    assert noted.compensation["foreign"] == {"request": theirs[0].hash.hex()}
    assert answered.compensation is not None
    assert answered.compensation["foreign"] == {
        "request": theirs[0].hash.hex(), "answer": theirs[2].hash.hex(),
    }  # fmt: skip
    # Causes stay within a tenant.
    ours = {each.id for each in here}
    assert not [each for each in theirs if each.caused_by and each.caused_by.id in ours]


def test_a_refusal_faults_the_undo_and_it_can_be_asked_again(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    two.ask(world, own)
    [request] = two.asked(world)
    assert two.decide(world, "reject", request).status_code == 422
    answer = two.decide(world, "reject", request, "The goods have been eaten")
    assert (answer.status_code, answer.json()["status"]) == (200, "REFUSED")
    failed = two.asking(world, own)
    assert (failed["status"], failed["error"]) == ("FAILED", "remote_refused")
    assert two.item(world, own["id"])["status"] == "COMPENSATION_FAULTED"
    assert api(world.outsider).get(f"/api/v1/work-items/{there['id']}").json()["status"] == (
        "COMPLETED"
    )
    again = two.post(api(world.operator), f"work-items/{own['id']}/compensation/retry")
    assert again.status_code == 200
    drain()
    newest, _refused = two.asked(world)
    assert (newest["status"], newest["id"] != request["id"]) == ("PENDING", True)
    two.decide(world, "approve", newest)
    two.undo_theirs(world, there)
    assert two.item(world, own["id"])["status"] == "COMPENSATED"


def test_after_a_refusal_a_person_here_can_do_it_instead(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    two.ask(world, own)
    two.decide(world, "reject", two.asked(world)[0], "No")
    handed = two.post(
        api(world.operator), f"work-items/{own['id']}/compensation/hand-to-human",
        {"assignee": world.analyst.username},
    )  # fmt: skip
    assert handed.status_code == 200
    [task] = two.item(world, own["id"])["compensated_by"]
    two.post(api(world.analyst), f"work-items/{task}/start")
    two.post(api(world.analyst), f"work-items/{task}/complete", {"outcome": "REVERSED"})
    drain()
    assert two.item(world, own["id"])["status"] == "COMPENSATED"
    assert [each["status"] for each in two.asked(world)] == ["REFUSED"]


@pytest.mark.parametrize("which", ["no tenant", "no item", "another kind", "an undo"])
def test_what_is_not_there_is_said_in_one_way(world: World, which: str) -> None:
    there = two.theirs(world)
    remote = {
        "no tenant": {**two.remote_of(world, there["id"]), "tenant": "nobody-is-called-so"},
        "no item": two.remote_of(world, str(uuid.uuid4())),
        "another kind": {**two.remote_of(world, there["id"]), "type": "execution"},
        "an undo": two.remote_of(world, there["id"]),
    }[which]
    if which == "an undo":
        path = f"work-items/{there['id']}/compensate"
        undone = two.post(api(world.outsider), path, {"reason": "Other"}).json()
        remote["id"] = undone["compensation"]["id"]
    own = two.ours(world, remote)
    failed = two.ask(world, own)
    assert (failed["status"], failed["error"]) == (
        "FAILED", "remote_unknown",
    )  # fmt: skip
    assert failed["remote"] == remote
    assert two.asked(world) == []
    assert two.item(world, own["id"])["status"] == "COMPENSATION_FAULTED"


def test_nothing_of_either_is_readable_in_the_other(world: World) -> None:
    there = two.theirs(world, payload={"secret": "SESAME-THERE"})
    own = two.ours(world, two.remote_of(world, there["id"]), payload={"secret": "SESAME-HERE"})
    waiting = two.ask(world, own)
    [request] = two.asked(world)
    two.decide(world, "reject", request, "SECRET-REASON")
    a, b = api(world.operator), api(world.outsider)
    for path in (
        f"compensation-requests/{request['id']}", f"work-items/{there['id']}",
    ):  # fmt: skip
        assert a.get(f"/api/v1/{path}").status_code == 404
    assert a.get(two.REQUESTS).json()["results"] == []
    assert two.post(a, f"compensation-requests/{request['id']}/approve").status_code == 404
    for path in (f"work-items/{own['id']}", f"executions/{waiting['id']}"):
        assert b.get(f"/api/v1/{path}").status_code == 404
    said = json.dumps(two.asked(world)) + json.dumps(b.get("/api/v1/ledger/entries").json())
    for hidden in ("SESAME-HERE", own["id"], waiting["id"], str(world.operator.tenant_id)):
        assert hidden not in said
    seen = json.dumps(two.asking(world, own)) + json.dumps(two.item(world, own["id"]))
    seen += json.dumps(a.get("/api/v1/ledger/entries").json())
    for hidden in ("SESAME-THERE", "SECRET-REASON", request["id"], world.outsider.username):
        assert hidden not in seen
    # Row by row, as the database lets each of them see it.
    for tenant, count in ((world.operator.tenant_id, 0), (world.outsider.tenant_id, 1)):
        with tenant_scope(tenant):
            assert CompensationRequest.objects.count() == count


def test_the_answer_is_for_the_other_to_give(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    waiting = two.ask(world, own)
    path = f"executions/{waiting['id']}/result"
    body = {"outcome": "succeeded", "output": {"outcome": "DONE", "request": "", "answer": ""}}
    assert two.post(api(world.operator), path, body).status_code == 403
    assert two.asking(world, own)["status"] == "WAITING"


def test_who_does_not_wait_any_more_calls_the_request_back(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    waiting = two.ask(world, own)
    settled = two.post(
        api(world.operator), f"executions/{waiting['id']}/outcome",
        {"happened": False, "evidence": "They do not answer"},
    )  # fmt: skip
    assert settled.status_code == 200
    drain()
    [request] = two.asked(world)
    assert (request["status"], request["failure"]) == ("FAILED", "not_asked_any_more")
    assert two.decide(world, "approve", request).status_code == 409
    assert two.item(world, own["id"])["status"] == "COMPENSATION_FAULTED"


def test_what_they_cannot_undo_fails_here_once_they_have_given_up(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    two.ask(world, own)
    run = two.decide(world, "approve", two.asked(world)[0]).json()["run"]
    two.undo_theirs(world, there, "CANNOT_REVERSE")
    # Their own people decide first: until then it goes on waiting here.
    assert two.asked(world)[0]["status"] == "APPROVED"
    assert two.asking(world, own)["status"] == "WAITING"
    path = f"compensation-runs/{run}/steps/1/abandon"
    assert two.post(api(world.outsider), path, {"reason": "Eaten"}).status_code == 200
    drain()
    [request] = two.asked(world)
    assert (request["status"], request["failure"]) == ("FAILED", "not_all_undone")
    failed = two.asking(world, own)
    assert (failed["status"], failed["error"]) == ("FAILED", "remote_failed")


def test_what_was_undone_there_meanwhile_is_done_when_they_agree(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    two.ask(world, own)
    two.post(api(world.outsider), f"work-items/{there['id']}/compensate", {"reason": "Other"})
    drain()
    two.undo_theirs(world, there)
    answer = two.decide(world, "approve", two.asked(world)[0])
    assert (answer.json()["status"], answer.json()["run"]) == ("DONE", None)
    assert two.item(world, own["id"])["status"] == "COMPENSATED"


def test_news_that_is_heard_again_changes_nothing(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    waiting = two.ask(world, own)
    _hear_again()
    assert len(two.their_requests(world)) == 1
    two.decide(world, "approve", two.asked(world)[0])
    two.undo_theirs(world, there)
    before = len(two.entries(world.operator.tenant_id, "execution", waiting["id"]))
    _hear_again()
    assert [each.status for each in two.their_requests(world)] == ["DONE"]
    after = two.entries(world.operator.tenant_id, "execution", waiting["id"])
    assert (len(after), two.item(world, own["id"])["status"]) == (before, "COMPENSATED")
    assert len(api(world.outsider).get("/api/v1/compensation-runs").json()["results"]) == 1


def _hear_again() -> None:
    """Let every piece of news that crosses tenants be heard once more."""
    with system_scope("dispatch"):
        rows = OutboxTask.objects.filter(
            consumer__in=["executions.other_tenants", "compensation.requests"]
        )
        assert rows.update(done_at=None, attempts=0) > 0
    drain()


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"tenant": "own"}, "/remote/tenant"),
        ({"type": "sandwich"}, "/remote/type"),
        ({"id": "no-id"}, "/remote/id"),
        ({"more": 1}, "/remote/more"),
    ],
)
def test_what_cannot_be_meant_is_refused(world: World, wrong: Any, pointer: str) -> None:
    remote = {**two.remote_of(world, str(uuid.uuid4())), **wrong}
    if wrong.get("tenant") == "own":
        remote["tenant"] = world.slug
    for path, body in (
        ("work-items", {"title": "Order"}),
        ("executions", {"capability": "demo.slow", "input": {"seconds": 0}}),
    ):
        answer = two.post(api(world.operator), path, {**body, "remote": remote})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


def test_only_an_operator_says_what_stands_for_what(world: World) -> None:
    remote = two.remote_of(world, str(uuid.uuid4()))
    body = {"title": "Order", "remote": remote}
    assert two.post(api(world.analyst), "work-items", body).status_code == 403
    own_way = {**body, "compensation": {"mode": "human"}}
    answer = two.post(api(world.operator), "work-items", own_way)
    assert answer.json()["errors"][0]["pointer"] == "/compensation/mode"


def test_where_others_there_have_to_agree_it_is_said_how_they_are_asked(world: World) -> None:
    there = two.theirs(world, compensation={"approval": "one"})
    own = two.ours(world, two.remote_of(world, there["id"]))
    two.ask(world, own)
    [request] = two.asked(world)
    refused = two.decide(world, "approve", request)
    assert (refused.status_code, refused.json()["code"]) == (409, "approval_required")
    assert "once it is undone, approve this request" in refused.json()["detail"]
    [request] = two.asked(world)
    assert request["status"] == "PENDING"


def test_an_answer_that_nobody_waits_for_any_more_is_noted_and_told(world: World) -> None:
    there = two.theirs(world)
    own = two.ours(world, two.remote_of(world, there["id"]))
    waiting = two.ask(world, own)
    [request] = two.asked(world)
    two.decide(world, "approve", request)
    settled = two.post(
        api(world.operator), f"executions/{waiting['id']}/outcome",
        {"happened": False, "evidence": "They do not answer"},
    )  # fmt: skip
    assert settled.status_code == 200
    drain()
    two.undo_theirs(world, there)
    ended = two.asking(world, own)
    assert (ended["status"], ended["remote"]["outcome"]) == ("FAILED", "DONE")
    here = two.entries(world.operator.tenant_id, "execution", waiting["id"])
    theirs = two.entries(world.outsider.tenant_id, "compensation_request", request["id"])
    assert here[-1].action == "answered_too_late"
    assert here[-1].compensation is not None
    assert here[-1].compensation["foreign"] == {
        "request": theirs[0].hash.hex(), "answer": theirs[-1].hash.hex(),
    }  # fmt: skip
    assert [each.action for each in here].count("answered_too_late") == 1
    # What somebody has settled stays as they have, until somebody decides anew.
    assert two.item(world, own["id"])["status"] == "COMPENSATION_FAULTED"
    with tenant_scope(world.operator.tenant_id):
        told = Delivery.objects.filter(topic="answered_late", channel="in_app")
        assert {each.recipient_id for each in told} >= {world.operator.actor_id}
    verify()
