"""A run about one item: it takes the live slot of its case and leaves the case where it is."""

from __future__ import annotations

import uuid

import pytest

from compensation.actions.plan_execution import execute
from compensation.actions.step_verbs import retry_step
from ledger.errors import Conflict
from ledger.tenancy import tenant_scope
from tests.casework import (
    REASON,
    approved_loan,
    case_row,
    plan_for,
    plan_items,
    preview,
    run_row,
    undo,
)
from tests.draining import drain
from tests.states import work
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.actions import create_work_item
from workitems.models import WorkItem


def test_a_run_about_one_item_leaves_the_case_where_it_is(world: World) -> None:
    case_id = approved_loan(world)
    item = plan_items(world, case_id)["approval"]
    plan = preview(item.work, call=Call(world.operator), reason=REASON)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    assert case_row(world, case_id).status == "COMPLETED"
    whole = plan_for(world, case_id)
    with pytest.raises(Conflict):
        execute(whole.id, call=Call(world.operator, digest=whole.digest))
    undo(world.underwriter, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    case = case_row(world, case_id)
    assert (case.status, case.invalidated) == ("COMPLETED", ["approval"])
    again = plan_for(world, case_id)
    assert {e["original"]["name"]: e["code"] for e in again.content["excluded"]} == {
        "approval": "already_compensated"
    }


def test_a_run_about_an_item_without_a_case(world: World) -> None:
    item_id = _lone_item(world)
    plan = preview(("work_item", item_id), call=Call(world.operator), reason=REASON)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    with tenant_scope(world.operator.tenant_id):
        task = WorkItem.objects.get(compensates_id=item_id)
    work(world.analyst, task.id, "CANNOT_REVERSE")
    drain()
    assert run_row(world, run.id).status == "FAULTED"
    retry_step(run.id, 1, call=Call(world.operator))
    with tenant_scope(world.operator.tenant_id):
        task = WorkItem.objects.get(compensates_id=item_id, status="ASSIGNED")
    work(world.analyst, task.id, "REVERSED")
    drain()
    assert run_row(world, run.id).status == "COMPLETED"
    verify()


def _lone_item(world: World) -> uuid.UUID:
    item = create_work_item(call=Call(world.operator), title="Alone")
    work(world.analyst, item.id, None)
    drain()
    return item.id
