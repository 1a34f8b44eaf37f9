"""How an execution ends: success or failure, with what that means for what it undoes.

Inside the caller's transaction; the execution and its original are locked (`lock_pair`).
"""

from __future__ import annotations

import json
from typing import Any

from compensation import actions as compensation
from compensation.counters import next_completion
from compensation.lifecycle import CompensationState
from executions.actions.entries import last_entry, note
from executions.models import Execution, ExecutionJob
from executions.registry import Capability, Permanent, Result
from executions.schemas import problems
from ledger.clock import now
from ledger.errors import Invalid
from ledger.faults import storable
from ledger.limits import check_json
from ledger.record import ActorRef

ERROR_LENGTH = 4000


def checked(result: Result, capability: Capability | None) -> Result:
    """Return `result` as plain JSON. Raises Permanent when it breaks the capability's contract."""
    values: dict[str, Any] = {}
    for name, value in (
        ("output", result.output),
        ("before", result.before),
        ("after", result.after),
    ):
        try:
            values[name] = json.loads(json.dumps(value, allow_nan=False))
            check_json(values[name], f"/{name}")
        except (TypeError, ValueError, RecursionError) as error:
            raise Permanent(f"its {name} is no JSON value: {error}") from error
        except Invalid as error:
            raise Permanent(f"its {name} {error.detail}") from error
    broken = [] if capability is None else problems(capability.output_schema, values["output"], "")
    if broken:
        first = broken[0]
        raise Permanent(f"its output breaks the schema at {first.pointer or '/'}: {first.message}")
    return Result(**values)


def succeed(execution: Execution, original: Any | None, result: Result, *, by: ActorRef) -> None:
    """Store a checked result: SUCCEEDED; a compensating execution settles its original."""
    before = str(execution.status)
    cause = last_entry(execution)
    execution.succeed()
    execution.output, execution.before, execution.after = result.output, result.before, result.after
    execution.error = ""
    undoing = execution.undoes_id is not None
    if undoing:
        execution.compensation_state = CompensationState.COMPENSATED
    elif execution.case_id is not None and execution.mode == "commit":
        execution.completion_seq = next_completion(execution.case_id, execution.tenant_id)
    _end(execution, ["output", "before", "after", "completion_seq"])
    entry = note(
        execution, "succeeded", by=by, from_status=before, caused_by=cause,
        completion_seq=execution.completion_seq,
        payloads={"output": result.output, "before": result.before, "after": result.after},
    )  # fmt: skip
    if undoing:
        compensation.settle_undo(
            execution, original, undone=True, error="", by=by, caused_by=entry.ref
        )


def fail(execution: Execution, original: Any | None, error: str, *, by: ActorRef) -> None:
    """Give up: FAILED; the fault of a compensating execution becomes its original's."""
    before = str(execution.status)
    cause = last_entry(execution)
    execution.fail()
    execution.error = storable(error, ERROR_LENGTH)
    undoing = execution.undoes_id is not None
    if undoing:
        execution.compensation_state = CompensationState.COMPENSATION_FAULTED
    _end(execution, [])
    entry = note(
        execution, "failed", by=by, from_status=before, caused_by=cause,
        payloads={"error": execution.error},
    )  # fmt: skip
    if undoing:
        compensation.settle_undo(
            execution, original, undone=False, error=execution.error, by=by, caused_by=entry.ref
        )


def _end(execution: Execution, fields: list[str]) -> None:
    execution.version += 1
    execution.ended_at = now()
    execution.save(
        update_fields=["status", "version", "ended_at", "error", "compensation_state", *fields]
    )
    ExecutionJob.objects.filter(execution_id=execution.id).delete()
