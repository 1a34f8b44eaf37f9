"""Undos that a program makes, and steps of a case, under the same policies as all executions."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases.actions import cancel_case, retry_case
from compensation.actions.plan_execution import execute
from compensation.models import CompensationRun
from executions import actions
from executions.capability_registry import agent_capability
from executions.models import Execution
from governance.actions.policy_verbs import end_policy
from governance.models import Approval
from ledger.errors import Conflict, NotPermitted
from ledger.tenancy import tenant_scope
from tests import bank as banks
from tests import states
from tests.bank import Bank, open_bank, paying_case, roll_back
from tests.casework import case_row, deploy, opened, plan_items, preview, run_row, steps
from tests.clients import api
from tests.definitions import automated, definition
from tests.draining import drain
from tests.integration.test_governed_executions import policy, stored
from tests.lanes import Cost
from tests.world import World
from verbs.call import Call

UNDO = '.operation == "undo" and .capability == "test.unpay"'


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    return open_bank(monkeypatch)


def undos(world: World, row: Execution) -> list[Execution]:
    with tenant_scope(world.operator.tenant_id):
        return list(Execution.objects.filter(undoes_id=row.id).order_by("created_at", "id"))


def waiting(world: World, execution: Execution) -> Approval:
    with tenant_scope(world.operator.tenant_id):
        return Approval.objects.get(about_id=execution.id)


def paying_case_that_waits(world: World) -> tuple[uuid.UUID, Execution]:
    """Open a case whose only step pays, and pass no time."""
    step = automated("pay", "test.pay", "true", "{amount: 5}")
    deploy(world, definition("pay", step, success=".pay"))
    case_id = opened(world, "tests/pay")
    drain()
    with tenant_scope(world.operator.tenant_id):
        return case_id, Execution.objects.get(case_id=case_id)


def test_a_planted_deny_policy_stops_the_undo_of_a_step(world: World, bank: Bank) -> None:
    case_id, paid = paying_case(world)
    planted = policy(world, "deny", UNDO, reason="The books are closed")
    run = roll_back(world, case_id)
    [step] = steps(world, run.id)
    assert (run.status, step.status) == ("FAULTED", "FAILED")
    assert "The books are closed" in step.error
    # What was decided is kept, on the step and in its entry.
    shown = api(world.operator).get(f"/api/v1/compensation-runs/{run.id}").json()["steps"][0]
    assert [each["id"] for each in shown["decisions"]] == [str(planted.id)]
    [failed] = [
        each for each in states.history(world, "compensation_run", run.id)
        if each.action == "compensation_step_failed"
    ]  # fmt: skip
    assert [
        (each["policy"], each["priority"], each["severity"], each["reason"])
        for each in failed.payloads["decisions"]
    ] == [(planted.name, 10, "medium", "The books are closed")]
    assert (undos(world, paid), list(bank.paid.values())) == ([], [5])
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
    # A person can act: the policy is ended, the step tried again.
    end_policy(planted.id, call=Call(world.admin))
    answer = api(world.operator).post(
        f"/api/v1/compensation-runs/{run.id}/steps/1/retry", {}, content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    drain(fast_forward=True)
    assert (run_row(world, run.id).status, bank.out) == ("COMPLETED", 0)


def test_a_policy_stops_the_undo_of_one_execution(world: World, bank: Bank) -> None:
    paid = banks.pay(world)
    planted = policy(world, "deny", f'{UNDO} and .compensates.id == "{paid.id}"')
    plan = preview(("execution", paid.id), call=Call(world.operator), reason="Wrong")
    started = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)
    [step] = steps(world, started.id)
    assert (step.status, planted.name in step.error) == ("FAILED", True)
    assert (undos(world, paid), bank.out) == ([], 5)


def _rolling_back(world: World, case_id: uuid.UUID) -> CompensationRun:
    plan = preview(("case", case_id), call=Call(world.operator), reason="Wrong")
    started = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    # Nothing is skipped in time: what waits for a person goes on waiting.
    drain()
    return started


def test_an_undo_waits_until_others_agree(world: World, bank: Bank) -> None:
    case_id, paid = paying_case(world)
    policy(world, "require_approval", UNDO)
    run = _rolling_back(world, case_id)
    [undo] = undos(world, paid)
    assert (undo.status, undo.compensation_state, bank.out) == (
        "PENDING_APPROVAL", "COMPENSATING", 5,
    )  # fmt: skip
    assert [step.status for step in steps(world, run.id)] == ["RUNNING"]
    # Who had the case rolled back does not agree to its undo.
    with pytest.raises(NotPermitted):
        actions.approve_execution(undo.id, call=Call(world.operator))
    actions.approve_execution(undo.id, call=Call(world.approver))
    drain()
    assert (stored(world, undo.id).status, bank.out) == ("SUCCEEDED", 0)
    assert run_row(world, run.id).status == "COMPLETED"
    assert case_row(world, case_id).status == "COMPENSATED"


@pytest.mark.parametrize(("how", "status"), [("reject", "REJECTED"), ("changed", "SUPERSEDED")])
def test_an_undo_nobody_lets_run_is_a_failure_that_a_person_can_act_on(
    world: World, bank: Bank, how: str, status: str
) -> None:
    case_id, paid = paying_case(world)
    policy(world, "require_approval", UNDO)
    run = _rolling_back(world, case_id)
    [undo] = undos(world, paid)
    if how == "reject":
        actions.reject_execution(undo.id, call=Call(world.approver), reason="Not this one")
    else:
        policy(world, "deny", UNDO, priority=1, reason="Not this one")
        actions.approve_execution(undo.id, call=Call(world.approver))
    drain()
    found = stored(world, undo.id)
    assert (found.status, found.compensation_state) == (status, "COMPENSATION_FAULTED")
    [step] = steps(world, run.id)
    assert (step.status, "Not this one" in step.error) == ("FAILED", True)
    original = stored(world, paid.id)
    assert (original.status, bank.out) == ("COMPENSATION_FAULTED", 5)
    assert run_row(world, run.id).status == "FAULTED"


def test_a_refused_undo_of_one_item_keeps_who_decided(world: World, bank: Bank) -> None:
    item = states.completed(
        world.analyst, payload={"amount": 5}, compensation={"capability": "test.unpay"}
    )
    planted = policy(world, "deny", UNDO, severity="high", reason="Closed")
    answer = api(world.operator).post(
        f"/api/v1/work-items/{item.id}/compensate", {"reason": "Wrong"},
        content_type="application/json",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (409, "denied_by_policy")
    [noted] = [
        each for each in states.history(world, "work_item", item.id)
        if each.action == "compensation_refused"
    ]  # fmt: skip
    assert [
        (each["id"], each["priority"], each["severity"], each["reason"])
        for each in noted.payloads["decisions"]
    ] == [(str(planted.id), 10, "high", "Closed")]
    assert bank.out == 0


def test_both_ends_of_the_link_are_in_the_api(world: World, bank: Bank) -> None:
    paid = banks.pay(world)
    plan = preview(("execution", paid.id), call=Call(world.operator), reason="Wrong")
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    [undo] = undos(world, paid)
    client = api(world.operator)
    original = client.get(f"/api/v1/executions/{paid.id}").json()
    back = client.get(f"/api/v1/executions/{undo.id}").json()
    assert original["compensations"] == [{"type": "execution", "id": str(undo.id)}]
    assert back["undoes"] == {"type": "execution", "id": str(paid.id)}


def test_a_step_that_a_policy_refuses_is_rejected_and_its_case_fails(
    world: World, bank: Bank
) -> None:
    planted = policy(world, "deny", '.step == "pay"', reason="Not today")
    case_id, row = paying_case(world)
    assert (row.status, [each["id"] for each in row.decisions]) == ("REJECTED", [str(planted.id)])
    assert "Not today" in row.error
    assert plan_items(world, case_id)["pay"].status == "REJECTED"
    assert (case_row(world, case_id).status, bank.paid) == ("FAULTED", {})
    end_policy(planted.id, call=Call(world.admin))
    retry_case(case_id, call=Call(world.operator))
    drain(fast_forward=True)
    assert (case_row(world, case_id).status, bank.out) == ("COMPLETED", 5)


def test_a_condition_that_needs_jq_is_asked_of_steps_of_a_case(world: World, bank: Bank) -> None:
    policy(world, "deny", "[.input.amount, 3] | max > 4", priority=1, reason="Above three")
    case_id, row = paying_case(world)
    assert (row.status, "Above three" in row.error) == ("REJECTED", True)
    assert case_row(world, case_id).status == "FAULTED"


def test_a_step_of_a_case_waits_until_others_agree(world: World, bank: Bank) -> None:
    policy(world, "require_approval", ".case != null", approvers=[{"groups": ["compliance"]}])
    case_id, row = paying_case_that_waits(world)
    assert (row.status, case_row(world, case_id).status) == ("PENDING_APPROVAL", "RUNNING")
    actions.approve_execution(row.id, call=Call(world.compliance))
    drain()
    assert (case_row(world, case_id).status, bank.out) == ("COMPLETED", 5)
    assert waiting(world, row).status == "GRANTED"


def test_a_policy_does_not_turn_a_step_into_a_simulation(world: World, bank: Bank) -> None:
    policy(world, "modify", change='{mode: "validate"}')
    _case_id, row = paying_case(world)
    assert (row.status, row.mode, bank.paid) == ("REJECTED", "commit", {})


def test_a_tenant_without_policies_pays_one_statement_for_a_request(
    world: World, bank: Bank
) -> None:
    cost = Cost()
    said: dict[str, Any] = {"capability": "test.pay", "input": {"amount": 5}}
    cost.of(lambda: actions.request_execution(call=Call(world.operator), **said))
    asked = [each for each in cost.statements if "governance_policy" in each]
    assert (len(asked), len(cost.statements) <= 8) == (1, True), "\n".join(cost.statements)


def test_a_case_that_is_cancelled_withdraws_what_waits_in_it(world: World, bank: Bank) -> None:
    policy(world, "require_approval")
    case_id, row = paying_case_that_waits(world)
    cancel_case(case_id, call=Call(world.operator), reason="No more")
    drain()
    found = stored(world, row.id)
    assert (found.status, waiting(world, row).status) == ("CANCELLED", "WITHDRAWN")
    assert (plan_items(world, case_id)["pay"].status, bank.paid) == ("CANCELLED", {})


def test_the_undo_of_a_task_by_a_program_is_refused_and_noted(world: World, bank: Bank) -> None:
    item = states.completed(
        world.analyst, payload={"amount": 5},
        compensation={"mode": "automated", "capability": "test.unpay"},
    )  # fmt: skip
    policy(world, "deny", UNDO, reason="The books are closed")
    with pytest.raises(Conflict) as refused:
        states.compensate(item, world.operator)
    assert refused.value.code == "denied_by_policy"
    assert states.stored(world, item.id).status == "COMPLETED"
    last = states.history(world, "work_item", item.id)[-1]
    assert (last.action, last.kind) == ("compensation_refused", "REFUSAL")
    drain()
    assert bank.paid == {}


def test_what_an_agent_owes_waits_for_agreement_first(world: World, bank: Bank) -> None:
    agent_capability("test.ask-agent", performer=world.agent.username)
    policy(world, "require_approval", '.capability == "test.ask-agent"')
    row = actions.request_execution(
        call=Call(world.operator), capability="test.ask-agent", input={}
    )
    assert row.status == "PENDING_APPROVAL"
    with pytest.raises(Conflict):
        actions.record_result(row.id, call=Call(world.agent), outcome="succeeded")
    actions.approve_execution(row.id, call=Call(world.approver))
    assert stored(world, row.id).status == "WAITING"
    actions.record_result(row.id, call=Call(world.agent), outcome="succeeded")
    assert stored(world, row.id).status == "SUCCEEDED"
