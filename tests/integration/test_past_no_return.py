"""A person's rollback that leaves a point of no return behind is agreed to by another person."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, plan_for, run_row, steps, undo
from tests.definitions import definition, human
from tests.draining import drain
from tests.subcases import below, child
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

STAYS = "reversibility: what cannot be undone stays"


def done(world: World, reversibility: str, *, names: str = "abc") -> uuid.UUID:
    """Return a case of three tasks of which the second is declared so, and these were done."""
    b = human("b", ".a and .b == null", reversibility=reversibility)
    c = human("c", ".b and .c == null")
    deploy(world, definition("way", human("a"), b, c, human("d", ".c and .d == null")))
    case_id = opened(world, "tests/way")
    for name in names:
        finish(world.analyst, case_id, name, "OK")
    return case_id


@pytest.mark.parametrize("declared", ["pivot", "irreversible"])
def test_nothing_is_undone_before_another_person_agrees(world: World, declared: str) -> None:
    case_id = done(world, declared)
    plan = plan_for(world, case_id)
    assert [each["code"] for each in plan.content["excluded"]] == [declared, "not_completed"]
    assert plan.requires_approval
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    assert (run.status, case_row(world, case_id).status) == ("PENDING_APPROVAL", "RUNNING")
    assert run.decisions == [
        {
            "policy": "four_eyes", "effect": "require_approval",
            "reason": STAYS,
        }
    ]  # fmt: skip
    with tenant_scope(world.operator.tenant_id):
        assert not WorkItem.objects.filter(case_id=case_id, kind="COMPENSATION").exists()
    with pytest.raises(NotPermitted):
        approve_run(run.id, call=Call(world.operator))
    approve_run(run.id, call=Call(world.approver))
    drain()
    assert [step.original_name for step in steps(world, run.id)] == ["c", "a"]
    for _ in range(2):
        undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "PARTIAL"
    verify()


def test_who_stops_before_it_asks_nobody(world: World) -> None:
    case_id = done(world, "pivot")
    scope = {"kind": "from_step", "step": "c"}
    plan = plan_for(world, case_id, scope=scope)
    assert not plan.requires_approval
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert run.status == "RUNNING"


def test_one_that_was_not_passed_asks_nobody(world: World) -> None:
    case_id = done(world, "pivot", names="a")
    plan = plan_for(world, case_id)
    assert [each["code"] for each in plan.content["excluded"]] == ["not_completed"]
    assert not plan.requires_approval
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert run.status == "RUNNING"


def needs_another(world: World, case_id: uuid.UUID, scope: dict[str, Any]) -> bool:
    """Whether a run over so much waits for somebody, as its plan says; nothing has begun then."""
    plan = plan_for(world, case_id, scope=scope)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    waits: bool = run.status == "PENDING_APPROVAL"
    assert plan.requires_approval == waits
    assert [each["reason"] for each in run.decisions] == [STAYS] * waits
    with tenant_scope(world.operator.tenant_id):
        begun = WorkItem.objects.filter(kind="COMPENSATION", tenant_id=world.operator.tenant_id)
        assert begun.exists() != waits
    return waits


@pytest.mark.parametrize("declared", ["pivot", "irreversible"])
@pytest.mark.parametrize("steps", [["a"], ["a", "c"]])
def test_choosing_around_it_asks_as_well(world: World, declared: str, steps: list[str]) -> None:
    """It is not among what was chosen, came later, and stays."""
    case_id = done(world, declared)
    scope = {"kind": "steps", "steps": steps, "only_this": True}
    plan = plan_for(world, case_id, scope=scope)
    assert "dependents_remain" in [each["code"] for each in plan.content["excluded"]]
    assert needs_another(world, case_id, scope)
    verify()


def test_choosing_what_came_after_it_asks_nobody(world: World) -> None:
    case_id = done(world, "pivot")
    assert not needs_another(world, case_id, {"kind": "steps", "steps": ["c"], "only_this": True})


def test_leaving_what_can_be_undone_asks_nobody(world: World) -> None:
    case_id = done(world, "compensable")
    assert not needs_another(world, case_id, {"kind": "steps", "steps": ["a"], "only_this": True})


@pytest.mark.parametrize("names", ["", "b", "bc"])
def test_one_sub_case_alone_asks_when_it_was_passed_after_that(world: World, names: str) -> None:
    deploy(world, definition("low", human("x"), success=".x != null"))
    b = human("b", ".low != null and .b == null", reversibility="pivot")
    c = human("c", ".b and .c == null")
    deploy(world, definition("way", below("low", "low"), b, c, human("d", ".c and .d == null")))
    case_id = opened(world, "tests/way")
    low = child(world, case_id).id
    finish(world.analyst, low, "x", "OK")
    for name in names:
        finish(world.analyst, case_id, name, "OK")
    scope = {"kind": "sub_case", "case": str(low)}
    assert needs_another(world, case_id, scope) == ("b" in names)


@pytest.mark.parametrize("ends", [True, False])
def test_one_within_a_case_below_asks_as_well(world: World, *, ends: bool) -> None:
    """Also where that case goes on, and has no place in the order yet."""
    p = human("p", reversibility="pivot")
    q = human("q", ".p and .q == null")
    deploy(world, definition("low", p, q, success=".q != null"))
    late = below("low", "low", ".a != null and .low == null")
    deploy(world, definition("way", human("a"), late, human("z", ".low != null and .z == null")))
    case_id = opened(world, "tests/way")
    finish(world.analyst, case_id, "a", "OK")
    low = child(world, case_id).id
    finish(world.analyst, low, "p", "OK")
    if ends:
        finish(world.analyst, low, "q", "OK")
    assert needs_another(world, case_id, {"kind": "steps", "steps": ["a"], "only_this": True})


def test_a_case_below_that_has_passed_none_asks_nobody(world: World) -> None:
    p = human("p", reversibility="pivot")
    deploy(world, definition("low", p, success=".p != null"))
    late = below("low", "low", ".a != null and .low == null")
    deploy(world, definition("way", human("a"), late))
    case_id = opened(world, "tests/way")
    finish(world.analyst, case_id, "a", "OK")
    scope = {"kind": "steps", "steps": ["a"], "only_this": True}
    assert not needs_another(world, case_id, scope)
