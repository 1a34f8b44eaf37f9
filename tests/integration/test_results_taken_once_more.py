"""A result that could not be taken in is taken in once more before its case goes on, however it
comes to go on: what is done is not done again."""

from __future__ import annotations

import uuid

import pytest

from cases import actions
from cases.actions import deciding
from cases.definitions import ExpressionFailed
from cases.models import PlanItem
from compensation.actions.plan_execution import execute
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, plan_for, undo
from tests.definitions import definition, human
from tests.draining import drain
from tests.verifying import verify
from tests.world import World
from verbs.call import Call


def tries(world: World, case_id: uuid.UUID, binding: str) -> list[tuple[str, str]]:
    """Return of each try of a binding how it ended."""
    with tenant_scope(world.operator.tenant_id):
        rows = PlanItem.objects.filter(case_id=case_id, binding=binding)
        return [(str(row.status), row.error) for row in rows.order_by("created_at", "id")]


def too_late(context: object, results: list[object], **_how: object) -> list[ExpressionFailed]:
    return [ExpressionFailed("timeout", "took too long", expression=".") for _ in results]


def finished_too_late(world: World, case_id: uuid.UUID, binding: str) -> None:
    """Finish a task at a moment when the machine is too busy to apply its mapping."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deciding, "contexts_after", too_late)
        finish(world.analyst, case_id, binding, "DONE")
    assert tries(world, case_id, binding) == [("COMPLETED", "took too long (in: .)")]


def test_of_a_case_put_on_hold_before_its_retry_was_heard(world: World) -> None:
    deploy(world, definition("late", human("a")))
    case_id = opened(world, "tests/late")
    finished_too_late(world, case_id, "a")
    assert case_row(world, case_id).fault == "a: took too long (in: .)"
    actions.retry_case(case_id, call=Call(world.operator))
    actions.suspend_case(case_id, call=Call(world.operator), reason="Stop")
    drain()
    actions.resume_case(case_id, call=Call(world.operator))
    drain()
    assert tries(world, case_id, "a") == [("COMPLETED", "")]
    case = case_row(world, case_id)
    assert (case.status, case.context["a"]["outcome"]) == ("RUNNING", "DONE")
    verify()


def test_of_a_step_that_was_done_while_another_was_undone(world: World) -> None:
    deploy(world, definition("late", human("a"), human("b")))
    case_id = opened(world, "tests/late")
    finish(world.analyst, case_id, "b", "DONE")
    plan = plan_for(world, case_id, scope={"kind": "steps", "steps": ["b"], "only_this": True})
    execute(plan.id, call=Call(world.operator, digest=plan.digest), resume_after=True)
    drain()
    finished_too_late(world, case_id, "a")
    assert case_row(world, case_id).status == "COMPENSATING"
    undo(world.analyst, case_id)
    assert tries(world, case_id, "a") == [("COMPLETED", "")]
    case = case_row(world, case_id)
    assert (case.status, case.context["a"]["outcome"]) == ("RUNNING", "DONE")
    verify()
