"""One attempt of a worker at one execution: lease, begin, extend, settle. Each commits by itself.

Leases use the database's clock. Between `begin` and `settle` no transaction is open, no lock held.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.acting import system_of
from accounts.roles import ActorType
from compensation.locking import lock_with_original
from executions import capability_registry
from executions.actions import accepted_work, endings, stale_state
from executions.capability_registry import Capability
from executions.handler_contract import (
    Failed,
    Invocation,
    Later,
    NotDone,
    Permanent,
    Result,
    Unusable,
)
from executions.lifecycle import ExecutionStatus
from executions.models import Execution, ExecutionJob
from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.faults import storable, words_of
from ledger.ids import new_token
from ledger.record import ActorRef, EntryRef
from ledger.tenancy import set_tenant
from verbs.answered_outside import answered_outside
from verbs.move import move, newest_entry
from verbs.subject import Locked

#: Of a job whose capability is not registered here, to give it up.
LEASE_SECONDS = 10
#: What is said of an attempt of which only its begin is known.
NOT_STORED = "how it ended was not stored: its worker fell silent, or the database was away for it"
failpoints.declare("execution.before_settle")

#: The jobs of executions, as rows that fall due.
JOBS = LeaseTable("executions_executionjob", "execution_id", seconds="t.seconds")


class Unrepeatable(Exception):
    """Nobody knows whether the call before had its effect, and a second one might have another."""

    detail = "nobody knows whether it happened, and it is not declared to be safe to call it again"


class StateMoved(Exception):
    """The state is not the expected one; nothing was called. `found`: its version."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


# What trying again would not change: the same call gets the same answer, or must not be made.
_FINAL = (Permanent, Unusable, Unrepeatable)
#: How a call ended: what it returned or raised. None is no answer.
Outcome = Result | Later | BaseException | None


class LeaseLost(RuntimeError):
    """Another worker took the execution over; whatever this one found out is not stored."""


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """A begun attempt: whose job it is, what to call, and with what.

    `doubtful`: nobody knows whether an earlier call had its effect, so that is asked first where it
    can be. `only_asks`: no call is left; `is_last`: none is left after this one.
    """

    due: Due
    capability: Capability
    call: Invocation
    doubtful: bool
    only_asks: bool

    @property
    def checks_first(self) -> bool:
        """Whether the state is compared, and nothing may have been called before that."""
        call = self.call
        return bool(call.expected_state_version) and call.mode == "commit" and not self.doubtful

    @property
    def is_last(self) -> bool:
        """Whether nothing is tried after it."""
        return self.call.attempt >= self.capability.retry.max_attempts


