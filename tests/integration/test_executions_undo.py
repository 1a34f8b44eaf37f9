"""Undoing an execution by an execution: settled together, once, also when a worker dies."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from django.db import transaction

from accounts.acting import ActingUser
from compensation.actions.undo import begin, retry
from compensation.errors import ManagedByRun
from compensation.locking import lock_row
from compensation.planning import Exclusion, UndoRequest, plan_original
from compensation.subject import part_alone
from config.demo.transfers import balances, open_accounts, transfers
from executions import selectors
from executions.actions import cancel_execution, request_execution
from executions.models import Execution
from ledger import selectors as entries
from ledger.clock import now
from ledger.errors import Conflict
from ledger.ids import new_id
from ledger.record import ActorRef
from ledger.tenancy import set_tenant, tenant_scope
from tests.draining import drain, expire_leases
from tests.subprocesses import manage
from tests.world import World
from verbs.call import Call

TRANSFER = {"from": "bank", "to": "customer", "amount": 25_000}
THERE_AND_BACK = [("bank", "customer", 25_000), ("customer", "bank", 25_000)]


def transferred(world: World) -> Execution:
    open_accounts(world.system.tenant_id)
    execution = request_execution(
        call=Call(world.operator), capability="demo.transfer", input=TRANSFER
    )
    drain()
    return stored(world, execution.id)


def stored(world: World, id_: Any) -> Execution:
    with tenant_scope(world.system.tenant_id):
        return selectors.get(world.system.tenant_id, id_)


def ref(who: ActingUser) -> ActorRef:
    return ActorRef(who.actor_id, who.actor_type, "operator")


def undo(world: World, original: Execution, **more: Any) -> Execution:
    """Begin undoing `original` as a verb would, and return the compensating execution."""
    request = UndoRequest(
        **{
            "mode": "automated",
            "strategy": "restore",
            "reason": "forged",
            "requested_by": world.operator.actor_id,
            "capability": "demo.reverse-transfer",
            **more,
        }
    )
    with transaction.atomic(durable=True):
        set_tenant(world.system.tenant_id)
        row = lock_row(world.operator.tenant_id, "execution", original.id)
        attempt = begin(row, request, by=ref(world.operator))
    return stored(world, attempt.compensation_id)


def again(world: World, original: Execution) -> Execution:
    """Retry a faulted undo with the same request."""
    with transaction.atomic(durable=True):
        set_tenant(world.system.tenant_id)
        row = lock_row(world.operator.tenant_id, "execution", original.id)
        attempt = retry(row, None, by=ref(world.operator))
    return stored(world, attempt.compensation_id)


def states(world: World, *rows: Execution) -> list[tuple[str, str]]:
    found = [stored(world, row.id) for row in rows]
    return [(str(row.status), row.compensation_state) for row in found]


def test_an_undo_and_its_original_settle_together(world: World) -> None:
    original = transferred(world)
    undoing = undo(world, original)
    assert states(world, original, undoing) == [
        ("COMPENSATING", "COMPENSATING"), ("PENDING", "COMPENSATING"),
    ]  # fmt: skip
    assert undoing.idempotency_key == f"comp:{original.id}:1"
    assert (undoing.undoes_type, undoing.undoes_id) == ("execution", original.id)
    assert undoing.input == TRANSFER
    assert undoing.compensation is not None
    assert undoing.compensation["reason"] == "forged"
    assert undoing.compensation["original_snapshot"]["output"] == original.output

    drain()

    assert states(world, original, undoing) == [
        ("COMPENSATED", "COMPENSATED"), ("SUCCEEDED", "COMPENSATED"),
    ]  # fmt: skip
    assert transfers(world.system.tenant_id) == THERE_AND_BACK
    assert balances(world.system.tenant_id) == {"bank": 1_000_000, "customer": 0}
    after = stored(world, original.id)
    assert (after.output, after.ended_at, after.requested_by_id) == (
        original.output, original.ended_at, original.requested_by_id,
    )  # fmt: skip
    assert stored(world, undoing.id).completion_seq is None
    with tenant_scope(world.system.tenant_id):
        chain = entries.entries_of(original.tenant_id, "execution", original.id)
        undos = entries.entries_of(undoing.tenant_id, "execution", undoing.id)
    assert [e.action for e in chain] == [
        "requested", "dispatched", "succeeded", "compensation_started", "compensation_completed",
    ]  # fmt: skip
    finished, started, completed = chain[2:]
    assert [e.action for e in undos] == ["requested", "dispatched", "succeeded"]
    for entry in [started, completed, *undos]:
        assert entry.original is not None
        assert (entry.original.id, entry.original.hash) == (finished.id, finished.hash)
    assert undos[0].caused_by is not None
    assert undos[0].caused_by.id == started.id
    assert completed.caused_by is not None
    assert completed.caused_by.id == undos[-1].id


@pytest.mark.parametrize("mode", ["simulate", "validate"])
def test_what_ran_without_effect_is_never_undone(world: World, mode: str) -> None:
    open_accounts(world.system.tenant_id)
    original = request_execution(
        call=Call(world.operator), capability="demo.transfer", input=TRANSFER, mode=mode
    )
    drain()
    assert states(world, original) == [("SUCCEEDED", "NONE")]
    planned = plan_original(part_alone(stored(world, original.id)), strategy=None, now=now())
    assert isinstance(planned, Exclusion)
    assert (planned.code, planned.detail, planned.alternatives) == (
        "not_completed", "It ran without effect: there is nothing to undo.", ("nothing_to_do",),
    )  # fmt: skip
    with pytest.raises(Conflict) as refused:
        undo(world, original)
    assert refused.value.code == "not_compensable"
    drain()
    assert states(world, original) == [("SUCCEEDED", "NONE")]
    assert transfers(world.system.tenant_id) == []
    assert balances(world.system.tenant_id) == {"bank": 1_000_000, "customer": 0}


def test_an_undo_that_fails_leaves_a_fault_with_its_reason_and_can_be_retried(world: World) -> None:
    original = transferred(world)
    spent = request_execution(
        call=Call(world.operator),
        capability="demo.transfer",
        input={"from": "customer", "to": "bank", "amount": 25000},
    )
    drain()
    undoing = undo(world, original)
    drain()
    assert states(world, original, undoing) == [
        ("COMPENSATION_FAULTED", "COMPENSATION_FAULTED"), ("FAILED", "COMPENSATION_FAULTED"),
    ]  # fmt: skip
    with tenant_scope(world.system.tenant_id):
        last = entries.entries_of(original.tenant_id, "execution", original.id)[-1]
    assert last.action == "compensation_faulted"
    assert last.payloads["error"] == "account 'customer' holds 0, which is less than 25000"
    assert stored(world, spent.id).status == "SUCCEEDED"

    request_execution(call=Call(world.operator), capability="demo.transfer", input=TRANSFER)
    drain()
    second = again(world, original)
    assert second.idempotency_key == undoing.idempotency_key
    drain()
    assert states(world, original, undoing, second) == [
        ("COMPENSATED", "COMPENSATED"),
        ("FAILED", "COMPENSATION_FAULTED"),
        ("SUCCEEDED", "COMPENSATED"),
    ]
    assert transfers(world.system.tenant_id)[-1] == ("customer", "bank", 25_000)
    assert balances(world.system.tenant_id) == {"bank": 1_000_000, "customer": 0}


def test_an_undo_that_always_fails_is_tried_with_backoff_then_faulted(world: World) -> None:
    original = transferred(world)
    undoing = undo(world, original, capability="demo.fail")
    drain()
    assert states(world, original, undoing) == [
        ("COMPENSATING", "COMPENSATING"), ("PENDING", "COMPENSATING"),
    ]  # fmt: skip
    drain(fast_forward=True)
    assert states(world, original, undoing) == [
        ("COMPENSATION_FAULTED", "COMPENSATION_FAULTED"), ("FAILED", "COMPENSATION_FAULTED"),
    ]  # fmt: skip
    assert stored(world, undoing.id).attempts == 3
    assert balances(world.system.tenant_id) == {"bank": 975_000, "customer": 25_000}


def test_an_undo_called_back_faults_its_original(world: World) -> None:
    original = transferred(world)
    undoing = undo(world, original)
    cancel_execution(undoing.id, call=Call(world.operator), reason="wrong one")
    drain()
    assert states(world, original, undoing) == [
        ("COMPENSATION_FAULTED", "COMPENSATION_FAULTED"), ("CANCELLED", "COMPENSATION_FAULTED"),
    ]  # fmt: skip
    assert transfers(world.system.tenant_id) == THERE_AND_BACK[:1]


def test_an_undo_of_a_run_is_left_to_the_run(world: World) -> None:
    original = transferred(world)
    run = new_id()
    undoing = undo(world, original, run_id=run)
    with pytest.raises(ManagedByRun) as refusal:
        cancel_execution(undoing.id, call=Call(world.operator), reason="no")
    assert refusal.value.extra == {"run": str(run), "current_status": "PENDING"}
    drain()
    assert states(world, original) == [("COMPENSATED", "COMPENSATED")]


@pytest.mark.parametrize(
    "point",
    [
        "execution.dispatched", "execution.handled", "execution.before_settle",
        "compensation.settled", "execution.settled",
    ],
)  # fmt: skip
def test_a_worker_killed_in_the_middle_of_an_undo_undoes_once(world: World, point: str) -> None:
    expire_leases()
    drain(fast_forward=True)
    original = transferred(world)
    undoing = undo(world, original)
    killed = manage("worker", "--once", AMENDS_FAILPOINT=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    settled = point == "execution.settled"
    assert states(world, original, undoing) == (
        [("COMPENSATED", "COMPENSATED"), ("SUCCEEDED", "COMPENSATED")]
        if settled
        else [("COMPENSATING", "COMPENSATING"), ("RUNNING", "COMPENSATING")]
    )
    expire_leases()
    drain(fast_forward=True)
    assert states(world, original, undoing) == [
        ("COMPENSATED", "COMPENSATED"), ("SUCCEEDED", "COMPENSATED"),
    ]  # fmt: skip
    assert transfers(world.system.tenant_id) == THERE_AND_BACK
    assert balances(world.system.tenant_id) == {"bank": 1_000_000, "customer": 0}
