"""A person's rollback that leaves a point of no return behind is agreed to by another person."""

from __future__ import annotations

import uuid

import pytest

from compensation.actions.plan_execution import execute
from compensation.actions.waiting_runs import approve_run
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, plan_for, run_row, steps, undo
from tests.definitions import definition, human
from tests.draining import drain
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem


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
            "reason": "reversibility: what cannot be undone stays",
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
