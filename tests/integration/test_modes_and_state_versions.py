"""Simulating, validating, and executions that are only meant for a state of the world."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection

from config.demo.transfers import balances, move, open_accounts, transfers
from executions import actions, capability_registry
from executions.capability_registry import Invocation, Result, RetryPolicy, capability
from executions.models import Execution
from governance.models import Approval
from ledger.errors import Conflict, Invalid
from ledger.read_only import only_reading
from ledger.tenancy import tenant_scope
from tests import states
from tests.approvals import second_approver
from tests.clients import api
from tests.draining import drain
from tests.integration.test_governed_executions import jobs, policy, stored
from tests.lanes import statements
from tests.world import World
from verbs.call import Call

TRANSFER = {"from": "bank", "to": "customer", "amount": 25_000}
NOW, LATER = "bank 1000000, customer 0", "bank 999999, customer 1"
WRITES = ("INSERT", "UPDATE", "DELETE", "LOCK", "TRUNCATE")


def transfer(world: World, **more: Any) -> Execution:
    said = {"capability": "demo.transfer", "input": TRANSFER, **more}
    return actions.request_execution(call=Call(world.operator), **said)


def shifted(world: World) -> None:
    """Let somebody else change the state."""
    move(
        world.operator.tenant_id, uuid.uuid4().hex, source="bank", target="customer", amount=1,
        simulate=False,
    )  # fmt: skip


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what declares `test.set`, whose state is a number that each call raises."""
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)

    def declare(on_stale: str) -> dict[str, int]:
        state = {"version": 1, "calls": 0}

        def handler(call: Invocation) -> Result:
            state["version"] += 1
            state["calls"] += 1
            return Result({"seen": call.expected_state_version})

        capability(
            "test.set", on_stale=on_stale, state_version=lambda _call: str(state["version"]),
            retry=RetryPolicy(max_attempts=3),
        )(handler)  # fmt: skip
        return state

    return declare


def asked(world: World, expected: str = "1") -> Execution:
    return actions.request_execution(
        call=Call(world.operator), capability="test.set", input={}, expected_state_version=expected
    )


def approvals(world: World, execution: Execution) -> list[Approval]:
    with tenant_scope(world.operator.tenant_id):
        return list(Approval.objects.filter(about_id=execution.id).order_by("created_at", "id"))


def actions_of(world: World, execution: Execution) -> list[str]:
    return [entry.action for entry in states.history(world, "execution", execution.id)]


def test_a_simulation_writes_nothing_but_that_it_was_made(world: World) -> None:
    open_accounts(world.operator.tenant_id)
    row = transfer(world, mode="simulate")
    sent: list[str] = statements(drain)
    written = [each for each in sent if each.lstrip().startswith(WRITES)]
    own = ("executions_execution", "ledger_")
    assert [each for each in written if not any(name in each for name in own)] == []
    assert not any("demo_" in each and "FOR UPDATE" in each for each in sent)
    found = stored(world, row.id)
    assert (found.status, found.output) == (
        "SUCCEEDED", {"from_balance": 975_000, "to_balance": 25_000},
    )  # fmt: skip
    assert (found.before, found.state_version) == ({"bank": 1_000_000, "customer": 0}, NOW)
    assert balances(world.operator.tenant_id) == {"bank": 1_000_000, "customer": 0}
    assert transfers(world.operator.tenant_id) == []


def test_the_database_refuses_what_a_simulation_would_write(world: World, declared: Any) -> None:
    declared("reject")

    def writes(call: Invocation) -> Result:
        open_accounts(call.tenant_id, {"written by a simulation": 1})
        return Result({})

    capability("test.writes", simulate=writes, retry=RetryPolicy(max_attempts=1))(writes)
    row = actions.request_execution(
        call=Call(world.operator), capability="test.writes", input={}, mode="simulate"
    )
    drain()
    found = stored(world, row.id)
    assert found.status == "FAILED"
    assert "read-only" in found.error
    assert balances(world.operator.tenant_id) == {}
    # The same connection writes again afterwards.
    real = actions.request_execution(call=Call(world.operator), capability="test.writes", input={})
    drain()
    assert stored(world, real.id).status == "SUCCEEDED"
    assert balances(world.operator.tenant_id) == {"written by a simulation": 1}


