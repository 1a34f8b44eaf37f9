"""Opening and calling off executions inside another verb's, or a handler's, transaction.

The caller has set the tenant and, for an existing execution, holds its row lock.
"""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from django.utils.translation import gettext as _

from accounts.selectors import actors_by_username
from compensation.lifecycle import CompensationState
from compensation.locking import GOVERNED
from compensation.planning import UndoRequest
from compensation.policy import UNSPECIFIED, CompensationPolicy
from compensation.remote import ASK, policy_with
from compensation.subject import compensation_block, finished_entry_of, knows_undone_entry, undoable
from compensation.ways import Opened, Prepared
from executions import capability_registry
from executions.actions import endings, execution_approvals
from executions.actions.deciding_executions import Decided, decided_on
from executions.actions.endings import refuse
from executions.actions.execution_jobs import enqueue
from executions.actions.new_execution import NewExecution, check_new, does_not_fit
from executions.errors import AlreadyDispatched
from executions.lifecycle import UNDISPATCHED, ExecutionStatus
from executions.models import Execution
from governance.actions.approval_verbs import call_off as withdraw_approval
from json_values.json_schema import problems
from ledger.clock import now
from ledger.errors import Invalid, Refusal
from ledger.ids import new_id
from ledger.record import ActorRef, EntryRef
from verbs.move import Moves, sharing

__all__ = [
    "NewExecution", "call_off", "cancel_locked", "check_new", "may_be_cancelled", "open_execution",
    "prepare_undo", "unfit",
]  # fmt: skip


def open_execution(
    new: NewExecution,
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
    original: EntryRef | None = None,
    moves: Moves | None = None,
    decided: Decided | None = None,
) -> Execution:
    """Insert an execution, and its job, inside the caller's transaction.

    It is PENDING until a worker takes it, and before that PENDING_APPROVAL where policies ask for
    agreement. What an agent does, and in a case a capability that nobody registered here, is owed
    by an outside party: WAITING. With `mode: validate` it ends at once as SUCCEEDED, without
    effect, unless the state has to be asked about. `original`: the entry that finished what it
    undoes, where the caller has read it. With `moves` its entries are left to whoever made those.
    `decided`: what policies say of it, where the caller has asked them.

    Raises Invalid as `check_new` does, and what a policy refuses it with; in a case that makes an
    execution which is REJECTED: the case has to go on from there.
    """
    decided = decided or decided_on(new)
    new = decided.new
    if decided.refusal is not None and (new.case_id is None or new.undoes is not None):
        raise decided.refusal
    found = capability_registry.get(new.capability)
    execution = row_of(decided, found)
    payloads: dict[str, Any] = {
        "input": new.input,
        **({"reason": new.reason} if new.reason else {}),
    }
    if decided.decisions:
        payloads["decisions"] = list(decided.decisions)
    knows_undone_entry(execution, original)
    with sharing(moves) as own:
        requested = own.insert(
            execution, "requested", by=by, caused_by=caused_by, payloads=payloads
        )
        if decided.refusal is not None:
            refuse(execution, decided.refusal.in_words, by=by, caused_by=requested.ref, moves=own)
        elif decided.waits:
            execution_approvals.ask(execution, decided, by=by, caused_by=requested.ref, moves=own)
        elif new.mode == "validate" and not new.expected_state_version:
            before = str(execution.status)
            execution.succeed()
            execution.ended_at = now()
            own.change(
                execution, "succeeded", before=before, by=by,
                caused_by=requested.ref, fields=["ended_at"],
            )  # fmt: skip
        elif execution.status == ExecutionStatus.PENDING:
            enqueue(execution, moves=own)
    return execution


# Columns that get what the field of their name says.
_AS_GIVEN = (
    "tenant_id capability mode input reason compensation run_id case_id binding"
    " expected_state_version batch_id batch_position remote"
).split()


def row_of(decided: Decided, found: capability_registry.Capability | None) -> Execution:
    """Return what is decided about as a row, not saved yet."""
    new = decided.new
    id_ = new_id()
    undoes_type, undoes_id = new.undoes or ("", None)
    undoing = undoes_id is not None
    owed = is_owed(found) and not new.batch_position
    declared = UNSPECIFIED if found is None else found.reversibility
    status = ExecutionStatus.WAITING if owed else ExecutionStatus.PENDING
    if decided.waits or decided.refusal is not None:
        status = ExecutionStatus.PENDING_APPROVAL
    return Execution(
        **{name: getattr(new, name) for name in _AS_GIVEN},
        id=id_,
        status=status,
        decisions=[dict(each) for each in decided.decisions],
        on_stale=decided.on_stale or ("" if found is None else found.on_stale),
        compensation_state=CompensationState.COMPENSATING if undoing else CompensationState.NONE,
        idempotency_key=new.idempotency_key or str(id_),
        performer_id=new.performer or _declared_performer(new.tenant_id, found),
        requested_by_id=new.requested_by,
        policy={} if undoing else _policy(new, found),
        reversibility=new.reversibility or declared,
        undoes_type=undoes_type,
        undoes_id=undoes_id,
        created_at=now(),
    )


def is_owed(found: capability_registry.Capability | None) -> bool:
    """Whether somebody outside does it, and no worker of ours."""
    return found is None or found.handler is None


