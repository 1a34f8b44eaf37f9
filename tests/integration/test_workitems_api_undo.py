"""Undoing a work item over REST: what is asked, what is answered, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients import api
from tests.integration.workitems_over_rest import ROOT, done, entries, faulted, post, read, undone
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_compensating_answers_with_the_original_and_its_undo_task(world: World) -> None:
    item = done(world, payload={"loan": "118"})
    answer = undone(world, item, regulatory_basis=[{"code": "INTERNAL_POLICY", "note": "4.2"}])
    original, task = answer["original"], answer["compensation"]
    assert (original["status"], original["compensation_state"]) == ("COMPENSATING", "COMPENSATING")
    assert original["compensated_by"] == [task["id"]]
    assert original["compensations"] == [{"type": "work_item", "id": task["id"]}]
    assert (task["type"], task["kind"]) == ("work_item", "COMPENSATION")
    assert task["undoes"] == {"type": "work_item", "id": item["id"]}
    assert task["compensates"] == item["id"]
    assert task["assignee"] == world.analyst.username
    block = task["compensation"]
    assert block["requested_by"] == world.operator.username
    assert (block["reason"], block["mode"], block["strategy"]) == (
        "It was forged", "human", "restore",
    )  # fmt: skip
    assert (block["attempt"], block["run"]) == (1, None)
    assert block["regulatory_basis"] == [{"code": "INTERNAL_POLICY", "note": "4.2"}]
    snapshot = block["original_snapshot"]
    assert snapshot["completed_by"] == world.analyst.username
    assert (snapshot["outcome"], snapshot["resolution"]) == ("APPROVED", {"score": 7})
    mine = api(world.analyst)
    post(mine, f"/{task['id']}/start")
    post(mine, f"/{task['id']}/complete", {"outcome": "REVERSED"})
    after = read(mine, item["id"])
    assert (after["status"], after["compensation_state"]) == ("COMPENSATED", "COMPENSATED")
    for kept in ("outcome", "resolution", "completed_at", "completed_by"):
        assert after[kept] == item[kept]
    again = post(api(world.operator), f"/{item['id']}/compensate", {"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "already_compensated")
    refused = post(api(world.operator), f"/{task['id']}/compensate", {"reason": "again"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_compensable")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": "  "}, "/reason"),
        ({"reason": "x", "strategy": "hope"}, "/strategy"),
        ({"reason": "x", "mode": "magic"}, "/mode"),
        ({"reason": "x", "mode": "automated"}, "/mode"),
        ({"reason": "x", "assignee": "nobody"}, "/assignee"),
        ({"reason": "x", "regulatory_basis": [{"code": "WHIM"}]}, "/regulatory_basis/0/code"),
        ({"reason": "x", "candidate_groups": "analysts"}, "/candidate_groups"),
    ],
)
def test_a_broken_wish_is_named_and_begins_nothing(
    world: World, body: dict[str, Any], pointer: str
) -> None:
    item = done(world)
    answer = post(api(world.operator), f"/{item['id']}/compensate", body)
    assert answer.status_code == 422, answer.content
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert read(api(world.operator), item["id"])["status"] == "COMPLETED"
    assert entries(world, item["id"]) == ["created", "started", "completed"]


def test_only_an_operator_or_a_permitted_original_actor_has_work_undone(world: World) -> None:
    item = done(world)
    assert (
        post(api(world.analyst), f"/{item['id']}/compensate", {"reason": "oops"}).status_code == 403
    )
    own = done(world, compensation={"self_undo": True})
    answer = post(api(world.analyst), f"/{own['id']}/compensate", {"reason": "oops"})
    assert answer.status_code == 201


def test_a_fault_is_retried_reassigned_and_handed_over(world: World) -> None:
    original, _task = faulted(world)
    assert original["compensation_state"] == "COMPENSATION_FAULTED"
    at, operator = f"/{original['id']}/compensation", api(world.operator)
    denied = post(api(world.bystander), f"{at}/retry")
    assert denied.status_code == 403
    nobody = post(operator, f"{at}/reassign")
    assert (nobody.status_code, nobody.json()["errors"][0]["pointer"]) == (422, "/assignee")
    answer = post(operator, f"{at}/reassign", {"assignee": world.compliance.username})
    assert answer.status_code == 200, answer.content
    task = answer.json()["compensation"]
    assert (task["assignee"], task["compensation"]["attempt"]) == (world.compliance.username, 2)
    assert len(answer.json()["original"]["compensations"]) == 2
    busy = post(operator, f"{at}/retry")
    assert (busy.status_code, busy.json()["code"]) == (409, "illegal_state")


@pytest.mark.parametrize(
    ("decision", "body", "status", "state"),
    [
        ("retry", {}, "COMPENSATING", "COMPENSATING"),
        ("hand-to-human", {"candidate_groups": ["compliance"]}, "COMPENSATING", "COMPENSATING"),
        ("attest", {"evidence": "Letter of 2 May"}, "COMPENSATED", "COMPENSATED"),
        ("abandon", {"reason": "Court has it"}, "COMPLETED", "NONE"),
    ],
)
def test_a_decision_on_a_fault(
    world: World, decision: str, body: dict[str, Any], status: str, state: str
) -> None:
    original, _task = faulted(world)
    answer = post(api(world.operator), f"/{original['id']}/compensation/{decision}", body)
    assert answer.status_code == 200, answer.content
    after = answer.json()["original"]
    assert (after["status"], after["compensation_state"]) == (status, state)
    assert answer.headers["ETag"] == f'"v{after["version"]}"'


def test_an_undo_is_withdrawn_until_it_has_started(world: World) -> None:
    item = done(world)
    task = undone(world, item)["compensation"]
    answer = post(api(world.operator), f"/{item['id']}/compensation/withdraw", {"reason": "wrong"})
    assert answer.json()["original"]["status"] == "COMPLETED"
    assert answer.json()["compensation"]["status"] == "CANCELLED"
    second = undone(world, item)["compensation"]
    assert second["id"] != task["id"]
    post(api(world.analyst), f"/{second['id']}/start")
    late = post(api(world.operator), f"/{item['id']}/compensation/withdraw")
    assert (late.status_code, late.json()["code"]) == (409, "undo_started")
    assert read(api(world.operator), second["id"])["status"] == "IN_PROGRESS"


def test_an_automated_undo_answers_with_the_execution(world: World) -> None:
    item = done(
        world,
        payload={"fail_times": 0},
        compensation={"mode": "automated", "capability": "demo.flaky"},
    )
    answer = undone(world, item)
    run = answer["compensation"]
    assert (run["type"], run["capability"], run["status"]) == ("execution", "demo.flaky", "PENDING")
    assert run["undoes"] == {"type": "work_item", "id": item["id"]}
    assert run["idempotency_key"] == f"comp:{item['id']}:1"
    assert answer["original"]["compensations"] == [{"type": "execution", "id": run["id"]}]
    assert answer["original"]["compensated_by"] == []
    nodes = api(world.auditor).get(f"{ROOT}/{item['id']}/causal-chain").json()["nodes"]
    assert [(node["type"], node["lane"]) for node in nodes] == [
        ("work_item", "forward"), ("execution", "undo"),
    ]  # fmt: skip
