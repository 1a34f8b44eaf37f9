"""Executions through the service layer and the dispatcher, with effects that are counted."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.acting import ActingUser
from compensation.counters import next_completion
from config.demo.transfers import balances, open_accounts, transfers
from executions import capability_registry, selectors
from executions.actions import cancel_execution, record_result, request_execution
from executions.actions.execution_opening import NewExecution, open_execution
from executions.capability_registry import Invocation, Permanent, Result, RetryPolicy
from executions.errors import AlreadyDispatched
from executions.models import Execution, ExecutionJob
from ledger import selectors as entries
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted, Stale
from ledger.ids import new_id
from ledger.record import ActorRef
from ledger.tenancy import tenant_scope
from tests.draining import drain, expire_leases
from tests.world import World
from verbs.call import Call
from verbs.subject import Description, describe

TRANSFER = {"from": "bank", "to": "customer", "amount": 25_000}


def request(acting_user: ActingUser, capability: str, input: Any, **more: Any) -> Execution:  # noqa: A002
    return request_execution(call=Call(acting_user), capability=capability, input=input, **more)


def stored(world: World, execution: Execution) -> Execution:
    with tenant_scope(world.system.tenant_id):
        return selectors.get(execution.tenant_id, execution.id)


def history(world: World, execution: Execution) -> list[tuple[str, str, str, int]]:
    with tenant_scope(world.system.tenant_id):
        return [
            (entry.action, entry.from_status, entry.to_status, entry.subject_version)
            for entry in entries.entries_of(execution.tenant_id, "execution", execution.id)
        ]


def jobs(world: World) -> int:
    with tenant_scope(world.system.tenant_id):
        return ExecutionJob.objects.count()


def opened(world: World, **new: Any) -> Execution:
    with tenant_scope(world.system.tenant_id):
        return open_execution(
            NewExecution(
                tenant_id=world.system.tenant_id, requested_by=world.system.actor_id, **new
            ),
            by=ActorRef(world.system.actor_id, "SYSTEM", "system"),
        )


def test_a_transfer_moves_the_money_once(world: World) -> None:
    open_accounts(world.system.tenant_id)
    execution = request(world.operator, "demo.transfer", TRANSFER, reason="paid out")
    assert (execution.status, execution.version, execution.attempts) == ("PENDING", 1, 0)
    assert balances(world.system.tenant_id) == {"bank": 1_000_000, "customer": 0}

    drain()

    row = stored(world, execution)
    assert (row.status, row.version, row.attempts, row.error) == ("SUCCEEDED", 3, 1, "")
    assert row.output == {"from_balance": 975_000, "to_balance": 25_000}
    assert row.before == {"bank": 1_000_000, "customer": 0}
    assert row.after == {"bank": 975_000, "customer": 25_000}
    assert (row.reversibility, row.completion_seq) == ("compensable", None)
    assert row.policy == {"mode": "automated", "capability": "demo.reverse-transfer"}
    assert row.idempotency_key == str(row.id)
    assert balances(world.system.tenant_id) == {"bank": 975_000, "customer": 25_000}
    assert transfers(world.system.tenant_id) == [("bank", "customer", 25_000)]
    assert history(world, execution) == [
        ("requested", "", "PENDING", 1),
        ("dispatched", "PENDING", "RUNNING", 2),
        ("succeeded", "RUNNING", "SUCCEEDED", 3),
    ]
    assert jobs(world) == 0


def test_each_entry_names_what_led_to_it_and_who(world: World) -> None:
    open_accounts(world.system.tenant_id)
    execution = request(world.operator, "demo.transfer", TRANSFER, reason="paid out")
    drain()
    with tenant_scope(world.system.tenant_id):
        first, second, third = entries.entries_of(execution.tenant_id, "execution", execution.id)
    assert first.caused_by is None
    assert second.caused_by is not None
    assert (second.caused_by.id, second.caused_by.hash) == (first.id, first.hash)
    assert third.caused_by is not None
    assert (third.caused_by.id, third.caused_by.hash) == (second.id, second.hash)
    assert (first.actor_id, first.actor_role) == (world.operator.actor_id, "operator")
    assert (second.actor_type, second.on_behalf_of_id) == ("SYSTEM", world.operator.actor_id)
    assert first.payloads == {"input": TRANSFER, "reason": "paid out"}
    assert second.payloads == {"attempt": 1}
    assert third.payloads["output"] == {"from_balance": 975_000, "to_balance": 25_000}


def test_a_flaky_capability_is_tried_again_after_its_backoff(world: World) -> None:
    execution = request(world.operator, "demo.flaky", {"fail_times": 2})
    drain()
    row = stored(world, execution)
    assert (row.status, row.attempts) == ("PENDING", 1)
    assert row.error == "no answer at attempt 1"
    with tenant_scope(world.system.tenant_id):
        job = ExecutionJob.objects.get()
    assert (job.leased_until, job.lease_token) == (None, None)
    drain()
    assert stored(world, execution).attempts == 1, "it ran before its back-off was over"

    drain(fast_forward=True)

    row = stored(world, execution)
    assert (row.status, row.attempts, row.output) == ("SUCCEEDED", 3, {"attempts": 3})
    assert row.error == ""
    assert history(world, execution) == [
        ("requested", "", "PENDING", 1),
        ("dispatched", "PENDING", "RUNNING", 2),
        ("retried", "RUNNING", "PENDING", 3),
        ("dispatched", "PENDING", "RUNNING", 4),
        ("retried", "RUNNING", "PENDING", 5),
        ("dispatched", "PENDING", "RUNNING", 6),
        ("succeeded", "RUNNING", "SUCCEEDED", 7),
    ]


def test_what_always_fails_is_given_up_after_the_last_attempt(world: World) -> None:
    execution = request(world.operator, "demo.fail", {})
    drain(fast_forward=True)
    row = stored(world, execution)
    assert (row.status, row.attempts, row.output) == ("FAILED", 3, None)
    assert row.error == "demo.fail never works (attempt 3)"
    assert [action for action, *_ in history(world, execution)] == [
        "requested", "dispatched", "retried", "dispatched", "retried", "dispatched", "failed",
    ]  # fmt: skip
    assert jobs(world) == 0


def test_a_permanent_fault_is_not_tried_again(world: World) -> None:
    open_accounts(world.system.tenant_id)
    too_much = request(world.operator, "demo.transfer", {**TRANSFER, "amount": 1_000_001})
    nobody = request(world.operator, "demo.transfer", {**TRANSFER, "to": "nobody"})
    drain(fast_forward=True)
    assert (stored(world, too_much).status, stored(world, too_much).attempts) == ("FAILED", 1)
    assert stored(world, too_much).error == (
        "account 'bank' holds 1000000, which is less than 1000001"
    )
    assert stored(world, nobody).error == "there is no account named 'nobody'"
    assert balances(world.system.tenant_id) == {"bank": 1_000_000, "customer": 0}
    assert transfers(world.system.tenant_id) == []


@pytest.mark.parametrize(
    ("input_", "pointers"),
    [
        ({}, ["/input", "/input", "/input"]),
        ({**TRANSFER, "amount": 0}, ["/input/amount"]),
        ({**TRANSFER, "amount": "5"}, ["/input/amount"]),
        ({**TRANSFER, "tip": 1}, ["/input"]),
        ({**TRANSFER, "from": "", "amount": -1}, ["/input/amount", "/input/from"]),
    ],
    ids=["empty", "zero", "text", "extra", "two"],
)
def test_input_that_breaks_the_schema_is_refused(
    world: World, input_: Any, pointers: list[str]
) -> None:
    with pytest.raises(Invalid) as refusal:
        request(world.operator, "demo.transfer", input_)
    assert [error.pointer for error in refusal.value.errors] == pointers
    with tenant_scope(world.system.tenant_id):
        assert Execution.objects.count() == 0


def test_an_unknown_capability_is_refused_by_name(world: World) -> None:
    with pytest.raises(Invalid, match=r"demo.nothing.; known: amends"):
        request(world.operator, "demo.nothing", {})


def test_validate_checks_the_input_and_makes_no_effect(world: World) -> None:
    open_accounts(world.system.tenant_id)
    execution = request(world.operator, "demo.transfer", TRANSFER, mode="validate")
    assert (execution.status, execution.version, execution.output) == ("SUCCEEDED", 2, None)
    assert jobs(world) == 0
    drain()
    assert history(world, execution) == [
        ("requested", "", "PENDING", 1),
        ("succeeded", "PENDING", "SUCCEEDED", 2),
    ]
    assert balances(world.system.tenant_id) == {"bank": 1_000_000, "customer": 0}


def test_simulate_answers_without_an_effect(world: World) -> None:
    open_accounts(world.system.tenant_id)
    execution = request(world.operator, "demo.transfer", TRANSFER, mode="simulate")
    drain()
    row = stored(world, execution)
    assert row.output == {"from_balance": 975_000, "to_balance": 25_000}
    assert balances(world.system.tenant_id) == {"bank": 1_000_000, "customer": 0}
    assert transfers(world.system.tenant_id) == []


def test_what_cannot_simulate_says_so(world: World) -> None:
    with pytest.raises(Invalid) as refusal:
        request(world.operator, "demo.flaky", {"fail_times": 0}, mode="simulate")
    assert [(e.pointer, e.code) for e in refusal.value.errors] == [("/mode", "no_simulation")]
    with pytest.raises(Invalid, match="must be one of commit, simulate, validate"):
        request(world.operator, "demo.flaky", {"fail_times": 0}, mode="pretend")


def test_completion_numbers_count_per_case_in_order_of_completion(world: World) -> None:
    open_accounts(world.system.tenant_id)
    case, other = new_id(), new_id()
    first = opened(world, capability="demo.flaky", input={"fail_times": 1}, case_id=case)
    second = opened(world, capability="demo.transfer", input=TRANSFER, case_id=case)
    third = opened(world, capability="demo.transfer", input=TRANSFER, case_id=other)
    drain(fast_forward=True)
    assert stored(world, second).completion_seq == 1
    assert stored(world, first).completion_seq == 2
    assert stored(world, third).completion_seq == 1
    with tenant_scope(world.system.tenant_id):
        last = entries.entries_of(first.tenant_id, "execution", first.id)[-1]
        assert (last.action, last.completion_seq, last.case_id) == ("succeeded", 2, case)
        assert next_completion(case, world.system.tenant_id) == 3


def test_in_a_case_an_unknown_capability_waits_for_its_result(world: World) -> None:
    execution = opened(world, capability="erp.book", input={"n": 1}, case_id=new_id())
    assert execution.status == "WAITING"
    assert jobs(world) == 0
    with pytest.raises(NotPermitted):
        record_result(execution.id, call=Call(world.bystander), outcome="succeeded")
    with pytest.raises(NotFound):
        record_result(execution.id, call=Call(world.outsider), outcome="succeeded")
    with pytest.raises(Stale):
        record_result(execution.id, call=Call(world.operator, versions=[7]), outcome="succeeded")
    with pytest.raises(Invalid) as refusal:
        record_result(execution.id, call=Call(world.operator), outcome="perhaps")
    assert refusal.value.errors[0].pointer == "/outcome"
    with pytest.raises(Invalid) as refusal:
        record_result(execution.id, call=Call(world.operator), outcome="failed")
    assert refusal.value.errors[0].pointer == "/error"
    assert stored(world, execution).status == "WAITING"

    seen = Call(world.operator, versions=[1])
    record_result(execution.id, call=seen, outcome="succeeded", output={"booked": True})

    row = stored(world, execution)
    assert (row.status, row.output, row.completion_seq) == ("SUCCEEDED", {"booked": True}, 1)
    assert history(world, execution) == [
        ("requested", "", "WAITING", 1),
        ("succeeded", "WAITING", "SUCCEEDED", 2),
    ]
    with pytest.raises(Conflict, match="illegal_state"):
        record_result(execution.id, call=Call(world.operator), outcome="failed", error="no")


def test_an_outside_failure_is_recorded_with_its_reason(world: World) -> None:
    execution = opened(world, capability="erp.book", input={}, case_id=new_id())
    record_result(execution.id, call=Call(world.operator), outcome="failed", error="ledger closed")
    row = stored(world, execution)
    assert (row.status, row.error, row.completion_seq) == ("FAILED", "ledger closed", None)


def test_cancelling_before_the_dispatch_prevents_the_effect(world: World) -> None:
    open_accounts(world.system.tenant_id)
    execution = request(world.operator, "demo.transfer", TRANSFER)
    with pytest.raises(NotPermitted):
        cancel_execution(execution.id, call=Call(world.bystander), reason="no")
    with pytest.raises(Stale):
        cancel_execution(execution.id, call=Call(world.operator, versions=[2]), reason="no")
    cancel_execution(execution.id, call=Call(world.operator), reason="asked twice")
    drain(fast_forward=True)
    row = stored(world, execution)
    assert (row.status, row.compensation_state) == ("CANCELLED", "NONE")
    assert balances(world.system.tenant_id) == {"bank": 1_000_000, "customer": 0}
    assert history(world, execution)[-1] == ("cancelled", "PENDING", "CANCELLED", 2)
    with pytest.raises(Conflict):
        cancel_execution(execution.id, call=Call(world.operator), reason="again")


def test_between_two_attempts_it_cannot_be_cancelled(world: World) -> None:
    execution = request(world.operator, "demo.flaky", {"fail_times": 1})
    drain()
    with pytest.raises(AlreadyDispatched):
        cancel_execution(execution.id, call=Call(world.operator), reason="too late")
    assert stored(world, execution).status == "PENDING"


def test_another_tenants_execution_is_not_there(world: World) -> None:
    execution = request(world.operator, "demo.flaky", {"fail_times": 0})
    with pytest.raises(NotFound):
        cancel_execution(execution.id, call=Call(world.outsider), reason="mine now")
    with pytest.raises(NotFound):
        cancel_execution(uuid.uuid4(), call=Call(world.operator), reason="nothing")


def test_a_capability_that_vanished_fails_with_its_name(world: World) -> None:
    execution = request(world.operator, "demo.flaky", {"fail_times": 0})
    waiting = opened(world, capability="erp.book", input={}, case_id=new_id())
    with tenant_scope(world.system.tenant_id):
        ExecutionJob.objects.create(
            execution_id=waiting.id, tenant_id=world.system.tenant_id, due_at=waiting.created_at
        )
    drain()
    assert stored(world, execution).status == "SUCCEEDED"
    row = stored(world, waiting)
    assert row.status == "FAILED"
    assert row.error == "no capability named 'erp.book' is registered any more"


def declared(
    monkeypatch: pytest.MonkeyPatch, handler: Callable[[Invocation], Result], **more: Any
) -> None:
    """Register `test.own` for the length of the test."""
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    capability_registry.capability("test.own", **more)(handler)


def test_a_handler_that_would_end_the_program_only_failed_for_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_call: Invocation) -> Result:
        sys.exit(3)

    declared(monkeypatch, ends, retry=RetryPolicy(max_attempts=2))
    execution = request(world.operator, "test.own", {})
    drain()
    row = stored(world, execution)
    assert (row.status, row.attempts, row.error) == ("PENDING", 1, "SystemExit: 3")
    drain(fast_forward=True)
    assert (stored(world, execution).status, stored(world, execution).attempts) == ("UNCERTAIN", 2)


@pytest.mark.parametrize("kind", [Permanent, RuntimeError])
def test_an_error_is_stored_whatever_is_in_its_text(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def broken(_call: Invocation) -> Result:
        raise kind("nul \x00 and half a pair \ud800.")

    declared(monkeypatch, broken, retry=RetryPolicy(max_attempts=1))
    execution = request(world.operator, "test.own", {})
    drain()
    row = stored(world, execution)
    words = "nul \ufffd and half a pair \ufffd."
    assert row.status == ("FAILED" if kind is Permanent else "UNCERTAIN")
    assert row.error == (words if kind is Permanent else f"RuntimeError: {words}")
    with tenant_scope(world.system.tenant_id):
        last = entries.entries_of(execution.tenant_id, "execution", execution.id)[-1]
    assert last.payloads["error"] == row.error


def test_a_handler_that_runs_too_long_loses_its_lease_and_its_word(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs, its lease runs out, another attempt succeeds; what it says later is not stored."""
    calls: list[int] = []

    def hangs(call: Invocation) -> Result:
        calls.append(call.attempt)
        if len(calls) == 1:
            beats = [thread for thread in threading.enumerate() if thread.name == "leases"]
            for beat in beats:
                beat.join(30)
                assert not beat.is_alive()
            expire_leases()
            drain()
        return Result({"attempt": call.attempt})

    declared(monkeypatch, hangs, lease_seconds=1, max_seconds=1)
    execution = request(world.operator, "test.own", {})
    drain()
    assert calls == [1, 2]
    row = stored(world, execution)
    assert (row.status, row.output) == ("SUCCEEDED", {"attempt": 2})


def test_an_execution_is_called_by_its_step_or_its_capability(world: World) -> None:
    plain = request(world.operator, "demo.flaky", {"fail_times": 0})
    step = opened(world, capability="erp.book", input={}, case_id=new_id(), binding="booking")
    with tenant_scope(world.system.tenant_id):
        found = describe(plain.tenant_id, [("execution", plain.id), ("execution", step.id)])
    for row, *told in ((plain, "Flaky", "PENDING"), (step, "Booking", "WAITING")):
        wanted = Description(told[0], f"/executions/{row.id}/", told[1], "cog")
        assert found["execution", row.id] == wanted
    with tenant_scope(tenant_id := world.outsider.tenant_id):
        assert "flaky" not in describe(tenant_id, [(k := ("execution", plain.id))])[k].title
