"""Carrying a batch on: one call after the other. Heard from the outbox, never in a web request.

State-driven: it looks at where the calls are now, in their order, so that a repeated or late event
changes nothing. The batch's lock keeps two handlers apart, and is taken before that of any call;
a call that somebody cancels meanwhile is locked before it is begun.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_noop

from accounts.acting import authority_of, system_of
from compensation.actions.automatic_runs import Wanted, start_or_note
from compensation.lifecycle import Trigger
from compensation.locking import lock_rows
from compensation.plan_scope import Scope
from compensation.subject import Cause
from executions.actions.batch_calls import call_back, give_turn
from executions.actions.batch_changes import lock_batch, save_batch
from executions.actions.deciding_executions import against_its_turn
from executions.actions.endings import refuse
from executions.actions.execution_opening import may_be_cancelled
from executions.lifecycle import (
    DONE,
    UNSUCCESSFUL,
    BatchStatus,
    ExecutionStatus,
    OnFailure,
)
from executions.models import Batch, Execution, ExecutionJob
from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.consumer_registry import Done, Event
from ledger.record import EntryRef
from ledger.tenancy import set_tenant
from verbs.answered_outside import answered_outside
from verbs.move import Moves

NOT_BEGUN = gettext_noop("An earlier call of the batch failed.")
failpoints.declare("batch.advanced", "batch.handled")


class _Call(NamedTuple):
    """One call as it stands now. `queued`: a worker may take it."""

    id: Any
    position: int
    status: str
    in_doubt: bool
    queued: bool

    @property
    def failed(self) -> bool:
        """Whether it was not done; one of which nobody knew, and that was undone, neither."""
        if self.status == ExecutionStatus.COMPENSATED:
            return self.in_doubt
        return self.status in UNSUCCESSFUL

    @property
    def done(self) -> bool:
        """Whether it was done."""
        return self.status in DONE and not self.in_doubt


def hear(events: Sequence[Event], done: Done) -> None:
    """Carry a batch on by news of its calls: all events of one lane are for one batch. What
    policies say of what begins then may need jq: it is asked while nothing is locked."""
    answered_outside(functools.partial(_hear, events, done))


def _hear(events: Sequence[Event], done: Done) -> None:
    first = events[0]
    with transaction.atomic(durable=True):
        set_tenant(first.tenant_id)
        last = events[-1]
        by = authority_of(system_of(first.tenant_id)).ref()
        cause = Cause(by, EntryRef(last.id, last.hash), Moves())
        batch = None if first.case_id is None else lock_batch(first.tenant_id, first.case_id)
        if batch is not None and batch.status == BatchStatus.RUNNING:
            _advance(batch, cause)
        cause.write()
        failpoints.reach("batch.handled")
        done()


def _advance(batch: Batch, cause: Cause) -> None:
    """Begin the next call, or end the batch where none is open any more."""
    calls = _calls(batch)
    failed = next((call for call in calls if call.failed), None)
    goes_on = batch.on_failure == OnFailure.CONTINUE
    for call in calls:
        if call.failed and not goes_on:
            _end(batch, calls, failed, cause)
            return
        if not call.failed and not call.done:
            _begin(batch, call, cause)
            return
    _end(batch, calls, failed, cause)


def _calls(batch: Batch) -> list[_Call]:
    """Return where the calls of a batch are now, in their order: one query."""
    job = ExecutionJob.objects.filter(tenant_id=batch.tenant_id, execution_id=OuterRef("id"))
    rows = Execution.objects.filter(
        tenant_id=batch.tenant_id, batch_id=batch.id, batch_position__isnull=False
    )
    found = rows.annotate(queued=Exists(job)).order_by("batch_position")
    columns = ("id", "batch_position", "status", "outcome_unknown", "queued")
    return [_Call(*values) for values in found.values_list(*columns)]


def _begin(batch: Batch, call: _Call, cause: Cause) -> None:
    """Give a call its turn, unless it has had it: it is under way, or nobody knows of it."""
    if call.status != ExecutionStatus.PENDING or call.queued:
        return
    row = lock_rows(batch.tenant_id, [(Execution.subject_type, call.id)])[call.id]
    # Called back since it was read: news of that comes, and carries the batch on.
    if not may_be_cancelled(row) or cause.entry is None or cause.moves is None:
        return
    against = against_its_turn(row)
    if against:
        # News of this call too, as of any that was not done.
        refuse(row, against, by=cause.by, caused_by=cause.entry, moves=cause.moves)
        return
    give_turn(row, by=cause.by, caused_by=cause.entry, moves=cause.moves)
    failpoints.reach("batch.advanced")


def _end(batch: Batch, calls: Sequence[_Call], failed: _Call | None, cause: Cause) -> None:
    """No call is open, or none shall begin any more: COMPLETED, or FAILED with the first that was
    not done; what has not begun is called back."""
    if failed is None:
        save_batch(batch, "completed", cause=cause, step=batch.complete, also={"ended_at": now()})
        return
    row = Execution.objects.get(tenant_id=batch.tenant_id, id=failed.id)
    at = row.ended_at or now()
    entry = save_batch(
        batch, "failed", cause=cause, step=batch.fail,
        also={"ended_at": now(), "failed_at": at, "failed_call": failed.position},
        payloads={"call": failed.position, "error": row.error},
    )  # fmt: skip
    because = cause.after(entry.ref)
    _call_back(batch, [call for call in calls if call.position > failed.position], because)
    if batch.on_failure == OnFailure.COMPENSATE:
        _undo(batch, failed, row.error, because)


def _call_back(batch: Batch, calls: Sequence[_Call], cause: Cause) -> None:
    """Cancel what waits for its turn, however much it is; locked after the batch, in the order of
    ids, as everybody locks them."""
    waiting = [call.id for call in calls if call.status == ExecutionStatus.PENDING]
    refs = [(Execution.subject_type, id_) for id_ in waiting]
    for row in lock_rows(batch.tenant_id, refs).values():
        if may_be_cancelled(row) and cause.entry is not None and cause.moves is not None:
            call_back(row, by=cause.by, caused_by=cause.entry, reason=NOT_BEGUN, moves=cause.moves)


def _undo(batch: Batch, failed: _Call, error: str, cause: Cause) -> None:
    """Start, by policy, the rollback of what was done; in the same transaction, so that no batch
    that asked for it is left FAILED with nobody responsible. What keeps it from starting by itself
    is recorded: then an operator decides."""
    reason = f"Call {failed.position + 1} failed: {error}" if error else "A call failed."
    wanted = Wanted(Scope(), reason, trigger=Trigger.BATCH, all_or_nothing=True)
    start_or_note(batch, wanted, cause=cause, requested_by=batch.requested_by_id)