def test_a_capability_without_a_simulation_says_so(world: World, declared: Any) -> None:
    declared("reject")
    with pytest.raises(Invalid) as refused:
        actions.request_execution(
            call=Call(world.operator), capability="test.set", input={}, mode="simulate"
        )
    assert [(each.pointer, each.code) for each in refused.value.errors] == [
        ("/mode", "no_simulation")
    ]


def test_validating_calls_nothing(world: World, declared: Any) -> None:
    state = declared("reject")
    row = actions.request_execution(
        call=Call(world.operator), capability="test.set", input={}, mode="validate",
        expected_state_version="1",
    )  # fmt: skip
    stale = actions.request_execution(
        call=Call(world.operator), capability="test.set", input={}, mode="validate",
        expected_state_version="0",
    )  # fmt: skip
    drain()
    assert (stored(world, row.id).status, stored(world, row.id).state_version) == ("SUCCEEDED", "1")
    assert stored(world, stale.id).status == "REJECTED"
    assert "version 1, not at 0" in stored(world, stale.id).error
    policy(world, "deny")
    with pytest.raises(Conflict) as refused:
        actions.request_execution(
            call=Call(world.operator), capability="test.set", input={}, mode="validate"
        )
    assert refused.value.code == "denied_by_policy"
    assert state["calls"] == 0


def test_validating_and_simulating_ask_nobody_to_agree(world: World) -> None:
    open_accounts(world.operator.tenant_id)
    made = policy(world, "require_approval")
    for mode in ("validate", "simulate"):
        row = transfer(world, mode=mode)
        drain()
        found = stored(world, row.id)
        assert (found.status, [each["id"] for each in found.decisions]) == (
            "SUCCEEDED", [str(made.id)],
        )  # fmt: skip
        assert approvals(world, row) == []


def test_images_and_version_are_kept(world: World) -> None:
    open_accounts(world.operator.tenant_id)
    row = transfer(world, expected_state_version=NOW)
    drain()
    found = stored(world, row.id)
    assert (found.before, found.after) == (
        {"bank": 1_000_000, "customer": 0}, {"bank": 975_000, "customer": 25_000},
    )  # fmt: skip
    assert found.state_version == "bank 975000, customer 25000"


def test_a_stale_state_is_rejected(world: World) -> None:
    open_accounts(world.operator.tenant_id)
    row = transfer(world, expected_state_version=NOW)
    shifted(world)
    drain()
    found = stored(world, row.id)
    assert (found.status, found.outcome_unknown) == ("REJECTED", False)
    assert found.error == f"the state is at version {LATER}, not at {NOW}"
    assert transfers(world.operator.tenant_id) == [("bank", "customer", 1)]
    assert (actions_of(world, row), jobs(world)) == (["requested", "dispatched", "rejected"], 0)


def test_a_stale_state_is_checked_again(world: World, declared: Any) -> None:
    state = declared("revalidate")
    row = asked(world)
    state["version"] = 7
    drain()
    found = stored(world, row.id)
    assert (found.status, found.output, found.state_version) == ("SUCCEEDED", {"seen": "7"}, "8")
    assert actions_of(world, row) == [
        "requested", "dispatched", "revalidated", "dispatched", "succeeded",
    ]  # fmt: skip
    # What policies would refuse now is not run.
    late = asked(world, "8")
    state["version"] = 20
    policy(world, "deny")
    drain()
    assert (stored(world, late.id).status, state["calls"]) == ("REJECTED", 1)
    assert "House rule" in stored(world, late.id).error


