"""How an execution ends: success or failure, with what that means for what it undoes.

Inside the caller's transaction; the execution and its original are locked (`lock_with_original`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from compensation.actions import undo
from compensation.counters import next_completion
from compensation.lifecycle import CompensationState
from executions.capability_registry import Capability, Permanent, Result
from executions.models import Execution, ExecutionJob
from json_values.json_schema import problems
from ledger.clock import now
from ledger.errors import Invalid, check_json
from ledger.faults import storable
from ledger.record import ActorRef, EntryRef
from ledger.selectors import latest_ref
from verbs.move import move

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
    cause = last_entry(execution)
    before = str(execution.status)
    execution.succeed()
    execution.output, execution.before, execution.after = result.output, result.before, result.after
    undoing = execution.undoes_id is not None
    if undoing:
        execution.compensation_state = CompensationState.COMPENSATED
    elif execution.case_id is not None and execution.mode == "commit":
        execution.completion_seq = next_completion(execution.case_id, execution.tenant_id)
    payloads = {"output": result.output, "before": result.before, "after": result.after}
    entry = end(
        execution, "succeeded", before, "", by=by, caused_by=cause, payloads=payloads,
        fields=["output", "before", "after", "completion_seq"],
    )  # fmt: skip
    undo.settle_undo(execution, original, undone=True, error="", by=by, caused_by=entry)


def fail(execution: Execution, original: Any | None, error: str, *, by: ActorRef) -> None:
    """Give up: FAILED; the fault of a compensating execution becomes its original's."""
    cause = last_entry(execution)
    before = str(execution.status)
    execution.fail()
    if execution.undoes_id is not None:
        execution.compensation_state = CompensationState.COMPENSATION_FAULTED
    text = storable(error, ERROR_LENGTH)
    entry = end(execution, "failed", before, text, by=by, caused_by=cause, payloads={"error": text})
    undo.settle_undo(execution, original, undone=False, error=text, by=by, caused_by=entry)


def last_entry(execution: Execution) -> EntryRef | None:
    """Return the link to the newest entry of `execution`: what led to the next one."""
    return latest_ref(Execution.subject_type, execution.id)


def end(
    execution: Execution,
    action: str,
    before: str,
    error: str,
    *,
    by: ActorRef,
    caused_by: EntryRef | None,
    payloads: dict[str, Any],
    fields: Sequence[str] = (),
) -> EntryRef:
    """Record that `execution` has changed into what it ends as; it has no job any more."""
    execution.error = error
    execution.ended_at = now()
    entry = move(
        execution, action, before=before, by=by, caused_by=caused_by, payloads=payloads,
        fields=["ended_at", "error", "compensation_state", *fields],
    )  # fmt: skip
    ExecutionJob.objects.filter(execution_id=execution.id).delete()
    return entry.ref