def begin(tenant_id: uuid.UUID, execution_id: uuid.UUID) -> Attempt | None:
    """Lease an execution and start its next attempt, or return None when it is not due, another
    worker has it, or there is no attempt to start.

    PENDING → RUNNING. One that is RUNNING already was left behind by a worker that died: it is
    tried again under the same idempotency key, as long as its policy has attempts left. When they
    are used up its status is asked for, once, where the capability can tell. One that is WAITING
    was accepted, and is asked about: no attempt, and nothing to record.
    """
    due = Due(tenant_id, execution_id, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        locked = lock_with_original(tenant_id, Execution.subject_type, execution_id)
        if locked is None:
            return None
        execution, original = locked.row, locked.others
        capability = capability_registry.get(execution.capability)
        if capability is not None and execution.status == ExecutionStatus.WAITING:
            return _question(due, locked, capability)
        seconds = LEASE_SECONDS if capability is None else capability.lease_seconds
        if not JOBS.take(due, seconds):
            return None
        by = _by(execution)
        if capability is None:
            detail = f"no capability named {execution.capability!r} is registered any more"
            endings.give_up(execution, original, detail, by=by)
            return None
        if execution.status == ExecutionStatus.RUNNING:
            # Its worker died without a word, whatever an earlier version of us has noted; but for
            # one that is known not to have called anything yet.
            execution.outcome_unknown = execution.mode == "commit" and not _checked(execution)
        only_asks = execution.attempts >= capability.retry.max_attempts
        if only_asks and (capability.status is None or _was_asked(execution, capability)):
            detail = f"the worker fell silent during the last of {execution.attempts} attempts"
            endings.give_up(execution, original, detail, by=by)
            return None
        doubtful = execution.outcome_unknown
        call = _call(execution, by, _dispatch(execution, by))
        attempt = Attempt(due, capability, call, doubtful, only_asks)
        if attempt.checks_first or execution.expected_state_version:
            _job(attempt).update(checks_state=attempt.checks_first)
    return attempt


def _question(due: Due, locked: Locked, capability: Capability) -> Attempt | None:
    """Lease what was accepted, to ask about it; None when another worker has it. A question that
    hangs or kills its worker is not put for ever either."""
    execution, in_vain = locked.row, accepted_work.asked_in_vain(due, capability)
    if not JOBS.take(due, capability.lease_seconds):
        return None
    by = _by(execution)
    if in_vain:
        said = f"{accepted_work.SILENT}: the worker fell silent while it asked"
        endings.give_up(execution, locked.others, said, by=by)
        return None
    ask = accepted_work.ask_of(due.tenant_id, due.id)
    call = _call(execution, by, newest_entry(execution), ask)
    return Attempt(due, capability, call, doubtful=True, only_asks=True)


def _was_asked(execution: Execution, capability: Capability) -> bool:
    """Whether the last question about its status has been put, and was not answered either. It
    counts as an attempt, so that a question that kills its worker is not put for ever."""
    return execution.attempts > capability.retry.max_attempts


def _dispatch(execution: Execution, by: ActorRef) -> EntryRef:
    """Count and record a further attempt; its entry. From now on an effect may exist."""
    before, action = str(execution.status), "retried"
    if before == ExecutionStatus.PENDING:
        execution.dispatch()
        action = "dispatched"
    execution.attempts += 1
    execution.started_at = execution.started_at or now()
    # Only a run that is meant to have an effect can have one that nobody knows of.
    execution.outcome_unknown = execution.mode == "commit"
    payloads: dict[str, Any] = {"attempt": execution.attempts}
    if action == "retried":
        payloads["error"] = NOT_STORED
    return move(
        execution, action, before=before, by=by, caused_by=newest_entry(execution),
        fields=["attempts", "started_at", "outcome_unknown"], payloads=payloads,
    ).ref  # fmt: skip


def about_to_call(attempt: Attempt) -> bool:
    """Commit that the call is made from now on; False: the attempt was taken over, and it must not
    be. A worker that dies before this has called nothing, and the next compares the state again;
    one that dies after it may have."""
    if not attempt.checks_first:
        return True
    with transaction.atomic(durable=True):
        set_tenant(attempt.due.tenant_id)
        ours = _job(attempt).filter(lease_token=attempt.due.token)
        return ours.update(checks_state=False) == 1


def _job(attempt: Attempt) -> QuerySet[ExecutionJob]:
    due = attempt.due
    return ExecutionJob.objects.filter(tenant_id=due.tenant_id, execution_id=due.id)


def _checked(execution: Execution) -> bool:
    """Whether the attempt that was under way was still comparing the state."""
    jobs = ExecutionJob.objects.filter(tenant_id=execution.tenant_id, execution_id=execution.id)
    return bool(execution.expected_state_version) and jobs.filter(checks_state=True).exists()


def extend(attempt: Attempt) -> bool:
    """Extend the attempt's lease by the capability's lease time. False: it was taken over."""
    with transaction.atomic(durable=True):
        set_tenant(attempt.due.tenant_id)
        return JOBS.extend(attempt.due, attempt.capability.lease_seconds)


def _read(
    outcome: Outcome, capability: Capability, mode: str
) -> tuple[Result | None, Later | None, BaseException | None]:
    """Return what a call answered as it may be kept: one of the three, or nothing."""
    try:
        if isinstance(outcome, Result) and mode == "validate":
            return outcome, None, None
        if isinstance(outcome, Result):
            return endings.checked(outcome, capability), None, None
        if isinstance(outcome, Later):
            return None, accepted_work.checked(outcome, capability), None
    except Unusable as broken:
        return None, None, broken
    return None, None, outcome


def settle(attempt: Attempt, outcome: Outcome) -> str:
    """Store how the attempt ended and return the status reached.

    A result ends the execution; so does a final fault (`_FINAL`), or any fault of the last attempt.
    Any other fault postpones the next attempt by the policy's back-off. Only a declared fault says
    that there is no effect. What was accepted is WAITING, and is asked about again later. Raises
    LeaseLost.
    """
    due, capability = attempt.due, attempt.capability
    result, later, fault = _read(outcome, capability, attempt.call.mode)
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        locked = lock_with_original(due.tenant_id, Execution.subject_type, due.id)
        if locked is None or not JOBS.is_ours(due):
            raise LeaseLost(f"execution {due.id} was taken over")
        execution, original = locked.row, locked.others
        by = _by(execution)
        if isinstance(fault, Failed):
            execution.outcome_unknown = False
        elif isinstance(fault, NotDone):
            # Of earlier calls it says nothing.
            execution.outcome_unknown = attempt.doubtful
        if result is not None:
            endings.succeed(execution, original, result, by=by)
        elif _is_final(attempt, fault):
            endings.give_up(execution, original, _text(attempt, fault), by=by)
        elif attempt.call.ask:
            _ask_again(locked, attempt, later, fault, by)
        elif later is not None:
            accepted_work.accept(execution, capability, later, by)
        else:
            _try_again(locked, attempt, fault, by)
        failpoints.reach("execution.before_settle")
    return str(execution.status)


def settle_moved(attempt: Attempt, found: str) -> str:
    """Store that nothing was called, because the state is at version `found`; what that means: see
    `stale_state`. Returns the status reached. Raises LeaseLost."""
    return answered_outside(functools.partial(_settle_moved, attempt, found))


def _settle_moved(attempt: Attempt, found: str) -> str:
    due = attempt.due
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        locked = lock_with_original(due.tenant_id, Execution.subject_type, due.id)
        if locked is None or not JOBS.is_ours(due):
            raise LeaseLost(f"execution {due.id} was taken over")
        stale_state.settle(locked, found, is_last=attempt.is_last, by=_by(locked.row))
        if locked.row.status == ExecutionStatus.PENDING:
            JOBS.put_back(due.tenant_id, due.id, 0)
        failpoints.reach("execution.before_settle")
    return str(locked.row.status)


def _ask_again(
    locked: Locked,
    attempt: Attempt,
    later: Later | None,
    fault: BaseException | None,
    by: ActorRef,
) -> None:
    """Work that was accepted is asked about again, until it has been waited for long enough."""
    if not accepted_work.ask_again(attempt.due, attempt.capability, later):
        said = accepted_work.SILENT
        last = "" if fault is None else f": {_text(attempt, fault)}"
        endings.give_up(locked.row, locked.others, said + last, by=by)


def _try_again(locked: Locked, attempt: Attempt, fault: BaseException | None, by: ActorRef) -> None:
    """Postpone the next attempt, or give up after the last."""
    if attempt.is_last:
        endings.give_up(locked.row, locked.others, _text(attempt, fault), by=by)
    else:
        _postpone(locked.row, attempt.capability, _text(attempt, fault), by)


def _postpone(execution: Execution, capability: Capability, error: str, by: ActorRef) -> None:
    before = str(execution.status)
    execution.retry()
    execution.error = error
    move(
        execution, "retried", before=before, by=by, caused_by=newest_entry(execution),
        fields=["error", "outcome_unknown"],
        payloads={"attempt": execution.attempts, "error": error},
    )  # fmt: skip
    wait = capability.retry.wait_after(execution.attempts, str(execution.id))
    JOBS.put_back(execution.tenant_id, execution.id, wait)


def _is_final(attempt: Attempt, fault: BaseException | None) -> bool:
    """Whether no further call is made after such a fault. To work that was accepted "no effect" is
    the last word; that one question could not be put is none."""
    if attempt.call.ask:
        return isinstance(fault, Failed | Unusable)
    return isinstance(fault, _FINAL) or (isinstance(fault, NotDone) and fault.permanent)


def _call(execution: Execution, by: ActorRef, cause: EntryRef | None, ask: str = "") -> Invocation:
    undoes_id, why = execution.undoes_id, execution.compensation or {}
    return Invocation(
        input=execution.input,
        idempotency_key=execution.idempotency_key,
        attempt=execution.attempts,
        tenant_id=execution.tenant_id,
        execution_id=execution.id,
        mode=execution.mode,
        undoes=None if undoes_id is None else (execution.undoes_type, undoes_id),
        actor=by.id,
        on_behalf_of=by.on_behalf_of,
        correlation_id=execution.case_id or execution.batch_id or execution.id,
        causation_id=None if cause is None else cause.id,
        strategy=why.get("strategy") or "",
        original=why.get("original_snapshot"),
        ask=ask,
        expected_state_version=execution.expected_state_version,
    )


def _by(execution: Execution) -> ActorRef:
    """The system acts, on behalf of whoever asked for the execution."""
    system = system_of(execution.tenant_id).actor_id
    asked: uuid.UUID | None = execution.requested_by_id
    return ActorRef(system, ActorType.SYSTEM, "system", None if asked == system else asked)


def _text(attempt: Attempt, fault: BaseException | None) -> str:
    if isinstance(fault, Failed | NotDone | Unusable | Unrepeatable):
        return storable(str(fault.detail), endings.ERROR_LENGTH)
    if attempt.only_asks:
        return "the worker fell silent during the last attempt, and nobody can tell what it did"
    if fault is None:
        return "it returned no result"
    return words_of(fault, endings.ERROR_LENGTH)
