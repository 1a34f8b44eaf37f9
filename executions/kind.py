"""Executions as something that can be undone, and as something that undoes."""

from __future__ import annotations

import uuid
from typing import Any

from executions.actions.within import NewExecution, open_execution
from executions.compensation import CompensableKind, Opened, compensation_block, kind_of_row
from executions.models import Execution
from executions.planning import UndoRequest
from ledger.clock import rfc3339
from ledger.record import ActorRef, EntryRef


def _lock(execution_id: uuid.UUID) -> Execution | None:
    return Execution.objects.select_for_update(of=("self",)).filter(id=execution_id).first()


def _link(execution_id: uuid.UUID) -> tuple[str, uuid.UUID] | None:
    row = (
        Execution.objects.filter(id=execution_id, undoes_id__isnull=False)
        .values_list("undoes_type", "undoes_id")
        .first()
    )
    return None if row is None or row[1] is None else (row[0], row[1])


def snapshot(execution: Execution) -> dict[str, Any]:
    """Return the execution as it ended, frozen for whoever or whatever must reverse it."""
    return {
        "title": execution.capability,
        "input": execution.input,
        "output": execution.output,
        "before": execution.before,
        "after": execution.after,
        "completed_by": str(execution.requested_by_id),
        "completed_at": rfc3339(execution.ended_at) if execution.ended_at else None,
    }


EXECUTION_KIND = CompensableKind(
    subject_type=Execution.subject_type,
    rank=1,
    finished="succeeded",
    lock=_lock,
    link=_link,
    snapshot=snapshot,
    default_input=lambda execution: dict(execution.input),
    name=lambda execution: execution.binding or execution.capability,
    finished_by=lambda _execution: None,
    finished_at=lambda execution: execution.ended_at,
)


def open_undo_execution(
    original: Any, request: UndoRequest, number: int, by: ActorRef, caused_by: EntryRef
) -> Opened:
    """Dispatch the capability that reverses `original`; registered as the opener of mode `automated`.

    Its idempotency key names the original and the round and is the same for every attempt of the
    round, so that the outside world undoes once however often we try.
    """
    kind = kind_of_row(original)
    execution = open_execution(
        NewExecution(
            tenant_id=original.tenant_id,
            capability=request.capability,
            input=kind.default_input(original)
            if request.task_input is None
            else request.task_input,
            reason=request.reason,
            idempotency_key=f"comp:{original.id}:{original.compensation_round}",
            requested_by=request.requested_by,
            reversibility="not_needed",
            case_id=original.case_id,
            binding=request.binding,
            undoes=(kind.subject_type, original.id),
            compensation=compensation_block(original, request, number),
            run_id=request.run_id,
        ),
        by=by,
        caused_by=caused_by,
    )
    return Opened(Execution.subject_type, execution.id)
