"""Verbs of executions for use inside the caller's transaction.

The caller has set the tenant and, for an existing execution, holds its row lock.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection
from typing import Any

from django.db import transaction

from compensation.lifecycle import CompensationState
from compensation.policy import UNSPECIFIED, CompensationPolicy
from executions import registry
from executions.actions.entries import note
from executions.errors import AlreadyDispatched
from executions.lifecycle import UNDISPATCHED, ExecutionStatus
from executions.models import Execution, ExecutionJob
from executions.schemas import problems
from ledger.clock import now
from ledger.dispatch.wakeup import wake_on_commit
from ledger.errors import Invalid
from ledger.ids import new_id
from ledger.limits import check_json
from ledger.record import ActorRef, EntryRef


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """What an execution is opened with.

    `policy` says how its effect may be undone (stored form of a `CompensationPolicy`); what it
    leaves open is taken from the capability. `reversibility` None means the capability's own.
    `undoes` makes it a compensating execution and `compensation` then says why (DESIGN §8).
    `idempotency_key` None means the execution's own id.
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


def open_execution(
    new: NewExecution, *, by: ActorRef, caused_by: EntryRef | None = None
) -> Execution:
    """Insert an execution, and its job, inside the caller's transaction.

    It is PENDING until a worker takes it. In a case, a capability that nobody registered here is
    owed by an outside party: WAITING. With `mode: validate` it ends at once as SUCCEEDED, without
    effect.

    Raises Invalid: unknown capability or mode, input that breaks the capability's schema (JSON
    pointers under /input), simulation that the capability does not offer.
    """
    found = registry.get(new.capability)
    _check(new, found)
    execution = _row(new, found)
    execution.save(force_insert=True)
    entry = note(
        execution, "requested", by=by, caused_by=caused_by,
        payloads={"input": new.input, **({"reason": new.reason} if new.reason else {})},
    )  # fmt: skip
    if new.mode == "validate":
        execution.succeed()
        execution.version += 1
        execution.ended_at = now()
        execution.save(update_fields=["status", "version", "ended_at"])
        note(
            execution, "succeeded", by=by, from_status=ExecutionStatus.PENDING, caused_by=entry.ref
        )
    elif execution.status == ExecutionStatus.PENDING:
        ExecutionJob(
            execution=execution, tenant_id=new.tenant_id, due_at=execution.created_at
        ).save(force_insert=True)
        wake_on_commit(transaction.on_commit)
    return execution


def _check(new: NewExecution, found: registry.Capability | None) -> None:
    if new.mode not in registry.MODES:
        raise Invalid.field("/mode", f"must be one of {', '.join(registry.MODES)}")
    check_json(new.input, "/input")
    if found is None:
        if new.case_id is None:
            known = ", ".join(sorted(registry.names())) or "none"
            raise Invalid.field(
                "/capability", f"no capability is named {new.capability!r}; known: {known}",
                code="unknown_capability",
            )  # fmt: skip
        return
    broken = problems(found.input_schema, new.input, "/input")
    if broken:
        raise Invalid(f"The input does not fit {new.capability}.", errors=broken)
    if new.mode == "simulate" and not found.simulates:
        raise Invalid.field("/mode", f"{new.capability} cannot simulate", code="no_simulation")


def _row(new: NewExecution, found: registry.Capability | None) -> Execution:
    id_ = new_id()
    undoes_type, undoes_id = new.undoes or ("", None)
    undoing = undoes_id is not None
    declared = UNSPECIFIED if found is None else found.reversibility
    return Execution(
        id=id_,
        tenant_id=new.tenant_id,
        capability=new.capability,
        status=ExecutionStatus.WAITING if found is None else ExecutionStatus.PENDING,
        compensation_state=CompensationState.COMPENSATING if undoing else CompensationState.NONE,
        mode=new.mode,
        input=new.input,
        reason=new.reason,
        idempotency_key=new.idempotency_key or str(id_),
        requested_by_id=new.requested_by,
        policy={} if undoing else _policy(new, found),
        reversibility=new.reversibility or declared,
        undoes_type=undoes_type,
        undoes_id=undoes_id,
        compensation=new.compensation,
        run_id=new.run_id,
        case_id=new.case_id,
        binding=new.binding,
        created_at=now(),
    )


def _policy(new: NewExecution, found: registry.Capability | None) -> dict[str, Any]:
    """Freeze what is declared now: the caller's word first, then the capability's."""
    said = CompensationPolicy.from_json(new.policy)
    own = None if found is None else found.policy
    if said.mode == "human" and own is not None:
        # The capability's automated undo does not apply to an undo that a person was given.
        own = dataclasses.replace(own, mode=None, capability=None)
    return CompensationPolicy.merge(said, own).to_json()


def lock_executions(ids: Collection[uuid.UUID]) -> list[Execution]:
    """Lock the executions with these ids, by id, in one query; unknown ids are missing."""
    rows = Execution.objects.select_for_update(of=("self",)).filter(id__in=list(ids))
    return list(rows.order_by("id"))


def may_be_cancelled(execution: Execution) -> bool:
    """Whether no worker ever started it. Between two attempts an effect may already exist."""
    return execution.status in UNDISPATCHED and execution.attempts == 0


def cancel(
    execution: Execution,
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
    reason: str,
    compensation_state: str = CompensationState.NONE,
) -> EntryRef:
    """Call a locked execution back before any worker started it. Its original is left alone.

    Raises AlreadyDispatched (see `may_be_cancelled`).
    """
    if not may_be_cancelled(execution):
        raise AlreadyDispatched
    before = str(execution.status)
    execution.cancel()
    execution.compensation_state = compensation_state
    execution.version += 1
    execution.ended_at = now()
    execution.save(update_fields=["status", "compensation_state", "version", "ended_at"])
    ExecutionJob.objects.filter(execution_id=execution.id).delete()
    return note(
        execution, "cancelled", by=by, from_status=before, caused_by=caused_by,
        payloads={"reason": reason},
    ).ref  # fmt: skip
