"""Undoing one risky item by itself: nobody begins it, vouches for it, or gives it up, alone."""

from __future__ import annotations

from typing import Any

import pytest

from compensation.actions.plan_execution import execute
from compensation.models import CompensationRun
from executions.capability_registry import Failed, capability
from executions.models import Execution
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests import states
from tests.approvals import approve, of_item, second_approver
from tests.approvals import history as approval_history
from tests.bank import Bank, open_bank
from tests.casework import preview
from tests.clients import api, browser
from tests.draining import drain
from tests.integration.test_choreography import listening, sent
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

pytestmark = pytest.mark.django_db(transaction=True)
AUTOMATED = {"mode": "automated", "capability": "test.risky"}
JSON: dict[str, Any] = {"content_type": "application/json"}


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    return open_bank(monkeypatch)


def rule_of(answer: Any) -> tuple[str, str]:
    """Return which rule asked for an approval, and why."""
    [rule] = answer.approval.decisions
    return rule["policy"], rule["reason"]


def untouched(world: World, item: WorkItem) -> None:
    """Check that nothing of the undo of an item has begun, nor is about to."""
    drain()
    assert states.stored(world, item.id).status == "COMPLETED"
    assert states.attempts(world, item.id) == []
    assert "compensation_started" not in states.actions_of(world, "work_item", item.id)
    with tenant_scope(world.operator.tenant_id):
        assert not Execution.objects.filter(undoes_id=item.id).exists()
        assert not WorkItem.objects.filter(compensates_id=item.id).exists()


@pytest.mark.parametrize("risk", ["medium", "high", "critical"])
def test_nobody_begins_alone_what_is_risky(world: World, bank: Bank, risk: str) -> None:
    """As little as a plan about the same item, which waits for somebody else."""
    capability("test.risky", risk=risk)(bank.pay)
    item = states.completed(world.analyst, payload={"amount": 5}, compensation=AUTOMATED)
    url = f"/api/v1/work-items/{item.id}/compensate"
    answer = api(world.operator).post(url, {"reason": "Wrong"}, **JSON)
    if risk == "medium":
        assert answer.status_code == 201
        drain()
        assert (states.stored(world, item.id).status, bank.out) == ("COMPENSATED", 5)
        assert of_item(item) == []
        return
    assert (answer.status_code, list(answer.json())) == (202, ["approval"])
    [approval] = of_item(item)
    [rule] = approval.decisions
    assert (rule["policy"], rule["reason"]) == ("four_eyes", f"risk: {risk}")
    with pytest.raises(NotPermitted):
        approve(approval.id, call=Call(world.operator))
    untouched(world, item)
    assert bank.out == 0
    approve(approval.id, call=Call(world.approver))
    drain()
    assert (states.stored(world, item.id).status, bank.out) == ("COMPENSATED", 5)
    [started] = [
        each for each in states.history(world, "work_item", item.id)
        if each.action == "compensation_started"
    ]  # fmt: skip
    granted = approval_history(world, approval)[-1]
    assert started.caused_by is not None
    assert (granted.action, started.caused_by.id) == ("granted", granted.id)


@pytest.mark.parametrize("wish", [{}, {"mode": "human"}, {"strategy": "correct"}])
def test_no_other_way_leads_around_a_plan_that_waits(
    world: World, bank: Bank, wish: dict[str, str]
) -> None:
    capability("test.risky", risk="high")(bank.pay)
    item = states.completed(world.analyst, payload={"amount": 5}, compensation=AUTOMATED)
    plan = preview(("work_item", item.id), call=Call(world.operator), reason="Wrong")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert run.status == "PENDING_APPROVAL"
    answer: Any = states.compensate(item, world.operator, **wish)
    assert rule_of(answer) == ("four_eyes", "risk: high")
    untouched(world, item)
    assert bank.out == 0


def test_nobody_corrects_alone_what_cannot_be_undone(world: World) -> None:
    item = states.completed(world.analyst, reversibility="irreversible")
    answer: Any = states.compensate(item, world.operator, strategy="correct")
    assert rule_of(answer) == (
        "four_eyes", "reversibility: what cannot be undone is corrected",
    )  # fmt: skip
    untouched(world, item)
    page = browser(world.operator).get(f"/work-items/{item.id}/").content.decode()
    assert "Has to agree to its undo" in page
    assert f"/approvals/{answer.approval.id}/" in page
    approve(answer.approval.id, call=Call(world.approver))
    [attempt] = states.attempts(world, item.id)
    assert attempt.strategy == "correct"
    assert states.stored(world, item.id).status == "COMPENSATING"


def test_where_a_policy_names_how_many_it_is_they_who_agree(world: World, bank: Bank) -> None:
    capability("test.risky", risk="critical")(bank.pay)
    two = {**AUTOMATED, "approval": "two"}
    item = states.completed(world.analyst, payload={"amount": 5}, compensation=two)
    answer: Any = states.compensate(item, world.operator)
    assert rule_of(answer) == ("compensation", "approval: two")
    approve(answer.approval.id, call=Call(world.approver))
    untouched(world, item)
    approve(answer.approval.id, call=Call(second_approver(world)))
    drain()
    assert (states.stored(world, item.id).status, bank.out) == ("COMPENSATED", 5)


def test_an_event_undoes_nothing_risky(world: World, bank: Bank) -> None:
    capability("test.risky", risk="high")(bank.pay)
    item = listening(world, payload={"amount": 5}, compensation=AUTOMATED)
    sent(world)
    untouched(world, item)
    entry = states.history(world, "work_item", item.id)[-1]
    assert (entry.action, entry.payloads["code"]) == ("event_not_followed", "approval_required")
    assert (bank.out, of_item(item)) == (0, [])
    with tenant_scope(world.operator.tenant_id):
        assert not CompensationRun.objects.exists()


@pytest.mark.parametrize("risk", ["medium", "high"])
def test_nobody_vouches_alone_for_what_is_risky(world: World, bank: Bank, risk: str) -> None:
    """Also where no policy asks for approval: of an item by itself as of a step of a rollback."""

    def refuse(_call: Any) -> Any:
        raise Failed("the bank is closed")

    capability("test.risky", risk=risk)(refuse)
    item = states.completed(world.analyst, compensation=AUTOMATED)
    answer: Any = states.compensate(item, world.operator)
    if risk == "high":
        approve(answer.approval.id, call=Call(world.approver))
    drain(fast_forward=True)
    assert states.stored(world, item.id).status == "COMPENSATION_FAULTED"
    answer = actions.attest(item.id, call=Call(world.operator), evidence="Letter 7")
    if risk == "medium":
        assert answer.original.status == "COMPENSATED"
        return
    assert states.stored(world, item.id).status == "COMPENSATION_FAULTED"
    assert rule_of(answer) == ("four_eyes", "risk: high")
    with pytest.raises(NotPermitted):
        approve(answer.approval.id, call=Call(world.operator))
    approve(answer.approval.id, call=Call(world.approver))
    assert states.stored(world, item.id).status == "COMPENSATED"
