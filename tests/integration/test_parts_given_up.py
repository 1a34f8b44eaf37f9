"""A case below whose rollback cannot begin is given up by as many people as what is in it asks."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from cases.actions import stopping
from compensation.actions.plan_execution import execute
from compensation.actions.step_verbs import abandon_step, retry_step
from compensation.actions.waiting_runs import approve_run
from executions.capability_registry import capability
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests.bank import Bank, open_bank
from tests.casework import deploy, opened, plan_for, plan_items, run_row, steps
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.engine_news import news_of
from tests.subcases import below, chain, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

WHY = "Let it be"


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    made = open_bank(monkeypatch)
    for risk in ("medium", "high"):
        capability(f"test.{risk}", undone_by="test.unpay", risk=risk)(made.pay)
    return made


def held(world: World, risk: str) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case that has paid two levels below, and its run, whose one step has failed: the
    rollback of the case in between could not begin."""
    pays = automated("pay", f"test.{risk}", "true", "{amount: 5}")
    deploy(world, definition("low", pays, success=".pay"))
    deploy(world, definition("middle", below("low", "low"), success=".low.pay"))
    deploy(world, definition("top", below("middle", "middle"), human("last")))
    top = opened(world, "tests/top")
    drain(fast_forward=True)
    _top, middle, low = chain(world, top)
    paid = plan_items(world, low.id)["pay"].target_id
    assert paid is not None
    with tenant_scope(world.operator.tenant_id):
        news = dataclasses.replace(news_of(world, paid), case_id=middle.id)
        stopping.stopped(news, "jq is gone")
    plan = plan_for(world, top)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    if risk == "high":
        approve_run(run.id, call=Call(world.approver))
    drain(fast_forward=True)
    assert [(str(each.status), each.compensation_id) for each in steps(world, run.id)] == [
        ("FAILED", None)
    ]
    return top, run.id


def test_what_is_risky_inside_is_given_up_by_another_person(world: World, bank: Bank) -> None:
    top, run_id = held(world, "high")
    with pytest.raises(NotPermitted):
        abandon_step(run_id, 1, call=Call(world.operator), reason=WHY)
    assert [str(each.status) for each in steps(world, run_id)] == ["FAILED"]
    assert statuses(world, top)[0] == "COMPENSATION_FAULTED"
    abandon_step(run_id, 1, call=Call(world.admin), reason=WHY)
    drain()
    assert (run_row(world, run_id).status, bank.out) == ("PARTIAL", 5)
    assert statuses(world, top) == ["PARTIALLY_COMPENSATED", "COMPLETED", "COMPLETED"]
    verify()


def test_who_has_tried_it_again_is_not_another_person(world: World, bank: Bank) -> None:
    _top, run_id = held(world, "high")
    retry_step(run_id, 1, call=Call(world.admin))
    drain()
    assert [str(each.status) for each in steps(world, run_id)] == ["FAILED"]
    with pytest.raises(NotPermitted):
        abandon_step(run_id, 1, call=Call(world.admin), reason=WHY)
    assert [str(each.status) for each in steps(world, run_id)] == ["FAILED"]
    assert bank.out == 5


def test_of_what_is_not_it_takes_one(world: World, bank: Bank) -> None:
    _top, run_id = held(world, "medium")
    abandon_step(run_id, 1, call=Call(world.operator), reason=WHY)
    drain()
    assert (run_row(world, run_id).status, bank.out) == ("PARTIAL", 5)