def test_checked_again_it_needs_the_agreement_that_a_new_policy_wants(
    world: World, declared: Any
) -> None:
    state = declared("revalidate")
    row = asked(world)
    state["version"] = 7
    policy(world, "require_approval")
    drain()
    assert (stored(world, row.id).status, state["calls"]) == ("PENDING_APPROVAL", 0)
    actions.approve_execution(row.id, call=Call(world.approver))
    drain()
    assert (stored(world, row.id).status, state["calls"]) == ("SUCCEEDED", 1)


def test_of_a_stale_state_is_asked_again(world: World, declared: Any) -> None:
    state = declared("reject")
    policy(world, "require_approval", on_stale="ask_again")
    row = asked(world)
    actions.approve_execution(row.id, call=Call(world.approver))
    state["version"] = 7
    drain()
    found = stored(world, row.id)
    assert (found.status, found.expected_state_version, state["calls"]) == (
        "PENDING_APPROVAL", "7", 0,
    )  # fmt: skip
    assert jobs(world) == 0
    assert [each.status for each in approvals(world, row)] == ["GRANTED", "PENDING"]
    actions.approve_execution(row.id, call=Call(second_approver(world)))
    drain()
    found = stored(world, row.id)
    assert (found.status, found.output, state["calls"]) == ("SUCCEEDED", {"seen": "7"}, 1)
    assert actions_of(world, row) == [
        "requested", "approved", "dispatched", "asked_again", "approved", "dispatched", "succeeded",
    ]  # fmt: skip


def test_who_saw_the_approval_before_does_not_grant_the_next(world: World, declared: Any) -> None:
    state = declared("ask_again")
    policy(world, "require_approval")
    row = asked(world)
    [seen] = approvals(world, row)
    actions.approve_execution(row.id, call=Call(world.approver), digest=seen.digest)
    state["version"] = 7
    drain()
    second = second_approver(world)
    answer = api(second).post(
        f"/api/v1/executions/{row.id}/approve", {"digest": seen.digest},
        content_type="application/json",
    )  # fmt: skip
    [_old, new] = approvals(world, row)
    assert (answer.status_code, answer.json()["code"]) == (412, "approval_moved")
    assert (answer.json()["digest"], new.status) == (new.digest, "PENDING")
    answer = api(second).post(
        f"/api/v1/approvals/{new.id}/approve", {"digest": new.digest},
        content_type="application/json",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["status"]) == (200, "GRANTED")
    drain()
    assert (stored(world, row.id).status, state["calls"]) == ("SUCCEEDED", 1)


def test_what_is_asked_again_can_be_called_back(world: World, declared: Any) -> None:
    state = declared("ask_again")
    row = asked(world)
    state["version"] = 7
    drain()
    assert stored(world, row.id).status == "PENDING_APPROVAL"
    actions.cancel_execution(row.id, call=Call(world.operator), reason="No more")
    drain()
    assert (stored(world, row.id).status, state["calls"]) == ("CANCELLED", 0)
    assert [each.status for each in approvals(world, row)] == ["WITHDRAWN"]


def test_who_reports_no_version_is_told_none(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        actions.request_execution(
            call=Call(world.operator), capability="demo.fail", input={},
            expected_state_version="1",
        )  # fmt: skip
    assert [each.code for each in refused.value.errors] == ["unsupported"]


@only_reading()
def _leaves(how: str) -> None:
    """Read with another connection than the one that only reads, or leave a transaction open."""
    if how == "closed":
        connection.close()
    else:
        connection.set_autocommit(False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@pytest.mark.parametrize("leave", ["closed", "open"])
def test_a_simulation_that_leaves_another_connection_is_no_simulation(
    world: World, leave: str
) -> None:
    with pytest.raises(RuntimeError, match="has changed the connection"):
        _leaves(leave)
    with connection.cursor() as cursor:
        cursor.execute("SHOW default_transaction_read_only")
        assert cursor.fetchone() == ("off",)
    assert connection.get_autocommit()
