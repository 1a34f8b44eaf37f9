"""A case below that has a part of itself undone: it is held with the case above, goes on with it,
and does not go on where nobody waits for it any more."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases import actions
from cases.actions.awaited_cases import ParentOnHold
from compensation.actions.automatic_runs import AnotherBegan
from compensation.actions.step_verbs import attest_step
from compensation.facts import live_run
from compensation.models import CompensationRun
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_undo, opened, plan_items, undo
from tests.definitions import definition, human
from tests.draining import drain
from tests.states import actions_of, work
from tests.subcases import below, child, children
from tests.verifying import verify
from tests.world import World
from verbs.call import Call


def throwing(name: str = "low") -> dict[str, Any]:
    """Return a definition of a and b; of a bad b all is undone, and then d is to be done."""
    bad = '.b.outcome == "BAD"'
    back = {
        "name": "back", "on": {"contextChange": {}}, "when": bad, "throw": {"scope": "whole"},
    }  # fmt: skip
    steps = human("a"), human("b", ".a and .b == null"), human("d", f"{bad} and .d == null")
    return definition(name, *steps, back, success=".d != null")


def thrown(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case and the one below it, which is being rolled back; nothing of it is undone."""
    deploy(world, throwing())
    top = definition("top", below("low", "low"), human("own"), success=".own != null or .low.d")
    deploy(world, top)
    case_id = opened(world, "tests/top")
    low = child(world, case_id).id
    finish(world.analyst, low, "a", "OK")
    finish(world.analyst, low, "b", "BAD")
    assert status(world, case_id, low) == ["RUNNING", "COMPENSATING"]
    return case_id, low


def status(world: World, *ids: uuid.UUID) -> list[str]:
    return [str(case_row(world, id_).status) for id_ in ids]


def run_status(world: World, low: uuid.UUID) -> str:
    with tenant_scope(world.operator.tenant_id):
        return str(CompensationRun.objects.get(whole_id=low).status)


def test_its_rollback_is_held_with_the_case_above_and_goes_on_with_it(world: World) -> None:
    case_id, low = thrown(world)
    actions.suspend_case(case_id, call=Call(world.operator))
    assert status(world, case_id, low) == ["SUSPENDED", "COMPENSATING"]
    assert run_status(world, low) == "PAUSED"
    assert case_row(world, low).held_by == case_id
    with pytest.raises(ParentOnHold):
        actions.resume_case(low, call=Call(world.operator))
    undo(world.analyst, low)
    assert run_status(world, low) == "PAUSED"
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert (run_status(world, low), case_row(world, low).held_by) == ("RUNNING", None)
    undo(world.analyst, low)
    assert status(world, case_id, low) == ["RUNNING", "RUNNING"]
    finish(world.analyst, low, "d", None)
    assert status(world, case_id, low) == ["COMPLETED", "COMPLETED"]
    verify()


def test_one_that_had_to_be_decided_about_does_not_go_on_before_the_case_above(
    world: World,
) -> None:
    case_id, low = thrown(world)
    work(world.analyst, open_undo(world.analyst, low).id, "CANNOT_REVERSE")
    drain()
    assert status(world, low) == ["COMPENSATION_FAULTED"]
    actions.suspend_case(case_id, call=Call(world.operator))
    assert run_status(world, low) == "FAULTED"
    with tenant_scope(world.operator.tenant_id):
        run = CompensationRun.objects.get(whole_id=low)
    attest_step(run.id, 1, call=Call(world.operator), evidence="Letter of 4 May")
    drain()
    undo(world.analyst, low)
    assert status(world, case_id, low) == ["SUSPENDED", "SUSPENDED"]
    assert "d" not in plan_items(world, low)
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert status(world, case_id, low) == ["RUNNING", "RUNNING"]
    assert plan_items(world, low)["d"].status == "ACTIVE"


def test_nobody_goes_on_for_a_case_that_is_over(world: World) -> None:
    case_id, low = thrown(world)
    finish(world.analyst, case_id, "own", None)
    assert status(world, case_id, low) == ["COMPLETED", "COMPENSATING"]
    assert plan_items(world, case_id)["low"].status == "CANCELLED"
    undo(world.analyst, low)
    undo(world.analyst, low)
    assert status(world, low) == ["CANCELLED"]
    assert "d" not in plan_items(world, low), "it would have gone on"
    assert run_status(world, low) == "COMPLETED"
    assert actions_of(world, "case", low)[-2:] == ["rollback_settled", "cancelled"]
    verify()


def test_of_two_that_throw_at_once_the_second_says_that_a_run_is_live(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(world, throwing())
    deploy(world, definition("top", below("x", "low"), below("y", "low"), success=".x and .y"))
    case_id = opened(world, "tests/top")
    first, second = (row.id for row in children(world, case_id))
    for low in (first, second):
        finish(world.analyst, low, "a", "OK")
    finish(world.analyst, first, "b", "BAD")
    asked: list[uuid.UUID] = []
    plainly = live_run

    def too_early(*args: Any) -> Any:
        """Find nothing, once: the other's run is not committed yet."""
        asked.append(args[0])
        return None if len(asked) == 1 else plainly(*args)

    monkeypatch.setattr("compensation.actions.automatic_runs.live_run", too_early)
    finish(world.analyst, second, "b", "BAD")
    assert AnotherBegan.counts is False
    drain(fast_forward=True)
    assert len(asked) > 1
    assert status(world, first, second) == ["COMPENSATING", "FAULTED"]
    assert plan_items(world, second)["back"].error.startswith("A rollback")
    assert case_row(world, second).stopped_since is None
    verify()
