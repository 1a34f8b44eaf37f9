"""Undo by programs, undo of executions, and what people may decide once an undo failed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from accounts.acting import ActingUser, authority_of
from compensation.actions.undo import begin
from compensation.locking import lock_row
from compensation.planning import UndoRequest
from config.demo.transfers import balances, open_accounts, transfers
from executions.actions import cancel_execution, request_execution
from executions.models import Execution
from ledger.errors import Conflict, Invalid, NotPermitted
from ledger.record import EntryRef
from ledger.selectors import Entry
from ledger.tenancy import set_tenant, tenant_scope
from people.actions import deactivate
from tests import states
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.lifecycle import Status
from workitems.models import WorkItem

TRANSFER = {"from": "bank", "to": "customer", "amount": 25_000}
REVERSED = {"capability": "demo.reverse-transfer"}
FAILS = {"capability": "demo.fail"}
AFTER = {"bank": 1_000_000, "customer": 25_000}


def ref(entry: Entry) -> EntryRef:
    return EntryRef(entry.id, entry.hash)


def paid(world: World, policy: dict[str, Any], **wanted: Any) -> WorkItem:
    """Return an item by which `analyst` paid by hand; the customer has the money."""
    open_accounts(world.system.tenant_id, AFTER)
    return states.completed(world.analyst, payload=TRANSFER, compensation=policy, **wanted)


def execution(world: World, id_: uuid.UUID) -> Execution:
    with tenant_scope(world.system.tenant_id):
        return Execution.objects.get(id=id_)


def tries(world: World, item: WorkItem) -> list[tuple[int, int, str, str]]:
    return [(a.round, a.number, a.mode, a.outcome) for a in states.attempts(world, item.id)]


def state(world: World, item: WorkItem) -> tuple[str, str, int]:
    row = states.stored(world, item.id)
    return str(row.status), row.compensation_state, row.version


def work_done(world: World, item: WorkItem) -> tuple[Any, ...]:
    row = states.stored(world, item.id)
    return row.outcome, row.resolution, row.completed_at, row.completed_by_id, row.payload


def test_a_program_undoes_it_once_and_every_step_is_linked(world: World) -> None:
    item = paid(world, REVERSED)
    before = work_done(world, item)
    begun = states.compensate(item, world.operator)
    run = execution(world, begun.attempt.compensation_id)
    assert (run.status, run.compensation_state) == ("PENDING", "COMPENSATING")
    assert (run.idempotency_key, run.input) == (f"comp:{item.id}:1", TRANSFER)
    assert (run.undoes_type, run.undoes_id) == ("work_item", item.id)
    assert run.compensation is not None
    assert run.compensation["original_snapshot"]["payload"] == TRANSFER
    drain()
    assert balances(world.system.tenant_id) == {"bank": 1_025_000, "customer": 0}
    assert transfers(world.system.tenant_id) == [("customer", "bank", 25_000)]
    assert state(world, item) == ("COMPENSATED", "COMPENSATED", 5)
    assert execution(world, run.id).compensation_state == "COMPENSATED"
    assert tries(world, item) == [(1, 1, "automated", "DONE")]
    assert work_done(world, item) == before
    _, _, completed, started, undone = states.history(world, "work_item", item.id)
    requested, dispatched, succeeded = states.history(world, "execution", run.id)
    assert [e.action for e in (requested, dispatched, succeeded)] == [
        "requested", "dispatched", "succeeded",
    ]  # fmt: skip
    assert requested.caused_by == ref(started)
    assert dispatched.caused_by == ref(requested)
    assert succeeded.caused_by == ref(dispatched)
    assert undone.caused_by == ref(succeeded)
    assert {e.original for e in (started, undone, requested, dispatched, succeeded)} == {
        ref(completed)
    }
    assert (undone.actor_type, undone.on_behalf_of_id) == ("SYSTEM", world.operator.actor_id)
    assert started.compensation is not None
    assert started.compensation["mode"] == "automated"


def test_a_program_that_gives_up_leaves_a_fault_with_its_reason(world: World) -> None:
    item, other = paid(world, FAILS), paid(world, REVERSED)
    begun = states.compensate(item, world.operator)
    states.compensate(other, world.operator)
    drain(fast_forward=True)
    assert state(world, item) == ("COMPENSATION_FAULTED", "COMPENSATION_FAULTED", 5)
    assert state(world, other)[0] == "COMPENSATED"
    run = execution(world, begun.attempt.compensation_id)
    assert (run.status, run.attempts, run.compensation_state) == (
        "FAILED", 3, "COMPENSATION_FAULTED",
    )  # fmt: skip
    (attempt,) = states.attempts(world, item.id)
    assert attempt.outcome == "FAILED"
    assert attempt.error == "demo.fail never works (attempt 3)"
    assert states.history(world, "work_item", item.id)[-1].payloads["error"] == attempt.error


def test_a_program_that_gives_up_hands_over_to_a_person(world: World) -> None:
    item = paid(world, {**FAILS, "fallback": "human"})
    states.compensate(item, world.operator)
    drain(fast_forward=True)
    assert state(world, item) == ("COMPENSATING", "COMPENSATING", 5)
    assert tries(world, item) == [(1, 1, "automated", "FAILED"), (1, 2, "human", "")]
    first, second = states.attempts(world, item.id)
    handed = states.history(world, "work_item", item.id)[-1]
    assert handed.action == "compensation_handed_to_human"
    assert handed.caused_by == ref(states.history(world, "execution", first.compensation_id)[-1])
    (created,) = states.history(world, "work_item", second.compensation_id)
    assert created.caused_by == ref(handed)
    assert states.stored(world, second.compensation_id).assignee_id == world.analyst.actor_id
    states.undo(second.compensation_id, world.analyst)
    assert state(world, item) == ("COMPENSATED", "COMPENSATED", 6)


def test_a_retry_of_a_program_keeps_its_key(world: World) -> None:
    item = states.completed(world.analyst, payload=TRANSFER, compensation=REVERSED)
    states.compensate(item, world.operator)
    drain()
    assert state(world, item)[0] == "COMPENSATION_FAULTED"
    open_accounts(world.system.tenant_id, AFTER)
    actions.retry_compensation(item.id, call=Call(world.operator))
    drain()
    assert state(world, item) == ("COMPENSATED", "COMPENSATED", 7)
    assert tries(world, item) == [(1, 1, "automated", "FAILED"), (1, 2, "automated", "DONE")]
    runs = [execution(world, a.compensation_id) for a in states.attempts(world, item.id)]
    assert {run.idempotency_key for run in runs} == {f"comp:{item.id}:1"}
    assert len({run.id for run in runs}) == 2
    assert transfers(world.system.tenant_id) == [("customer", "bank", 25_000)]


def test_a_second_round_has_a_key_of_its_own(world: World) -> None:
    item = paid(world, FAILS)
    states.compensate(item, world.operator)
    drain(fast_forward=True)
    actions.abandon(item.id, call=Call(world.operator), reason="Too small")
    assert state(world, item) == ("COMPLETED", "NONE", 6)
    again = states.compensate(item, world.operator)
    assert execution(world, again.attempt.compensation_id).idempotency_key == f"comp:{item.id}:2"
    assert tries(world, item) == [(1, 1, "automated", "ABANDONED"), (2, 1, "automated", "")]
    assert state(world, item) == ("COMPENSATING", "COMPENSATING", 7)


def test_calling_the_program_back_is_a_fault_somebody_decides_on(world: World) -> None:
    item = paid(world, REVERSED)
    run_id = states.compensate(item, world.operator).attempt.compensation_id
    cancel_execution(run_id, call=Call(world.operator), reason="wrong account")
    drain()
    assert state(world, item) == ("COMPENSATION_FAULTED", "COMPENSATION_FAULTED", 5)
    assert states.attempts(world, item.id)[0].error == "cancelled: wrong account"
    assert transfers(world.system.tenant_id) == []


Decision = Callable[[uuid.UUID, ActingUser], Any]
DECISIONS: dict[str, tuple[Decision, str, str, list[str]]] = {
    "retry": (
        lambda id_, by: actions.retry_compensation(id_, call=Call(by)),
        "compensation_retried", "COMPENSATING", ["FAILED", ""],
    ),
    "reassign": (
        lambda id_, by: actions.reassign_compensation(
            id_, call=Call(by), candidate_groups=["compliance"]
        ),
        "compensation_reassigned", "COMPENSATING", ["FAILED", ""],
    ),
    "hand-to-human": (
        lambda id_, by: actions.hand_to_human(id_, call=Call(by)),
        "compensation_handed_to_human", "COMPENSATING", ["FAILED", ""],
    ),
    "attest": (
        lambda id_, by: actions.attest(id_, call=Call(by), evidence='Receipt 7'),
        "compensation_attested", "COMPENSATED", ["ATTESTED"],
    ),
    "abandon": (
        lambda id_, by: actions.abandon(id_, call=Call(by), reason='Too small'),
        "compensation_abandoned", "COMPLETED", ["ABANDONED"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["human", "automated"])
@pytest.mark.parametrize("name", sorted(DECISIONS))
def test_a_decision_about_a_fault(world: World, name: str, mode: str) -> None:
    decide, action, status, outcomes = DECISIONS[name]
    item = paid(world, FAILS if mode == "automated" else {})
    task_id = states.compensate(item, world.operator).attempt.compensation_id
    if mode == "human":
        states.undo(task_id, world.analyst, "CANNOT_REVERSE")
    drain(fast_forward=True)
    before = work_done(world, item)
    decide(item.id, world.operator)
    entry = states.history(world, "work_item", item.id)[-1]
    completed = states.history(world, "work_item", item.id)[2]
    assert (entry.action, entry.from_status, entry.to_status, entry.subject_version) == (
        action, "COMPENSATION_FAULTED", status, 6,
    )  # fmt: skip
    assert entry.original == ref(completed)
    row = states.stored(world, item.id)
    wanted = "NONE" if status == "COMPLETED" else status
    assert (row.status, row.compensation_state, row.version) == (status, wanted, 6)
    assert [attempt.outcome for attempt in states.attempts(world, item.id)] == outcomes
    assert work_done(world, item) == before
    if len(outcomes) == 2:
        last = states.attempts(world, item.id)[-1]
        opened = states.history(world, last.compensation_type, last.compensation_id)[0]
        assert opened.caused_by == ref(entry)
        assert last.mode == ("automated" if (name, mode) == ("retry", "automated") else "human")
    with pytest.raises(Conflict) as refused:
        decide(item.id, world.operator)
    assert refused.value.code == "illegal_state"


def test_words_that_people_give_are_kept_with_the_decision(world: World) -> None:
    attested, abandoned = (states.faulted(world.operator).original for _ in range(2))
    actions.attest(attested.id, call=Call(world.operator), evidence=" Receipt 7 ")
    actions.abandon(abandoned.id, call=Call(world.operator), reason="Too small")
    assert states.history(world, "work_item", attested.id)[-1].payloads["evidence"] == "Receipt 7"
    assert states.history(world, "work_item", abandoned.id)[-1].payloads["reason"] == "Too small"


@pytest.mark.parametrize(
    ("decide", "pointer"),
    [
        (lambda i, u: actions.attest(i, call=Call(u), evidence=" "), "/evidence"),
        (lambda i, u: actions.abandon(i, call=Call(u), reason=""), "/reason"),
        (lambda i, u: actions.reassign_compensation(i, call=Call(u)), "/assignee"),
        (
            lambda i, u: actions.reassign_compensation(i, call=Call(u), assignee="nobody"),
            "/assignee",
        ),
        (
            lambda i, u: actions.hand_to_human(i, call=Call(u), candidate_groups=[""]),
            "/candidate_groups/0",
        ),
    ],
    ids=["evidence", "reason", "nobody", "stranger", "groups"],
)
def test_a_decision_without_its_words_is_refused(
    world: World, decide: Decision, pointer: str
) -> None:
    item = states.faulted(world.operator).original
    with pytest.raises(Invalid) as refused:
        decide(item.id, world.operator)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert state(world, item) == ("COMPENSATION_FAULTED", "COMPENSATION_FAULTED", 5)
    assert len(states.attempts(world, item.id)) == 1


def test_a_retry_finds_somebody_for_a_named_performer_who_left(world: World) -> None:
    item = states.completed(world.analyst)
    begun = states.compensate(item, world.operator, assignee=world.surveyor.username)
    states.undo(begun.attempt.compensation_id, world.surveyor, "CANNOT_REVERSE")
    assert world.surveyor.membership_id is not None
    deactivate(world.surveyor.membership_id, call=Call(world.admin))
    again = actions.retry_compensation(item.id, call=Call(world.operator))
    task = states.stored(world, again.attempt.compensation_id)
    assert (task.assignee_id, again.attempt.replaced_performer) == (
        world.analyst.actor_id, "assignee_not_available",
    )  # fmt: skip


def test_withdrawing_settles_both_and_the_task_settles_nothing_again(world: World) -> None:
    item = states.completed(world.analyst)
    before = work_done(world, item)
    task_id = states.compensate(item, world.operator).attempt.compensation_id
    actions.withdraw(item.id, call=Call(world.operator), reason="Mistake")
    drain()
    assert state(world, item) == ("COMPLETED", "NONE", 5)
    task = states.stored(world, task_id)
    assert (task.status, task.compensation_state, task.version) == ("CANCELLED", "NONE", 2)
    assert tries(world, item) == [(1, 1, "human", "WITHDRAWN")]
    withdrawn = states.history(world, "work_item", item.id)[-1]
    created, cancelled = states.history(world, "work_item", task_id)
    assert (withdrawn.action, cancelled.action) == ("compensation_withdrawn", "cancelled")
    assert (created.original, cancelled.original, cancelled.caused_by) == (
        withdrawn.original, withdrawn.original, ref(withdrawn),
    )  # fmt: skip
    assert work_done(world, item) == before
    with pytest.raises(Conflict):
        actions.start(task_id, call=Call(world.analyst))
    assert tries(world, states.compensate(item, world.operator).original)[-1] == (2, 1, "human", "")


def test_an_undo_that_has_started_is_not_withdrawn(world: World) -> None:
    begun = states.compensating(world.operator)
    actions.start(begun.attempt.compensation_id, call=Call(world.operator))
    with pytest.raises(Conflict) as refused:
        actions.withdraw(begun.original.id, call=Call(world.operator))
    assert refused.value.code == "undo_started"
    assert state(world, begun.original) == ("COMPENSATING", "COMPENSATING", 4)
    assert states.stored(world, begun.attempt.compensation_id).status == Status.IN_PROGRESS
    # Put down again it is as if nobody had begun.
    actions.stop(begun.attempt.compensation_id, call=Call(world.operator))
    actions.withdraw(begun.original.id, call=Call(world.operator))
    assert state(world, begun.original) == ("COMPLETED", "NONE", 5)


def test_a_program_is_withdrawn_before_it_runs(world: World) -> None:
    item = paid(world, REVERSED)
    run_id = states.compensate(item, world.operator).attempt.compensation_id
    actions.withdraw(item.id, call=Call(world.operator))
    drain()
    assert (execution(world, run_id).status, state(world, item)) == (
        "CANCELLED", ("COMPLETED", "NONE", 5),
    )  # fmt: skip
    assert transfers(world.system.tenant_id) == []


def test_between_two_attempts_a_program_has_started(world: World) -> None:
    item = states.completed(
        world.analyst, payload={"fail_times": 9}, compensation={"capability": "demo.flaky"}
    )
    run_id = states.compensate(item, world.operator).attempt.compensation_id
    drain()
    run = execution(world, run_id)
    assert (run.status, run.attempts) == ("PENDING", 1)
    with pytest.raises(Conflict) as refused:
        actions.withdraw(item.id, call=Call(world.operator))
    assert refused.value.code == "undo_started"
    assert state(world, item) == ("COMPENSATING", "COMPENSATING", 4)


def test_who_asked_may_withdraw_and_nobody_else(world: World) -> None:
    item = states.completed(world.analyst, compensation={"self_undo": True})
    states.compensate(item, world.analyst)
    for name in ("surveyor", "bystander", "approver"):
        with pytest.raises(NotPermitted):
            actions.withdraw(item.id, call=Call(world.of(name)))
    actions.withdraw(item.id, call=Call(world.analyst))
    assert state(world, item) == ("COMPLETED", "NONE", 5)


@pytest.mark.parametrize("mode", ["human", "automated"])
def test_an_execution_is_undone_by_a_person_or_a_program(world: World, mode: str) -> None:
    open_accounts(world.system.tenant_id)
    done = request_execution(call=Call(world.operator), capability="demo.transfer", input=TRANSFER)
    drain()
    by = authority_of_in(world, world.operator)
    with transaction.atomic(durable=True):
        set_tenant(world.system.tenant_id)
        row = lock_row(world.operator.tenant_id, "execution", done.id)
        assert row is not None
        attempt = begin(
            row,
            UndoRequest(
                mode=mode,
                strategy="restore",
                reason="Forged",
                requested_by=world.operator.actor_id,
                capability="demo.reverse-transfer" if mode == "automated" else "",
            ),
            by=by,
        )
    if mode == "human":
        task = states.stored(world, attempt.compensation_id)
        assert (task.undoes_type, task.compensates_id) == ("execution", None)
        # Who asked for it is the one who did it.
        assert task.assignee_id == world.operator.actor_id
        states.undo(task.id, world.operator)
    drain()
    found = execution(world, done.id)
    assert (found.status, found.compensation_state) == ("COMPENSATED", "COMPENSATED")
    money = {"bank": 1_000_000, "customer": 0} if mode == "automated" else AFTER
    assert balances(world.system.tenant_id)["customer"] == money["customer"]
    assert states.actions_of(world, "execution", done.id) == [
        "requested", "dispatched", "succeeded", "compensation_started", "compensation_completed",
    ]  # fmt: skip
    succeeded = states.history(world, "execution", done.id)[2]
    undo = states.history(world, attempt.compensation_type, attempt.compensation_id)
    assert {entry.original for entry in undo} == {ref(succeeded)}


def authority_of_in(world: World, acting: ActingUser) -> Any:
    with tenant_scope(world.system.tenant_id):
        return authority_of(acting).ref()
