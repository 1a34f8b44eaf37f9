"""A rollback of one work item or one execution that belongs to no case."""

from __future__ import annotations

import uuid

import pytest

from compensation.actions.plan_execution import execute
from compensation.actions.step_verbs import retry_step
from compensation.models import CompensationPlan, CompensationRun, CompensationStep
from config.demo.transfers import balances, open_accounts
from executions.actions import request_execution
from executions.models import Execution
from ledger.errors import Conflict
from ledger.tenancy import tenant_scope
from tests.draining import drain
from tests.states import actions_of, work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find
from workitems.actions import create_work_item, retry_compensation
from workitems.models import WorkItem

REASON = "The credit check was forged"


def _work(world: World, item_id: uuid.UUID, outcome: str | None) -> None:
    work(world.analyst, item_id, outcome)
    drain()


def _task(world: World, item_id: uuid.UUID) -> WorkItem:
    with tenant_scope(world.operator.tenant_id):
        return WorkItem.objects.get(compensates_id=item_id, status="ASSIGNED")


def _started(world: World, type_: str, id_: uuid.UUID) -> CompensationRun:
    plan: CompensationPlan = find(type_, "compensation-plan")(
        id_, call=Call(world.operator), reason=REASON
    )
    run: CompensationRun = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    return run


def _status(world: World, run: CompensationRun) -> tuple[str, str]:
    with tenant_scope(world.operator.tenant_id):
        step = CompensationStep.objects.get(run_id=run.id)
        return CompensationRun.objects.get(id=run.id).status, step.status


def test_a_run_about_an_item_without_a_case(world: World) -> None:
    item = create_work_item(call=Call(world.operator), title="Alone")
    _work(world, item.id, None)
    run = _started(world, "work_item", item.id)
    _work(world, _task(world, item.id).id, "CANNOT_REVERSE")
    assert _status(world, run) == ("FAULTED", "FAILED")
    with pytest.raises(Conflict):
        retry_compensation(item.id, call=Call(world.operator))
    retry_step(run.id, 1, call=Call(world.operator))
    drain()
    _work(world, _task(world, item.id).id, "REVERSED")
    assert _status(world, run) == ("COMPLETED", "DONE")
    assert actions_of(world, "work_item", item.id)[-1] == "compensation_completed"
    verify()


def test_a_run_about_an_execution_without_a_case(world: World) -> None:
    open_accounts(world.operator.tenant_id)
    before = balances(world.operator.tenant_id)
    execution = request_execution(
        call=Call(world.operator),
        capability="demo.transfer",
        input={"from": "bank", "to": "customer", "amount": 25_000},
    )
    drain()
    assert balances(world.operator.tenant_id) != before
    run = _started(world, "execution", execution.id)
    drain()
    assert _status(world, run) == ("COMPLETED", "DONE")
    assert balances(world.operator.tenant_id) == before
    with tenant_scope(world.operator.tenant_id):
        row = Execution.objects.get(id=execution.id)
    assert (row.status, row.compensation_state) == ("COMPENSATED", "COMPENSATED")
    verify()
