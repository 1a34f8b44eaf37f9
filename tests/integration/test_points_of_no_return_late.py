"""What was under way when a rollback began by itself, and ends beside a point of no return that was
under way too."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from compensation.models import CompensationRun
from executions.actions import record_result
from executions.models import Execution
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, roll_back, run_row, steps
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.subcases import below, child, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

PAY = automated("pay", "erp.pay", "true", "{}", compensation={"mode": "human"})
SIGN = automated("sign", "erp.sign", "true", "{}", reversibility="pivot")
BACK = {
    "name": "back", "on": {"contextChange": {}}, "when": '.a.outcome == "BAD"',
    "throw": {"scope": "whole", "then": "end"},
}  # fmt: skip
AFTER_IT = "pivot: A point of no return came after it: only a person goes past that."
ITSELF = "pivot: It is a point of no return."


def report(world: World, case_id: uuid.UUID, step: str, outcome: str = "succeeded") -> None:
    """Say how a program outside has ended, and let the engine hear of it."""
    with tenant_scope(world.operator.tenant_id):
        id_ = Execution.objects.get(case_id=case_id, binding=step).id
    said: dict[str, Any] = {"output": {"n": 1}} if outcome == "succeeded" else {"error": "No"}
    record_result(id_, call=Call(world.operator), outcome=outcome, **said)
    drain()


def only_run(world: World, case_id: uuid.UUID) -> CompensationRun:
    with tenant_scope(world.operator.tenant_id):
        return CompensationRun.objects.get(about_id=case_id)


def ended(world: World, run: CompensationRun) -> list[tuple[str, str, str]]:
    """Return what was added to a run, how that stands, and why."""
    found = steps(world, run.id)
    return [(each.original_name, each.status, each.error) for each in found if each.amendment]


def undos(world: World) -> list[str]:
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(kind="COMPENSATION", tenant_id=world.operator.tenant_id)
        return [row.title for row in rows]


def thrown(world: World) -> tuple[uuid.UUID, CompensationRun]:
    """Return a case that undoes itself while a payment and a signature are under way."""
    deploy(world, definition("way", human("a"), PAY, SIGN, BACK))
    case_id = opened(world, "tests/way")
    finish(world.analyst, case_id, "a", "BAD")
    run = only_run(world, case_id)
    assert (run.trigger, run.status, undos(world)) == ("rule", "RUNNING", [])
    return case_id, run


@pytest.mark.parametrize(
    ("outcome", "others"), [("succeeded", [("sign", "BLOCKED", ITSELF)]), ("failed", [])]
)
def test_what_ends_while_one_is_owed_stays(
    world: World, outcome: str, others: list[tuple[str, str, str]]
) -> None:
    case_id, run = thrown(world)
    report(world, case_id, "pay")
    assert ended(world, run) == [("pay", "BLOCKED", AFTER_IT)]
    assert run_row(world, run.id).status == "RUNNING", "the other is awaited"
    report(world, case_id, "sign", outcome)
    assert ended(world, run) == [("pay", "BLOCKED", AFTER_IT), *others]
    assert (run_row(world, run.id).status, undos(world)) == ("PARTIAL", [])
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"
    verify()


def test_what_ends_after_it_is_undone(world: World) -> None:
    case_id, run = thrown(world)
    report(world, case_id, "sign")
    report(world, case_id, "pay")
    assert ended(world, run) == [("sign", "BLOCKED", ITSELF), ("pay", "RUNNING", "")]
    assert len(undos(world)) == 1


def test_what_a_person_has_asked_for_is_undone(world: World) -> None:
    deploy(world, definition("way", human("a"), PAY, SIGN))
    case_id = opened(world, "tests/way")
    finish(world.analyst, case_id, "a", "OK")
    run = roll_back(world, case_id)
    report(world, case_id, "pay")
    assert [each[0] for each in ended(world, run)] == ["pay"]
    report(world, case_id, "sign")
    assert ended(world, run) == [("pay", "RUNNING", ""), ("sign", "BLOCKED", ITSELF)]
    assert len(undos(world)) == 1


@pytest.mark.parametrize("by_itself", [True, False])
def test_so_does_what_ends_in_a_case_below(world: World, *, by_itself: bool) -> None:
    """Its run is begun by the one above, and who began that counts."""
    deploy(world, definition("low", PAY, SIGN))
    deploy(world, definition("way", human("a"), below("low", "low"), *([BACK] * by_itself)))
    top = opened(world, "tests/way")
    case_id = child(world, top).id
    finish(world.analyst, top, "a", "BAD")
    if not by_itself:
        roll_back(world, top)
    run = only_run(world, case_id)
    assert (run.trigger, only_run(world, top).trigger) == (
        "parent", "rule" if by_itself else "operator",
    )  # fmt: skip
    report(world, case_id, "pay")
    report(world, case_id, "sign")
    first = ("pay", "BLOCKED", AFTER_IT) if by_itself else ("pay", "RUNNING", "")
    assert ended(world, run) == [first, ("sign", "BLOCKED", ITSELF)]
    assert len(undos(world)) == (0 if by_itself else 1)
    if by_itself:
        assert statuses(world, top) == ["PARTIALLY_COMPENSATED"] * 2
    verify()
