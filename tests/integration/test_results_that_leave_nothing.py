"""Results that come in during a rollback and need no undo: they keep nothing from being clean."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from executions.actions import record_result
from executions.capability_registry import agent_capability
from executions.models import Execution
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    finish,
    opened,
    plan_for,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration.test_throwing_steps import names, run_of, throw
from tests.verifying import verify
from tests.world import World
from verbs.call import Call


def looked_up(**more: Any) -> dict[str, Any]:
    """Return a step that a program outside does, and that needs no undo."""
    return automated("x", "erp.look", ".a", "{n: 1}", reversibility="not_needed", **more)


def answered(world: World, case_id: uuid.UUID, outcome: str = "succeeded") -> Execution:
    """Let the program outside answer, and return what it has done."""
    with tenant_scope(world.operator.tenant_id):
        row = Execution.objects.get(case_id=case_id, binding="x")
    given = {"output": {"found": 1}} if outcome == "succeeded" else {"error": "not there"}
    record_result(row.id, call=Call(world.operator), outcome=outcome, **given)
    drain()
    with tenant_scope(world.operator.tenant_id):
        return Execution.objects.get(id=row.id)


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_what_needs_no_undo_and_ends_during_a_rollback_is_no_exception(
    world: World, outcome: str
) -> None:
    deploy(world, definition("late", human("a"), looked_up()))
    case_id = opened(world, "tests/late")
    finish(world.analyst, case_id, "a", "OK")
    run = roll_back(world, case_id)
    with tenant_scope(world.operator.tenant_id):
        [owed] = run_row(world, run.id).left_out
    assert (owed["original"]["name"], owed["code"]) == ("x", "in_flight")
    row = answered(world, case_id, outcome)
    assert [step.original_name for step in steps(world, run.id)] == ["a"]
    undo(world.analyst, case_id)
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "COMPLETED", "COMPENSATED",
    )  # fmt: skip
    assert (row.compensation_state, plan_items(world, case_id)["x"].compensation_state) == (
        "NONE", "NONE",
    )  # fmt: skip
    verify()


def test_what_is_to_be_undone_and_was_not_still_is_one(world: World) -> None:
    kept = automated("x", "erp.book", ".a", "{n: 1}", reversibility="irreversible")
    deploy(world, definition("late", human("a"), kept))
    case_id = opened(world, "tests/late")
    finish(world.analyst, case_id, "a", "OK")
    run = roll_back(world, case_id)
    answered(world, case_id)
    undo(world.analyst, case_id)
    assert [(step.original_name, step.status) for step in steps(world, run.id)] == [
        ("a", "DONE"), ("x", "BLOCKED"),
    ]  # fmt: skip
    assert case_row(world, case_id).status == "PARTIALLY_COMPENSATED"


def test_after_a_throw_the_case_goes_on_all_the_same(world: World) -> None:
    back = throw('.b.outcome == "BAD"', then="resume")
    b = human("b", ".a and .b == null")
    deploy(world, definition("late", human("a"), b, looked_up(), back))
    case_id = opened(world, "tests/late")
    for name, outcome in (("a", "OK"), ("b", "BAD")):
        finish(world.analyst, case_id, name, outcome)
    assert case_row(world, case_id).status == "COMPENSATING"
    answered(world, case_id)
    for _ in range(2):
        undo(world.analyst, case_id)
    run = run_of(world, case_id)
    assert (names(world, run), run.status) == (["b", "a"], "COMPLETED")
    assert case_row(world, case_id).status == "RUNNING"


def test_nobody_is_asked_to_agree_to_what_will_not_be_undone(world: World) -> None:
    agent_capability("test.asks", undone_by="test.unask", risk="high")
    for name, more in (("nothing", {"reversibility": "not_needed"}), ("something", {})):
        asks = automated("x", "test.asks", ".a", "{n: 1}", **more)
        deploy(world, definition(name, human("a"), asks))
    found = {}
    for name in ("nothing", "something"):
        case_id = opened(world, f"tests/{name}")
        finish(world.analyst, case_id, "a", "OK")
        plan = plan_for(world, case_id)
        assert [each["code"] for each in plan.content["excluded"]] == ["in_flight"]
        found[name] = plan.requires_approval
    assert found == {"nothing": False, "something": True}
