"""Batches: all calls or none, one after the other, and what is done where one of them fails."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.demo.transfers import open_accounts, transfers
from executions.actions import (
    cancel_execution,
    record_result,
    request_batch,
    settle_outcome,
)
from executions.capability_registry import agent_capability
from executions.lifecycle import OnFailure
from executions.models import Batch, Execution, ExecutionJob
from ledger.errors import Invalid, NotPermitted
from ledger.models import OutboxTask
from ledger.tenancy import system_scope, tenant_scope
from tests.bank import SEEN, Bank, open_bank
from tests.batching import FAILS, adjust, asked, batch_now, calls_now, history, statuses, transfer
from tests.draining import drain
from tests.world import World
from verbs.call import Call

PAY = {"capability": "test.pay", "input": {"amount": 5}}


@pytest.fixture(name="bank")
def _bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """A bank that takes a payment and never says so."""
    made = open_bank(monkeypatch)
    made.answers = False
    return made


def _kept(world: World) -> tuple[int, int, int]:
    with tenant_scope(world.system.tenant_id):
        return (
            Batch.objects.count(),
            Execution.objects.count(),
            ExecutionJob.objects.count(),
        )


def test_calls_are_done_one_after_the_other(world: World) -> None:
    open_accounts(world.system.tenant_id)
    batch = asked(world, transfer(100), transfer(200), transfer(300), reason="paid out")
    assert (batch.status, batch.version, batch.size) == ("RUNNING", 1, 3)
    assert statuses(world, batch.id) == ["PENDING"] * 3
    assert _kept(world) == (1, 3, 1), "only the first call may begin"

    drain()

    now = batch_now(world, batch.id)
    assert (now.status, now.failed_at, now.failed_call) == ("COMPLETED", None, None)
    assert transfers(world.system.tenant_id) == [
        ("bank", "customer", 100), ("bank", "customer", 200), ("bank", "customer", 300),
    ]  # fmt: skip
    rows = calls_now(world, batch.id)
    assert [row.completion_seq for row in rows] == [1, 2, 3]
    assert [row.reason for row in rows] == ["paid out"] * 3
    assert [row.case_id for row in rows] == [None] * 3
    assert history(world, "batch", batch.id) == [
        ("requested", "", "RUNNING"), ("completed", "RUNNING", "COMPLETED"),
    ]  # fmt: skip
    assert _kept(world) == (1, 3, 0)


def test_it_stops_at_the_first_failure_and_calls_the_rest_back(world: World) -> None:
    open_accounts(world.system.tenant_id)
    batch = asked(world, transfer(1), transfer(2), FAILS, transfer(4), transfer(5))
    drain(fast_forward=True)
    now = batch_now(world, batch.id)
    rows = calls_now(world, batch.id)
    assert (now.status, now.failed_call, now.failed_at) == ("FAILED", 2, rows[2].ended_at)
    assert statuses(world, batch.id) == [
        "SUCCEEDED", "SUCCEEDED", "FAILED", "CANCELLED", "CANCELLED",
    ]  # fmt: skip
    assert [row.attempts for row in rows] == [1, 1, 3, 0, 0]
    assert transfers(world.system.tenant_id) == [("bank", "customer", 1), ("bank", "customer", 2)]
    assert history(world, "execution", rows[3].id)[-1] == ("cancelled", "PENDING", "CANCELLED")
    with tenant_scope(world.operator.tenant_id):
        batch_id = rows[3].batch_id
        assert batch_id is not None
        told = OutboxTask.objects.filter(shard=batch_id, consumer="cases.engine")
        assert not told.exists(), "no case has an engine for it"
    assert _kept(world)[2] == 0


def test_it_goes_on_past_a_failure_where_that_is_asked_for(world: World) -> None:
    open_accounts(world.system.tenant_id)
    batch = asked(world, transfer(1), FAILS, transfer(3), on_failure="continue")
    drain(fast_forward=True)
    now = batch_now(world, batch.id)
    assert (now.status, now.failed_call) == ("FAILED", 1)
    assert statuses(world, batch.id) == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert transfers(world.system.tenant_id) == [("bank", "customer", 1), ("bank", "customer", 3)]
    assert [row.completion_seq for row in calls_now(world, batch.id)] == [1, None, 2]


def test_one_broken_input_names_its_place_and_nothing_is_written(world: World) -> None:
    open_accounts(world.system.tenant_id)
    bad = {"capability": "demo.transfer", "input": {"from": "bank", "to": "", "amount": 0}}
    unknown = {"capability": "demo.nothing", "input": {}}
    with pytest.raises(Invalid) as refused:
        asked(world, transfer(1), bad, unknown)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [
        ("/calls/1/input/amount", "minimum"),
        ("/calls/1/input/to", "minLength"),
        ("/calls/2/capability", "unknown_capability"),
    ]
    assert _kept(world) == (0, 0, 0)
    drain()
    assert transfers(world.system.tenant_id) == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"calls": []}, "/calls"),
        ({"calls": [FAILS] * 101}, "/calls"),
        ({"calls": [{"capability": "demo.fail"}]}, "/calls/0/input"),
        ({"calls": [FAILS], "on_failure": "maybe"}, "/on_failure"),
        ({"calls": [{**FAILS, "mode": "simulate"}]}, "/calls/0/mode"),
        ({}, "/calls"),
    ],
)
def test_a_broken_body_names_field_and_changes_nothing(
    world: World, body: dict[str, object], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        request_batch(call=Call(world.operator), **body)
    assert [each.pointer for each in refused.value.errors] == [pointer]
    assert _kept(world) == (0, 0, 0)


def test_who_may_not_request_a_call_may_not_request_the_batch(world: World) -> None:
    open_accounts(world.system.tenant_id)
    for who in (world.analyst, world.auditor, world.approver, world.agent):
        with pytest.raises(NotPermitted):
            request_batch(call=Call(who), calls=[transfer(1)])
    assert _kept(world) == (0, 0, 0)


def test_an_undo_in_a_batch_needs_its_own_reason(world: World) -> None:
    back = {**transfer(1), "capability": "demo.reverse-transfer"}
    with pytest.raises(Invalid) as refused:
        asked(world, transfer(1), back)
    assert [each.pointer for each in refused.value.errors] == ["/calls/1/reason"]
    assert _kept(world) == (0, 0, 0)


def test_a_call_that_was_called_back_before_its_turn_counts_as_not_done(world: World) -> None:
    open_accounts(world.system.tenant_id)
    batch = asked(world, transfer(1), transfer(2), transfer(3))
    second = calls_now(world, batch.id)[1]
    cancel_execution(second.id, call=Call(world.operator), reason="Not that one")
    drain()
    assert batch_now(world, batch.id).failed_call == 1
    assert statuses(world, batch.id) == ["SUCCEEDED", "CANCELLED", "CANCELLED"]
    assert transfers(world.system.tenant_id) == [("bank", "customer", 1)]


def test_hundred_calls_are_one_statement(world: World) -> None:
    def cost(n: int) -> int:
        with CaptureQueriesContext(connection) as seen:
            asked(world, *[adjust("bank", 5)] * n)
        return len(seen)

    few = cost(2)
    assert cost(100) == few


@pytest.mark.parametrize("on_failure", OnFailure.values)
def test_an_uncertain_call_holds_the_batch(world: World, on_failure: str, bank: Bank) -> None:
    open_accounts(world.system.tenant_id)
    batch = asked(world, transfer(1), PAY, transfer(3), on_failure=on_failure)
    drain(fast_forward=True)
    assert statuses(world, batch.id) == ["SUCCEEDED", "UNCERTAIN", "PENDING"]
    assert batch_now(world, batch.id).status == "RUNNING"
    assert transfers(world.system.tenant_id) == [("bank", "customer", 1)], "it went on"
    assert bank.out == 5
    settle_outcome(
        calls_now(world, batch.id)[1].id, call=Call(world.operator), happened=True, **SEEN
    )
    drain()
    assert batch_now(world, batch.id).status == "COMPLETED"
    assert statuses(world, batch.id) == ["SUCCEEDED"] * 3


def test_a_doubt_that_ends_badly_stops_the_batch(world: World, bank: Bank) -> None:
    open_accounts(world.system.tenant_id)
    batch = asked(world, transfer(1), PAY, transfer(3))
    drain(fast_forward=True)
    settle_outcome(
        calls_now(world, batch.id)[1].id, call=Call(world.operator), happened=False, **SEEN
    )
    drain()
    assert (batch_now(world, batch.id).status, batch_now(world, batch.id).failed_call) == (
        "FAILED", 1,
    )  # fmt: skip
    assert statuses(world, batch.id) == ["SUCCEEDED", "FAILED", "CANCELLED"]


def test_an_agents_call_is_owed_when_its_turn_comes(world: World, bank: Bank) -> None:
    open_accounts(world.system.tenant_id)
    agent_capability("test.asked", performer="agent")
    batch = asked(world, transfer(1), {"capability": "test.asked", "input": {}}, transfer(3))
    owed = calls_now(world, batch.id)[1]
    assert owed.status == "PENDING", "its result could be reported before its turn"
    drain()
    assert statuses(world, batch.id) == ["SUCCEEDED", "WAITING", "PENDING"]
    assert history(world, "execution", owed.id)[-1] == ("dispatched", "PENDING", "WAITING")
    record_result(owed.id, call=Call(world.operator), outcome="succeeded", output={})
    drain()
    assert batch_now(world, batch.id).status == "COMPLETED"


def test_a_repeated_event_changes_nothing(world: World) -> None:
    open_accounts(world.system.tenant_id)
    batch = asked(world, transfer(1), transfer(2))
    drain()
    before = [(row.id, row.version) for row in calls_now(world, batch.id)]
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_outboxtask SET done_at = NULL WHERE consumer = 'executions.batches'"
            " AND tenant_id = %s", [world.system.tenant_id],
        )  # fmt: skip
        assert cursor.rowcount == 2
    drain()
    assert [(row.id, row.version) for row in calls_now(world, batch.id)] == before
    assert batch_now(world, batch.id).version == 2
    assert transfers(world.system.tenant_id) == [("bank", "customer", 1), ("bank", "customer", 2)]


def test_of_another_tenant_there_is_no_batch(world: World) -> None:
    batch = asked(world, FAILS)
    with tenant_scope(world.outsider.tenant_id):
        assert Batch.objects.filter(id=batch.id).count() == 0
    assert batch_now(world, batch.id).id == batch.id
