"""Executions under policies: refused, changed, or run once others agree; over the API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from executions import actions, capability_registry
from executions.models import Execution, ExecutionJob
from governance.actions.policy_verbs import add_policy, change_policy, end_policy
from governance.models import Approval
from ledger.errors import Conflict, NotPermitted
from ledger.tenancy import tenant_scope
from tests import states
from tests.approvals import due_now, second_approver
from tests.bank import Bank, open_bank
from tests.clients import api
from tests.draining import drain
from tests.world import World
from verbs.call import Call

PAY: dict[str, Any] = {"amount": 5}


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    return open_bank(monkeypatch)


def policy(world: World, effect: str, when: str = "true", **more: Any) -> Any:
    said = {"name": f"{effect} {uuid.uuid4().hex[:6]}", "priority": 10, "reason": "House rule"}
    return add_policy(call=Call(world.admin), **{**said, "effect": effect, "when": when, **more})


def pay(world: World, **more: Any) -> Execution:
    said = {"capability": "test.pay", "input": PAY, **more}
    return actions.request_execution(call=Call(world.operator), **said)


def stored(world: World, id_: uuid.UUID) -> Execution:
    with tenant_scope(world.operator.tenant_id):
        return Execution.objects.get(id=id_)


def count(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return Execution.objects.count()


def approval(world: World, id_: uuid.UUID) -> Approval:
    with tenant_scope(world.operator.tenant_id):
        return Approval.objects.get(about_id=id_)


def jobs(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return ExecutionJob.objects.count()


def actions_of(world: World, id_: uuid.UUID) -> list[str]:
    return [entry.action for entry in states.history(world, "execution", id_)]


def test_what_a_policy_denies_is_not_opened_and_is_on_record(world: World, bank: Bank) -> None:
    made = policy(world, "deny", '.capability == "test.pay" and .input.amount > 3')
    answer = api(world.operator).post(
        "/api/v1/executions", {"capability": "test.pay", "input": PAY},
        content_type="application/json",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (409, "denied_by_policy")
    assert "House rule" in answer.json()["detail"]
    assert [each["id"] for each in answer.json()["decisions"]] == [str(made.id)]
    assert count(world) == 0
    [noted] = [
        each for each in states.history(world, "tenant", world.admin.tenant_id)
        if each.action == "execution_denied"
    ]  # fmt: skip
    assert (noted.kind, noted.actor_id) == ("REFUSAL", world.operator.actor_id)
    drain()
    assert bank.paid == {}
    # What it does not apply to is run.
    small = pay(world, input={"amount": 2})
    drain()
    assert (stored(world, small.id).status, list(bank.paid.values())) == ("SUCCEEDED", [2])


def test_the_lowest_priority_has_the_first_word(world: World, bank: Bank) -> None:
    policy(world, "deny", priority=20)
    exception = policy(world, "allow", ".input.amount < 10", priority=10)
    row = pay(world)
    assert [each["id"] for each in row.decisions] == [str(exception.id)]
    change_policy(exception.id, call=Call(world.admin), priority=30)
    with pytest.raises(Conflict) as refused:
        pay(world)
    assert refused.value.code == "denied_by_policy"
    assert count(world) == 1


@pytest.mark.parametrize("when", [".input.amount / 0 == 1", ".nowhere.to + 1 | error", "1 | .[0]"])
def test_a_condition_that_fails_denies(world: World, bank: Bank, when: str) -> None:
    policy(world, "allow", when)
    with pytest.raises(Conflict) as refused:
        pay(world)
    assert refused.value.code == "denied_by_policy"
    assert "could not be evaluated" in refused.value.detail
    assert count(world) == 0


def test_a_policy_changes_what_is_run_and_the_next_are_asked_about_that(
    world: World, bank: Bank
) -> None:
    policy(world, "modify", priority=1, change="{input: (.input | .amount = ([.amount, 3] | min))}")
    policy(world, "deny", ".input.amount > 3", priority=2)
    row = pay(world)
    drain()
    assert (stored(world, row.id).input, list(bank.paid.values())) == ({"amount": 3}, [3])
    assert row.decisions[0]["from"] == {"input": {"amount": 5}}


@pytest.mark.parametrize(
    "change", ["{reason: 1}", "1", "{input: 1}", '{mode: "perhaps"}', ".input.amount | error"]
)
def test_what_a_policy_makes_and_cannot_be_run_is_refused(
    world: World, bank: Bank, change: str
) -> None:
    policy(world, "modify", change=change)
    with pytest.raises(Conflict) as refused:
        pay(world)
    assert refused.value.code == "denied_by_policy"
    assert count(world) == 0


def test_a_second_factor_is_refused_while_there_is_none(world: World, bank: Bank) -> None:
    policy(world, "require_approval", second_factor=True)
    with pytest.raises(Conflict) as refused:
        pay(world)
    assert refused.value.code == "second_factor_required"
    assert count(world) == 0


def test_one_execution_is_submitted_approved_run_and_compensated_over_the_api(
    world: World, bank: Bank
) -> None:
    policy(world, "require_approval", '.operation == "run"', approvers=[{"roles": ["approver"]}])
    json: dict[str, Any] = {"content_type": "application/json"}
    client = api(world.operator)
    body = {"capability": "test.pay", "input": PAY, "reason": "Salary"}
    made = client.post("/api/v1/executions", body, **json).json()
    assert (made["status"], len(made["decisions"])) == ("PENDING_APPROVAL", 1)
    [waits] = made["approvals"]
    assert (waits["status"], waits["action"], waits["subject"]["id"]) == (
        "PENDING", "execute", made["id"],
    )  # fmt: skip
    drain()
    assert (bank.paid, jobs(world)) == ({}, 0)
    url = f"/api/v1/executions/{made['id']}"
    answer = api(world.approver).post(f"{url}/approve", {}, **json)
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING"), answer.content
    drain()
    assert client.get(url).json()["status"] == "SUCCEEDED"
    assert list(bank.paid.values()) == [5]
    plan = client.post(f"{url}/compensation-plan", {"reason": "Wrong account"}, **json).json()
    run = client.post(
        f"/api/v1/compensation-plans/{plan['id']}/execute", {}, **json,
        headers={"If-Match": f'"{plan["digest"]}"', "Idempotency-Key": str(uuid.uuid4())},
    )  # fmt: skip
    assert run.status_code == 202, run.content
    drain()
    original = client.get(url).json()
    assert (original["status"], sum(bank.paid.values())) == ("COMPENSATED", 0)
    [link] = original["compensations"]
    back = client.get(f"/api/v1/executions/{link['id']}").json()
    assert back["undoes"] == {"type": "execution", "id": made["id"]}
    assert actions_of(world, uuid.UUID(made["id"]))[:3] == ["requested", "approved", "dispatched"]


def test_never_who_asked_nor_who_does_not_decide_nor_out_of_turn(world: World, bank: Bank) -> None:
    steps = [{"users": [world.compliance.username]}, {"roles": ["operator", "approver"]}]
    policy(world, "require_approval", approvers=steps)
    row = pay(world)
    for who, code in ((world.operator, "own_request"), (world.bystander, "not_approver")):
        with pytest.raises(NotPermitted):
            actions.approve_execution(row.id, call=Call(who))
        shape = api(who).get(f"/api/v1/executions/{row.id}").json()
        said = {each["action"]: each["reason"] for each in shape["available_actions"]}
        assert said["approve"] == code
    with pytest.raises(Conflict) as early:
        actions.approve_execution(row.id, call=Call(world.approver))
    assert early.value.code == "not_your_turn"
    actions.approve_execution(row.id, call=Call(world.compliance))
    assert stored(world, row.id).status == "PENDING_APPROVAL"
    drain()
    assert bank.paid == {}
    actions.approve_execution(row.id, call=Call(world.approver))
    drain()
    assert (stored(world, row.id).status, list(bank.paid.values())) == ("SUCCEEDED", [5])


def test_each_step_is_decided_by_another_person(world: World, bank: Bank) -> None:
    policy(world, "require_approval", priority=1)
    policy(world, "require_approval", priority=2)
    row = pay(world)
    actions.approve_execution(row.id, call=Call(world.approver))
    with pytest.raises(Conflict) as again:
        actions.approve_execution(row.id, call=Call(world.approver))
    assert again.value.code == "already_decided"
    actions.approve_execution(row.id, call=Call(second_approver(world)))
    drain()
    assert list(bank.paid.values()) == [5]


def test_what_is_refused_is_not_run(world: World, bank: Bank) -> None:
    policy(world, "require_approval")
    row = pay(world)
    actions.reject_execution(row.id, call=Call(world.approver), reason="Too much")
    found = stored(world, row.id)
    assert (found.status, found.error, approval(world, row.id).status) == (
        "REJECTED", "Too much", "REFUSED",
    )  # fmt: skip
    with pytest.raises(Conflict):
        actions.approve_execution(row.id, call=Call(world.approver))
    drain()
    assert bank.paid == {}


def test_nobody_in_time(world: World, bank: Bank) -> None:
    policy(world, "require_approval")
    row = pay(world)
    due_now(approval(world, row.id))
    drain()
    assert (stored(world, row.id).status, approval(world, row.id).status) == ("EXPIRED", "EXPIRED")
    assert (bank.paid, actions_of(world, row.id)) == ({}, ["requested", "expired"])


@pytest.mark.parametrize("moved", ["denied", "stricter", "ended"])
def test_what_would_be_decided_otherwise_now_is_superseded(
    world: World, bank: Bank, moved: str
) -> None:
    made = policy(world, "require_approval")
    row = pay(world)
    if moved == "denied":
        policy(world, "deny", priority=1)
    elif moved == "stricter":
        policy(world, "require_approval", priority=1)
    else:
        end_policy(made.id, call=Call(world.admin))
    actions.approve_execution(row.id, call=Call(world.approver))
    found = stored(world, row.id)
    assert (found.status, approval(world, row.id).status) == ("SUPERSEDED", "SUPERSEDED")
    assert found.error
    drain()
    assert (bank.paid, jobs(world)) == ({}, 0)


def test_cancelling_withdraws_the_approval_and_withdrawing_cancels(
    world: World, bank: Bank
) -> None:
    policy(world, "require_approval")
    one, two = pay(world), pay(world)
    actions.cancel_execution(one.id, call=Call(world.operator), reason="Not now")
    assert (stored(world, one.id).status, approval(world, one.id).status) == (
        "CANCELLED", "WITHDRAWN",
    )  # fmt: skip
    answer = api(world.operator).post(
        f"/api/v1/approvals/{approval(world, two.id).id}/withdraw", {},
        content_type="application/json",
    )  # fmt: skip
    assert answer.status_code == 200, answer.content
    assert (stored(world, two.id).status, approval(world, two.id).status) == (
        "CANCELLED", "WITHDRAWN",
    )  # fmt: skip
    drain()
    assert bank.paid == {}