def _declared_performer(
    tenant_id: uuid.UUID, found: capability_registry.Capability | None
) -> uuid.UUID | None:
    if found is None or not found.performer:
        return None
    return actors_by_username(tenant_id, [found.performer]).get(found.performer)


def _policy(new: NewExecution, found: capability_registry.Capability | None) -> dict[str, Any]:
    """Freeze what is declared now: the caller's word first, then the capability's."""
    said = CompensationPolicy.from_json(policy_with(new.policy, new.remote))
    own = None if found is None else found.policy
    if said.mode == "human" and own is not None:
        # The capability's automated undo does not apply to an undo that a person was given.
        own = dataclasses.replace(own, mode=None, capability=None)
    return CompensationPolicy.merge(said, own).to_json()


def may_be_cancelled(execution: Execution) -> bool:
    """Whether no worker ever started it. Between two attempts an effect may already exist."""
    return execution.status in UNDISPATCHED and execution.attempts == 0


def cancel_locked(
    execution: Execution,
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
    reason: str,
    compensation_state: str = CompensationState.NONE,
    moves: Moves | None = None,
) -> EntryRef:
    """Call a locked execution back before any worker started it. Its original is left alone.

    Raises AlreadyDispatched (see `may_be_cancelled`).
    """
    if not may_be_cancelled(execution):
        raise AlreadyDispatched
    before = str(execution.status)
    execution.cancel()
    execution.compensation_state = compensation_state
    with sharing(moves) as own:
        if before == ExecutionStatus.PENDING_APPROVAL:
            withdraw_approval(execution, reason, by=by, moves=own)
        return endings.end(
            execution, "cancelled", before, "", by=by, caused_by=caused_by,
            payloads={"reason": reason}, moves=own,
        )  # fmt: skip


def call_off(
    execution: Execution, *, by: ActorRef, caused_by: EntryRef | None = None, reason: str
) -> bool:
    """Cancel a locked execution that no worker has started, without settling what it may undo.

    Whether it was one.
    """
    if not may_be_cancelled(execution):
        return False
    cancel_locked(execution, by=by, caused_by=caused_by, reason=reason)
    return True


def unfit(original: Any, capability: str) -> Refusal | None:
    """Return why the compensating execution of `original` could not be opened as it stands: nobody
    registered the capability, or the original's input does not fit it."""
    found = capability_registry.get(capability)
    if found is None:
        return _unregistered(capability)
    given = undoable(original.subject_type).task_input(original)
    broken = problems(found.input_schema, given, "/input")
    return does_not_fit(capability, broken) if broken else None


def _unregistered(capability: str) -> Invalid:
    message = _("no capability named %(name)r is registered to undo it") % {"name": capability}
    return Invalid.field("/mode", message, code="unknown_capability")


def _left_by(original: Any) -> str:
    """Return the version at which the original left the state: an undo that can tell is only to be
    run while nobody has changed that since."""
    return str(getattr(original, "state_version", ""))


def _remote_of(original: Any) -> dict[str, str]:
    if original.remote is None:
        message = _("it stands for nothing of another organisation")
        raise Invalid.field("/mode", message, code="no_remote")
    return dict(original.remote)


def prepare_undo(original: Any, request: UndoRequest, number: int, by: ActorRef) -> Prepared:
    """Prepare the compensating execution of one attempt; registered for the mode `automated`.

    The key is one for the whole round, so that a second attempt cannot undo twice what the first
    one already undid. Raises Invalid when nobody registered the capability: an undo that nobody
    will ever take up fails now, where somebody can retry it or hand it to a person. So does one
    that a policy refuses.
    """
    found = capability_registry.get(request.capability)
    if found is None:
        raise _unregistered(request.capability)
    own_input, remote = request.task_input, None
    if request.capability == ASK:
        # What the other has, and nothing of what was done here, is what it is told.
        remote = _remote_of(original)
        own_input = {**remote, "strategy": request.strategy}
    new = NewExecution(
        tenant_id=original.tenant_id,
        capability=request.capability,
        input=undoable(original.subject_type).task_input(original)
        if own_input is None
        else own_input,
        reason=request.reason,
        idempotency_key=f"comp:{original.id}:{original.compensation_round}",
        requested_by=request.requested_by,
        case_id=original.case_id,
        batch_id=getattr(original, "batch_id", None),
        binding=request.binding,
        undoes=(original.subject_type, original.id),
        compensation={
            **compensation_block(original, request, number),
            **({"asked_by": list(map(str, request.asked_by))} if request.asked_by else {}),
        },
        run_id=request.run_id,
        expected_state_version=_left_by(original) if found.state_version else "",
        remote=remote,
        asked_by=request.asked_by,
    )
    # Read with the original, as it was locked: who has no policies is not asked for them again.
    decided = decided_on(new, ungoverned=not getattr(original, GOVERNED, True))
    if decided.refusal is not None:
        raise decided.refusal

    def opened(caused_by: EntryRef, moves: Moves) -> Opened:
        finished = finished_entry_of(original)
        execution = open_execution(
            new, by=by, caused_by=caused_by, original=finished, moves=moves, decided=decided
        )
        return Opened(Execution.subject_type, execution.id)

    return opened
