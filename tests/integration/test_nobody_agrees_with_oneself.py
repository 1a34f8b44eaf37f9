"""Who stands behind what the system asks for decides it as little as who asked in their own name:
who opened a case, or tried it again, who sent what its steps hear, who tried an undo again."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.acting import ActingUser
from accounts.actions import create_user
from cases import actions as case_actions
from cases.actions import open_case
from executions import actions
from executions.models import Execution
from governance import selectors
from governance.actions.policy_verbs import end_policy
from governance.models import Approval
from ledger.errors import NotPermitted
from ledger.tenancy import tenant_scope
from people.actions import add_member
from tests.bank import Bank, open_bank, paying_case, roll_back
from tests.casework import deploy, open_item, steps
from tests.clients import api
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.integration.test_governed_executions import policy, stored
from tests.subcases import below
from tests.world import PASSWORD, World
from verbs.call import Call
from workitems.actions import reject, start

UNDO = '.operation == "undo"'
ANY = [{"roles": ["operator", "approver"]}]


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    return open_bank(monkeypatch)


@pytest.fixture
def second(world: World) -> ActingUser:
    """Another operator."""
    name = f"second-operator-{world.slug}"
    create_user(name, password=PASSWORD, email=f"{name}@demo.example")
    return add_member(call=Call(world.admin), username=name, roles=["operator"])


def waits(world: World, binding: str = "pay") -> Execution:
    with tenant_scope(world.operator.tenant_id):
        return Execution.objects.get(status="PENDING_APPROVAL", binding=binding)


def refused(row: Execution, who: ActingUser) -> None:
    """Check that somebody may not decide it, is not asked to, and sees why."""
    with pytest.raises(NotPermitted):
        actions.approve_execution(row.id, call=Call(who))
    shape = api(who).get(f"/api/v1/executions/{row.id}").json()
    said = {each["action"]: each["reason"] for each in shape["available_actions"]}
    assert said["approve"] == "own_request"
    with tenant_scope(who.tenant_id):
        asked = Approval.objects.get(about_id=row.id, status="PENDING")
        assert not selectors.to_decide(who).filter(id=asked.id).exists()
        found = selectors.waiting_steps(who.tenant_id, [asked.id])
        assert who.actor_id not in found[asked.id].deciders
    assert row.status == "PENDING_APPROVAL"


def opened_by(who: ActingUser, name: str) -> uuid.UUID:
    made = open_case(call=Call(who), definition=name)
    drain()
    return made.id


def test_who_opened_a_case_does_not_agree_to_its_steps(
    world: World, bank: Bank, second: ActingUser
) -> None:
    policy(world, "require_approval", approvers=ANY)
    step = automated("pay", "test.pay", "true", "{amount: 5}")
    deploy(world, definition("pay", step, success=".pay"))
    opened_by(world.operator, "tests/pay")
    row = waits(world)
    refused(row, world.operator)
    with tenant_scope(world.operator.tenant_id):
        approval = Approval.objects.get(about_id=row.id)
    assert approval.asked_by == [str(world.operator.actor_id)]
    shape = api(world.approver).get(f"/api/v1/approvals/{approval.id}").json()
    assert shape["asked_by"] == [world.operator.username]
    page = api(world.approver).get(f"/api/v1/executions/{row.id}").json()
    assert page["approvals"][0]["asked_by"] == [world.operator.username]
    actions.approve_execution(row.id, call=Call(second))
    drain()
    assert (stored(world, row.id).status, list(bank.paid.values())) == ("SUCCEEDED", [5])


def test_who_opened_the_case_above_does_not_either(
    world: World, bank: Bank, second: ActingUser
) -> None:
    policy(world, "require_approval", approvers=ANY)
    step = automated("pay", "test.pay", "true", "{amount: 5}")
    deploy(world, definition("pay", step, success=".pay"))
    deploy(world, definition("above", below("child", "pay"), success=".child"))
    opened_by(world.operator, "tests/above")
    row = waits(world)
    refused(row, world.operator)
    actions.approve_execution(row.id, call=Call(second))
    drain()
    assert stored(world, row.id).status == "SUCCEEDED"


def test_who_sent_the_signal_does_not_either(world: World, bank: Bank, second: ActingUser) -> None:
    policy(world, "require_approval", approvers=ANY)
    step = automated("pay", "test.pay", "true", "{amount: 5}")
    step["on"] = {"signal": {"name": "go"}}
    deploy(world, definition("pay", human("a"), step))
    case_id = opened_by(second, "tests/pay")
    case_actions.signal_case(case_id, call=Call(world.operator), name="go")
    drain()
    row = waits(world)
    refused(row, world.operator)
    refused(row, second)
    actions.approve_execution(row.id, call=Call(world.approver))
    drain()
    assert stored(world, row.id).status == "SUCCEEDED"


def test_who_tries_an_undo_again_does_not_agree_to_it(
    world: World, bank: Bank, second: ActingUser
) -> None:
    """Neither where it could not begin before, nor where it was refused."""
    case_id, _paid = paying_case(world)
    denies = policy(world, "deny", UNDO)
    run = roll_back(world, case_id)
    end_policy(denies.id, call=Call(world.admin))
    policy(world, "require_approval", UNDO, approvers=ANY)
    url = f"/api/v1/compensation-runs/{run.id}/steps/1/retry"
    json: dict[str, Any] = {"content_type": "application/json"}
    assert api(second).post(url, {}, **json).status_code == 200
    drain()
    row = waits(world, binding="")
    for who in (second, world.operator):
        refused(row, who)
    actions.reject_execution(row.id, call=Call(world.approver), reason="Not yet")
    drain()
    assert [str(step.status) for step in steps(world, run.id)] == ["FAILED"]
    assert api(world.operator).post(url, {}, **json).status_code == 200
    drain()
    again = waits(world, binding="")
    assert again.id != row.id
    for who in (second, world.operator):
        refused(again, who)
    actions.approve_execution(again.id, call=Call(world.approver))
    drain()
    assert (stored(world, again.id).status, bank.out) == ("SUCCEEDED", 0)


def test_who_opened_a_case_does_not_agree_to_what_it_undoes_by_itself(
    world: World, bank: Bank, second: ActingUser
) -> None:
    policy(world, "require_approval", UNDO, approvers=ANY)
    pay = automated("pay", "test.pay", "true", "{amount: 5}")
    made = definition("pay", pay, human("bad", ".pay and .bad == null"))
    made["spec"]["on_fault"] = "compensate"
    deploy(world, made)
    case_id = opened_by(world.operator, "tests/pay")
    task = open_item(world.analyst, case_id, "bad").id
    start(task, call=Call(world.analyst))
    reject(task, call=Call(world.analyst), reason="No papers")
    drain()
    row = waits(world, binding="")
    refused(row, world.operator)
    actions.approve_execution(row.id, call=Call(second))
    drain()
    assert (stored(world, row.id).status, bank.out) == ("SUCCEEDED", 0)


def test_policies_see_who_is_behind_a_step(world: World, bank: Bank) -> None:
    name = world.operator.username
    policy(world, "deny", f'.opened_by == "{name}" and .asked_by == ["{name}"]', priority=1)
    step = automated("pay", "test.pay", "true", "{amount: 5}")
    deploy(world, definition("pay", step, success=".pay"))
    case_id = opened_by(world.operator, "tests/pay")
    with tenant_scope(world.operator.tenant_id):
        row = Execution.objects.get(case_id=case_id)
    assert (row.status, bank.paid) == ("REJECTED", {})
