"""Executions as a kind of thing: what verbs, pages and compensation know of them."""

from __future__ import annotations

import operator
import uuid
from typing import Any

from django.urls import reverse

from accounts.acting import Authority
from compensation.locking import lock_with_original
from compensation.sentences import title_of
from compensation.subject import UndoableSubject, undo_envelope
from executions import capability_registry
from executions.actions.agreement_verbs import execution_facts
from executions.actions.execution_opening import call_off, may_be_cancelled
from executions.actions.request import roles_of
from executions.asking_elsewhere import said_of
from executions.events import BATCHES, ENDS_A_CALL, ENDS_A_DOUBT
from executions.lifecycle import IN_FLIGHT, UNDISPATCHED, ExecutionStatus
from executions.models import Execution
from governance.actions.asked_of_itself import approving
from ledger.clock import rfc3339
from ledger.errors import NotFound
from verbs.subject import Description, Locked, Named
from web.labels import program_title


def _locked(tenant_id: uuid.UUID, execution_id: uuid.UUID) -> Locked:
    """Lock an execution and what it undoes (`others`). Raises NotFound."""
    found = lock_with_original(tenant_id, Execution.subject_type, execution_id)
    if found is None:
        raise NotFound
    return found


def _called(
    id_: uuid.UUID, binding: str, capability: str, status: str, position: int | None
) -> Description:
    """Call it by its step in the case, else by its capability; in a batch with its place."""
    title = title_of(binding) if binding else program_title(capability)
    if position is not None:
        title = f"{position + 1}. {title}"
    return Description(title, reverse("executions:detail", args=[id_]), status, "cog")


NAMED = Named(Execution, ("binding", "capability", "status", "batch_position"), _called)


def _requester(row: Execution, authority: Authority, _facts: Any) -> str | None:
    return "" if authority.actor_id == row.requested_by_id else "not_requester"


def _performer(row: Execution, authority: Authority, _facts: Any) -> str | None:
    """The agent it was given to; another agent, and whoever else, has no say."""
    return "" if authority.actor_id == row.performer_id else "not_performer"


def allowed_role(_row: Execution | None, authority: Authority, _facts: Any) -> str | None:
    """Relate those whom some capability lets request it; the verb sees which one is asked for."""
    mine = roles_of(authority)
    allowed = any(mine & each.allowed_roles for each in capability_registry.all_capabilities())
    return "" if allowed else None


def _envelope(row: Execution, action: str) -> dict[str, Any]:
    seq = row.completion_seq if action in {"succeeded", "outcome_unknown"} else None
    said = {**undo_envelope(row, action), "completion_seq": seq}
    if row.batch_id is not None:
        # The lane and the timeline of a piece are those of its whole.
        said |= {"case_id": row.batch_id, "in_batch": True}
        if row.batch_position is not None and _ends_a_call(row, action):
            said["heard_by"] = (BATCHES,)
    return said_of(row, action, said)


def _ends_a_call(row: Execution, action: str) -> bool:
    """Whether what is recorded ends a call of a batch, so that the next may begin."""
    return action in ENDS_A_CALL or (action in ENDS_A_DOUBT and row.outcome_unknown)


def _snapshot(row: Execution) -> dict[str, Any]:
    return {
        "capability": row.capability,
        "input": row.input,
        "output": row.output,
        "before": row.before,
        "after": row.after,
        "requested_by": str(row.requested_by_id),
        "completed_at": None if row.ended_at is None else rfc3339(row.ended_at),
        "completion_seq": row.completion_seq,
    }


def _result_schema(row: Execution) -> Any:
    found = capability_registry.get(row.capability)
    return None if found is None else found.output_schema


def declared(row: Execution) -> dict[str, Any]:
    """Return the schemas of what it was given, of what came of it, and of the images of what it
    changed."""
    found = capability_registry.get(row.capability)
    if found is None:
        return {}
    images = found.images
    return {
        "input": found.input_schema,
        "output": found.output_schema,
        "before": images,
        "after": images,
    }


def _unsure(row: Execution) -> bool:
    """Whether nobody knows what became of it, and only a person can still find out."""
    return bool(row.status == ExecutionStatus.UNCERTAIN)


def _under_way(row: Execution) -> bool:
    """Whether a program may be making its effect now: dispatched, or between two attempts."""
    return row.status in IN_FLIGHT or (row.status in UNDISPATCHED and row.attempts > 0)


EXECUTION = UndoableSubject(
    subject_type=Execution.subject_type,
    model=Execution,
    rank=20,
    route="executions/<uuid:id>",
    pages="executions",
    finished="succeeded",
    settled=ExecutionStatus.SUCCEEDED,
    doubted="outcome_unknown",
    unsure=_unsure,
    locked=_locked,
    named=NAMED,
    relations={
        "requester": _requester,
        "performer": _performer,
        "allowed_role": allowed_role,
        "approver": approving,
    },
    facts=execution_facts,
    envelope=_envelope,
    name=lambda row: row.binding or row.capability,
    snapshot=_snapshot,
    result_schema=_result_schema,
    declares=declared,
    task_input=lambda row: dict(row.input),
    finisher="requested_by_id",
    finished_at=operator.attrgetter("ended_at"),
    under_way=_under_way,
    not_started=may_be_cancelled,
    is_open=may_be_cancelled,
    call_off=call_off,
    undoes=True,
    by_program=True,
    risk=lambda row: capability_registry.risk_of(row.capability),
)
