"""The main job: a loan is approved and paid, its credit check was forged, everything is unwound."""

from __future__ import annotations

from compensation.actions.plan_execution import execute
from config.demo.transfers import balances, transfers
from ledger.tenancy import tenant_scope
from tests.casework import (
    BASIS,
    LOAN_STEPS,
    REASON,
    UNDO_STEPS,
    approved_loan,
    case_row,
    entries,
    open_undo,
    plan_for,
    plan_items,
    run_row,
    steps,
    undo,
)
from tests.draining import drain
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

ORDER = ["disbursement", "approval", "valuation", "credit-check"]


def test_a_loan_is_rolled_back_in_reverse_order_of_completion(world: World) -> None:
    case_id = approved_loan(world)
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("COMPLETED", "")
    assert case.context["credit_check"]["outcome"] == "PASSED"
    assert case.context["valuation"]["resolution"] == {"value": 250_000}
    assert balances(world.operator.tenant_id) == {"bank": 975_000, "customer": 25_000}

    plan = plan_for(world, case_id)
    assert [step["original"]["name"] for step in plan.content["steps"]] == ORDER
    assert [step["depends_on"] for step in plan.content["steps"]] == [[], [1], [2], [3]]
    assert [step["completion_seq"] for step in plan.content["steps"]] == [4, 3, 2, 1]
    assert plan.content["excluded"] == []
    assert case_row(world, case_id).version == case.version

    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert case_row(world, case_id).status == "COMPENSATING"
    drain()
    assert balances(world.operator.tenant_id) == {"bank": 1_000_000, "customer": 0}
    for who, name in UNDO_STEPS:
        task = open_undo(world.of(who), case_id)
        assert task.compensation is not None
        assert task.compensation["reason"] == REASON
        assert task.compensation["regulatory_basis"] == BASIS
        with tenant_scope(world.operator.tenant_id):
            (original,) = WorkItem.objects.filter(compensated_by=task)
        assert original.binding == name
        undo(world.of(who), case_id)

    assert [step.original_name for step in steps(world, run.id)] == ORDER
    assert {step.status for step in steps(world, run.id)} == {"DONE"}
    assert run_row(world, run.id).status == "COMPLETED"
    ended = case_row(world, case_id)
    assert ended.status == "COMPENSATED"
    # The money went and came back, once.
    assert transfers(world.operator.tenant_id) == [
        ("bank", "customer", 25_000),
        ("customer", "bank", 25_000),
    ]


def test_originals_keep_what_they_said_and_the_ledger_holds(world: World) -> None:
    case_id = approved_loan(world)
    before = plan_items(world, case_id)
    plan = plan_for(world, case_id)
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    for who, _ in UNDO_STEPS:
        undo(world.of(who), case_id)

    with tenant_scope(world.operator.tenant_id):
        for who, binding, outcome, resolution in LOAN_STEPS:
            original = WorkItem.objects.get(id=before[binding].work[1])
            assert (original.status, original.outcome) == ("COMPENSATED", outcome)
            assert original.resolution == resolution
            assert original.completed_by_id == world.of(who).actor_id
    after = plan_items(world, case_id)
    assert {item.compensation_state for item in after.values()} == {"COMPENSATED"}
    assert {item.status for item in after.values()} == {"COMPLETED"}
    case = case_row(world, case_id)
    # Undo removes no key: what was written by undone work is marked, what the undo wrote is not.
    assert case.invalidated == ["approval", "credit_check", "disbursement", "valuation"]
    assert case.context["credit_check"]["outcome"] == "PASSED"
    assert case.context["disbursement_reversed"] is not None
    undone = [e for e in entries(world, case_id) if e.action == "compensation_step_completed"]
    assert [e.compensation["step"] for e in undone if e.compensation] == [1, 2, 3, 4]
    assert all(e.original_id is not None for e in undone)
    verify()
