"""Opening and calling off executions inside another verb's, or a handler's, transaction.

The caller has set the tenant and, for an existing execution, holds its row lock.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.selectors import actors_by_username
from compensation.lifecycle import CompensationState
from compensation.planning import UndoRequest
from compensation.policy import UNSPECIFIED, CompensationPolicy
from compensation.subject import compensation_block, finished_entry_of, knows_undone_entry, undoable
from compensation.ways import Opened, Prepared
from executions import capability_registry
from executions.actions import endings
from executions.errors import AlreadyDispatched
from executions.lifecycle import JOBS_SOURCE, UNDISPATCHED, ExecutionStatus
from executions.models import Execution, ExecutionJob
from json_values.json_schema import problems
from json_values.limits import MAX_DEPTH, PAYLOAD_BYTES, TOLD_BYTES, TOLD_DEPTH
from json_values.pointers import FieldError
from ledger.clock import now
from ledger.dispatch import hints
from ledger.dispatch.hints import RowWork
from ledger.errors import Invalid, Refusal, check_json
from ledger.ids import new_id
from ledger.record import ActorRef, EntryRef
from verbs.move import Moves, change_of, sharing


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """What an execution is opened with.

    `policy` says how its effect may be undone (stored form of a `CompensationPolicy`); what it
    leaves open is taken from the capability. `reversibility` None means the capability's own.
    `undoes` makes it a compensating execution and `compensation` then says why (DESIGN §8).
    `idempotency_key` None means the execution's own id. `performer`: the agent that may report its
    result; None means whom the capability names. `batch_id` is the batch it is of,
    `batch_position` which call of that; all but the first are begun when their turn comes.
    """

    tenant_id: uuid.UUID
    capability: str
    input: dict[str, Any]
    requested_by: uuid.UUID
    reason: str = ""
    mode: str = "commit"
    idempotency_key: str | None = None
    policy: dict[str, Any] = dataclasses.field(default_factory=dict)
    reversibility: str | None = None
    case_id: uuid.UUID | None = None
    binding: str = ""
    undoes: tuple[str, uuid.UUID] | None = None
    compensation: dict[str, Any] | None = None
    run_id: uuid.UUID | None = None
    performer: uuid.UUID | None = None
    batch_id: uuid.UUID | None = None
    batch_position: int | None = None


def open_execution(
    new: NewExecution,
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
    original: EntryRef | None = None,
    moves: Moves | None = None,
) -> Execution:
    """Insert an execution, and its job, inside the caller's transaction.

    It is PENDING until a worker takes it. What an agent does, and in a case a capability that
    nobody registered here, is owed by an outside party: WAITING. With `mode: validate` it ends at
    once as SUCCEEDED, without effect. `original`: the entry that finished what it undoes, where the
    caller has read it. With `moves` its entries are left to whoever made those.

    Raises Invalid as `check_new` does.
    """
    check_new(new)
    found = capability_registry.get(new.capability)
    execution = _row(new, found)
    payloads = {"input": new.input, **({"reason": new.reason} if new.reason else {})}
    knows_undone_entry(execution, original)
    with sharing(moves) as own:
        requested = own.insert(
            execution, "requested", by=by, caused_by=caused_by, payloads=payloads
        )
        if new.mode == "validate":
            before = str(execution.status)
            execution.succeed()
            execution.ended_at = now()
            own.change(
                execution, "succeeded", before=before, by=by,
                caused_by=requested.ref, fields=["ended_at"],
            )  # fmt: skip
        elif execution.status == ExecutionStatus.PENDING:
            _enqueue(execution, found, own)
    return execution


def open_calls(
    calls: Sequence[NewExecution], *, by: ActorRef, caused_by: EntryRef, moves: Moves
) -> list[Execution]:
    """Insert the calls of a batch, which were checked, by one statement however many they are. The
    first may begin at once, the others wait for their turn (`give_turn`)."""
    named = {call.capability: capability_registry.get(call.capability) for call in calls}
    agents = [found.performer for found in named.values() if found is not None and found.performer]
    performers = actors_by_username(calls[0].tenant_id, agents) if agents else {}
    rows = []
    for call in calls:
        found = named[call.capability]
        agent = None if found is None else performers.get(found.performer)
        rows.append(_row(dataclasses.replace(call, performer=agent), found))
    moves.add_many(rows)
    for row in rows:
        payloads = {"input": row.input, **({"reason": row.reason} if row.reason else {})}
        moves.enter(
            change_of(row, "requested", before="", by=by, caused_by=caused_by, payloads=payloads)
        )
    if rows[0].status == ExecutionStatus.PENDING:
        _enqueue(rows[0], named[rows[0].capability], moves)
    return rows


def give_turn(execution: Execution, *, by: ActorRef, caused_by: EntryRef, moves: Moves) -> None:
    """Let a locked call of a batch begin: a worker takes it, or an outside party owes it now."""
    found = capability_registry.get(execution.capability)
    if not is_owed(found):
        _enqueue(execution, found, moves)
        return
    before = str(execution.status)
    execution.wait()
    moves.change(execution, "dispatched", before=before, by=by, caused_by=caused_by)


def call_back(
    execution: Execution, *, by: ActorRef, caused_by: EntryRef, reason: str, moves: Moves
) -> None:
    """Cancel a locked call of a batch whose turn has not come, and never will. It has no job, and
    its batch, which does so, need not hear of it."""
    before = str(execution.status)
    execution.cancel()
    execution.ended_at = now()
    moves.change(
        execution, "cancelled", before=before, by=by, caused_by=caused_by, fields=["ended_at"],
        payloads={"reason": reason}, heard_by=(),
    )  # fmt: skip


def _enqueue(
    execution: Execution, found: capability_registry.Capability | None, moves: Moves
) -> None:
    """Let a worker do it: at once, by the database's clock. What undoes goes before."""
    queue = "work" if execution.undoes_id is None else "undo"
    job = ExecutionJob(execution=execution, tenant_id=execution.tenant_id, queue=queue)
    if found is not None:
        job.seconds = found.max_seconds
    moves.add(job)
    work = RowWork(queue, JOBS_SOURCE, execution.tenant_id, execution.id, job.seconds)
    hints.leave([work])


