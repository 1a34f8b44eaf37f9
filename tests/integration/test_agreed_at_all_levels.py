"""What is agreed to before a rollback begins: all that it undoes, below and under way as well; and
what happens where something is in the way."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.acting import ActingUser
from compensation.actions import plan_execution
from compensation.actions.plan_execution import execute
from compensation.actions.step_verbs import abandon_step
from compensation.actions.waiting_runs import approve_run
from compensation.errors import RunLive
from compensation.facts import live_run
from compensation.models import CompensationRun
from executions.actions import record_result
from executions.capability_registry import agent_capability, capability
from executions.models import Execution
from governance.models import Approval
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from tests import bank as banks
from tests.bank import Bank, open_bank
from tests.casework import (
    case_row,
    deploy,
    finish,
    opened,
    plan_for,
    preview,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration.test_governed_executions import policy
from tests.states import history
from tests.subcases import below, chain, statuses
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

ROLL_BACK = '.operation == "roll_back"'


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    made = open_bank(monkeypatch)
    capability("test.risky", undone_by="test.unpay", risk="high")(made.pay)
    agent_capability("test.far", undone_by="test.unpay", risk="high")
    return made


def executed(world: World, case_id: uuid.UUID, who: ActingUser | None = None) -> CompensationRun:
    plan = plan_for(world, case_id)
    return execute(plan.id, call=Call(who or world.operator, digest=plan.digest))


def reported(world: World, case_id: uuid.UUID) -> None:
    """Let a program outside say that it is done."""
    with tenant_scope(world.operator.tenant_id):
        row = Execution.objects.get(case_id=case_id, undoes_id__isnull=True)
    record_result(row.id, call=Call(world.operator), outcome="succeeded", output={"paid": 1})
    drain()


def in_flight(world: World, name: str, **more: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case, and one below it in which a program is under way, and nothing else can be
    undone."""
    pays = automated("pay", name, "true", "{amount: 5}", **more)
    filed = human("filed", reversibility="irreversible")
    deploy(world, definition("low", filed, pays, success=".pay"))
    deploy(world, definition("top", human("own"), below("low", "low"), human("last")))
    top = opened(world, "tests/top")
    drain()
    finish(world.analyst, top, "own", "OK")
    low = chain(world, top)[1].id
    finish(world.analyst, low, "filed", "OK")
    return top, low


def test_a_case_below_that_was_finished_is_agreed_to_by_its_pieces(
    world: World, bank: Bank
) -> None:
    pays = automated("pay", "test.risky", "true", "{amount: 5}")
    deploy(world, definition("low", pays, success=".pay"))
    deploy(world, definition("top", below("low", "low"), human("last")))
    top = opened(world, "tests/top")
    drain(fast_forward=True)
    plan = plan_for(world, top)
    assert plan.requires_approval
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert (run.status, statuses(world, top)) == ("PENDING_APPROVAL", ["RUNNING", "COMPLETED"])
    assert bank.out == 5
    approve_run(run.id, call=Call(world.approver))
    drain(fast_forward=True)
    assert (statuses(world, top), bank.out) == (["COMPENSATED", "COMPENSATED"], 0)
    verify()


def test_what_is_under_way_is_agreed_to_before_it_is_undone(world: World, bank: Bank) -> None:
    pays = automated("pay", "test.far", "true", "{amount: 5}")
    deploy(world, definition("late", human("a"), pays))
    case_id = opened(world, "tests/late")
    finish(world.analyst, case_id, "a", None)
    plan = plan_for(world, case_id)
    assert [each["code"] for each in plan.content["excluded"]] == ["in_flight"]
    assert plan.requires_approval
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    assert (run.status, case_row(world, case_id).status) == ("PENDING_APPROVAL", "RUNNING")
    assert bank.paid == {}


def test_so_is_what_is_under_way_in_a_case_below(world: World, bank: Bank) -> None:
    top, _low = in_flight(world, "test.far")
    assert plan_for(world, top).requires_approval
    assert executed(world, top).status == "PENDING_APPROVAL"
    assert bank.paid == {}


def test_what_is_under_way_below_is_waited_for_and_undone_first(world: World) -> None:
    top, low = in_flight(world, "bank.pay", compensation={"mode": "human"})
    plan = plan_for(world, top)
    assert [step["original"]["name"] for step in plan.content["steps"]] == ["low", "own"]
    approve_run(roll_back(world, top).id, call=Call(world.approver))
    drain()
    assert statuses(world, top) == ["COMPENSATING", "COMPENSATING"]
    reported(world, low)
    undo(world.operator, low)
    assert statuses(world, top) == ["COMPENSATING", "PARTIALLY_COMPENSATED"]
    undo(world.analyst, top)
    assert statuses(world, top) == ["PARTIALLY_COMPENSATED", "PARTIALLY_COMPENSATED"]
    verify()


