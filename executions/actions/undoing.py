"""What executions contribute to undoing: they can be undone, and they undo (mode `automated`)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from compensation import actions as compensation
from compensation.planning import UndoRequest
from executions.actions.within import NewExecution, open_execution
from executions.models import Execution
from ledger.clock import rfc3339
from ledger.record import ActorRef, EntryRef


def open_undo(
    original: Any, request: UndoRequest, number: int, by: ActorRef, caused_by: EntryRef
) -> compensation.Opened:
    """Open the compensating execution of one attempt. The key is one for the whole round, so that a
    second attempt cannot undo twice what the first one already undid."""
    kind = compensation.kind_of_row(original)
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
            case_id=original.case_id,
            binding=request.binding,
            undoes=(kind.subject_type, original.id),
            compensation=compensation.compensation_block(original, request, number),
            run_id=request.run_id,
        ),
        by=by,
        caused_by=caused_by,
    )
    return compensation.Opened(Execution.subject_type, execution.id)


def register() -> None:
    """Make executions known to `compensation.actions`."""
    compensation.register_opener("automated", open_undo)
    compensation.register_kind(
        compensation.CompensableKind(
            subject_type=Execution.subject_type,
            rank=1,
            finished="succeeded",
            lock=_lock,
            link=_link,
            snapshot=_snapshot,
            default_input=_input,
            name=_name,
            finished_by=_requested_by,
            finished_at=_ended_at,
        )
    )


def _lock(execution_id: uuid.UUID) -> Execution | None:
    return Execution.objects.select_for_update(of=("self",)).filter(id=execution_id).first()


def _link(execution_id: uuid.UUID) -> tuple[str, uuid.UUID] | None:
    link = (
        Execution.objects.filter(id=execution_id, undoes_id__isnull=False)
        .values_list("undoes_type", "undoes_id")
        .first()
    )
    return None if link is None or link[1] is None else (link[0], link[1])


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


def _input(row: Execution) -> dict[str, Any]:
    return dict(row.input)


def _name(row: Execution) -> str:
    return row.binding or row.capability


def _requested_by(row: Execution) -> uuid.UUID | None:
    return row.requested_by_id


def _ended_at(row: Execution) -> dt.datetime | None:
    return row.ended_at