def check_new(new: NewExecution) -> None:
    """Raise Invalid where one may not be opened: unknown capability or mode, input that breaks the
    capability's schema (JSON pointers under /input), simulation that it does not offer."""
    found = capability_registry.get(new.capability)
    if new.mode not in capability_registry.MODES:
        known = {"known": ", ".join(capability_registry.MODES)}
        raise Invalid.field("/mode", _("must be one of %(known)s") % known)
    made = new.case_id is not None or new.undoes is not None
    # What a case, or an undo, tells a program is made of values that were accepted one by one.
    limit, depth = (TOLD_BYTES, TOLD_DEPTH) if made else (PAYLOAD_BYTES, MAX_DEPTH)
    check_json(new.input, "/input", limit=limit, depth=depth)
    if found is None:
        if new.case_id is None:
            known = {"known": ", ".join(sorted(capability_registry.names())) or _("none")}
            said = _("no capability is named %(name)r; known: %(known)s")
            raise Invalid.field(
                "/capability", said % {"name": new.capability, **known}, code="unknown_capability"
            )
        return
    broken = problems(found.input_schema, new.input, "/input")
    if broken:
        raise _does_not_fit(new.capability, broken)
    if new.mode == "simulate" and not found.simulates:
        said = _("%(capability)s cannot simulate") % {"capability": new.capability}
        raise Invalid.field("/mode", said, code="no_simulation")


def _does_not_fit(capability: str, broken: Sequence[FieldError]) -> Invalid:
    said = _("The input does not fit %(capability)s.") % {"capability": capability}
    return Invalid(said, errors=broken)


# Columns that get what the field of their name says.
_AS_GIVEN = (
    "tenant_id capability mode input reason compensation run_id case_id binding"
    " batch_id batch_position"
).split()


def _row(new: NewExecution, found: capability_registry.Capability | None) -> Execution:
    id_ = new_id()
    undoes_type, undoes_id = new.undoes or ("", None)
    undoing = undoes_id is not None
    owed = is_owed(found) and not new.batch_position
    declared = UNSPECIFIED if found is None else found.reversibility
    return Execution(
        **{name: getattr(new, name) for name in _AS_GIVEN},
        id=id_,
        status=ExecutionStatus.WAITING if owed else ExecutionStatus.PENDING,
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
    said = CompensationPolicy.from_json(new.policy)
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
    return endings.end(
        execution, "cancelled", before, "", by=by, caused_by=caused_by,
        payloads={"reason": reason}, moves=moves,
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
    return _does_not_fit(capability, broken) if broken else None


def _unregistered(capability: str) -> Invalid:
    message = _("no capability named %(name)r is registered to undo it") % {"name": capability}
    return Invalid.field("/mode", message, code="unknown_capability")


def prepare_undo(original: Any, request: UndoRequest, number: int, by: ActorRef) -> Prepared:
    """Prepare the compensating execution of one attempt; registered for the mode `automated`.

    The key is one for the whole round, so that a second attempt cannot undo twice what the first
    one already undid. Raises Invalid when nobody registered the capability: an undo that nobody
    will ever take up fails now, where somebody can retry it or hand it to a person.
    """
    found = capability_registry.get(request.capability)
    if found is None:
        raise _unregistered(request.capability)
    own_input = request.task_input
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
        compensation=compensation_block(original, request, number),
        run_id=request.run_id,
    )
    check_new(new)

    def opened(caused_by: EntryRef, moves: Moves) -> Opened:
        finished = finished_entry_of(original)
        execution = open_execution(new, by=by, caused_by=caused_by, original=finished, moves=moves)
        return Opened(Execution.subject_type, execution.id)

    return opened