def test_one_that_goes_on_is_called_off_where_nothing_of_it_can_be_undone(world: World) -> None:
    filed = human("filed", reversibility="irreversible")
    source = definition("low", filed, human("next", when=".filed != null"), success=".next")
    deploy(world, source)
    deploy(world, definition("top", human("own"), below("low", "low"), human("last")))
    top = opened(world, "tests/top")
    low = chain(world, top)[1].id
    finish(world.analyst, low, "filed", "OK")
    finish(world.analyst, top, "own", "OK")
    approve_run(roll_back(world, top).id, call=Call(world.approver))
    drain()
    undo(world.analyst, top)
    assert statuses(world, top) == ["PARTIALLY_COMPENSATED", "PARTIALLY_COMPENSATED"]
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.get(case_id=low, binding="next").status == "CANCELLED"
    verify()


def test_policies_see_how_much_is_undone_at_all_levels(world: World) -> None:
    deploy(world, definition("low", human("one"), human("two"), success=".one and .two"))
    deploy(world, definition("top", below("low", "low"), human("last")))
    top = opened(world, "tests/top")
    low = chain(world, top)[1].id
    finish(world.analyst, low, "one", "OK")
    finish(world.analyst, low, "two", "OK")
    counted = ".counts.steps == 2 and .counts.human == 2 and .counts.automated == 0"
    policy(world, "require_approval", f"{ROLL_BACK} and {counted}")
    assert executed(world, top).status == "PENDING_APPROVAL"


def test_what_cannot_begin_and_may_fail_lets_the_rest_begin_and_says_who_was_against(
    world: World, bank: Bank
) -> None:
    goes_on = {"mode": "automated", "capability": "test.unpay", "on_failure": "continue"}
    pays = automated("pay", "test.pay", ".a != null", "{amount: 5}", compensation=goes_on)
    deploy(world, definition("paid", human("a"), pays))
    case_id = opened(world, "tests/paid")
    finish(world.analyst, case_id, "a", "OK")
    drain(fast_forward=True)
    assert bank.out == 5
    planted = policy(world, "deny", '.operation == "undo"', reason="The books are closed")
    run = roll_back(world, case_id)
    first, second = steps(world, run.id)
    assert [str(first.status), str(second.status)] == ["FAILED", "RUNNING"]
    assert [each["id"] for each in first.decisions] == [str(planted.id)]
    [failed] = [
        each for each in history(world, "compensation_run", run.id)
        if each.action == "compensation_step_failed"
    ]  # fmt: skip
    assert [each["id"] for each in failed.payloads["decisions"]] == [str(planted.id)]
    assert bank.out == 5
    undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "FAULTED"


def test_while_another_is_under_way_nothing_is_granted_and_the_approval_waits_on(
    world: World, bank: Bank
) -> None:
    case_id, paid = banks.paying_case(world)
    whole = f'{ROLL_BACK} and .subject.type == "case"'
    policy(world, "require_approval", whole)
    waits = executed(world, case_id)
    plan = preview(("execution", paid.id), call=Call(world.operator), reason="Alone")
    live = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    with pytest.raises(RunLive) as refused:
        approve_run(waits.id, call=Call(world.approver))
    assert refused.value.extra["run"] == str(live.id)
    with tenant_scope(world.operator.tenant_id):
        assert Approval.objects.get(about_id=waits.id).status == "PENDING"
    assert run_row(world, waits.id).status == "PENDING_APPROVAL"


def test_two_that_are_granted_at_once_are_one_rollback_and_a_conflict(
    world: World, bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id, paid = banks.paying_case(world)
    policy(world, "require_approval", f'{ROLL_BACK} and .subject.type == "case"')
    waits = executed(world, case_id)
    plan = preview(("execution", paid.id), call=Call(world.operator), reason="Alone")
    execute(plan.id, call=Call(world.operator, digest=plan.digest))
    asked: list[None] = []

    def late(*given: Any) -> Any:
        # The other one is committed after this has looked, and before it begins.
        asked.append(None)
        return None if len(asked) == 1 else live_run(*given)

    monkeypatch.setattr(plan_execution, "live_run", late)
    with pytest.raises(RunLive):
        approve_run(waits.id, call=Call(world.approver))
    assert (len(asked), run_row(world, waits.id).status) == (2, "PENDING_APPROVAL")


@pytest.mark.parametrize("risk", ["medium", "high"])
def test_what_is_risky_is_given_up_by_another_person(world: World, bank: Bank, risk: str) -> None:
    capability("test.lost", undone_by="demo.fail", risk=risk)(bank.pay)
    row = banks.pay(world, "test.lost")
    plan = preview(("execution", row.id), call=Call(world.operator), reason="Wrong")
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    if risk == "high":
        approve_run(run.id, call=Call(world.approver))
    drain(fast_forward=True)
    assert [str(step.status) for step in steps(world, run.id)] == ["FAILED"]
    who = world.operator
    if risk == "high":
        with pytest.raises(NotPermitted):
            abandon_step(run.id, 1, call=Call(who), reason="Let it be")
        assert [str(step.status) for step in steps(world, run.id)] == ["FAILED"]
        who = world.admin
    abandon_step(run.id, 1, call=Call(who), reason="Let it be")
    drain()
    assert run_row(world, run.id).status == "PARTIAL"
