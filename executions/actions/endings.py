"""How an execution ends: success, failure, or nobody knows. And what becomes of what it undoes.

Inside the caller's transaction; the execution and its original are locked (`lock_with_original`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from compensation.actions import undo
from compensation.counters import next_completion
from compensation.lifecycle import AttemptOutcome, CompensationState
from compensation.subject import finished_entry_of, knows_undone_entry
from executions.capability_registry import Capability
from executions.handler_contract import Result, Unusable
from executions.lifecycle import ExecutionStatus
from executions.models import Execution, ExecutionJob
from json_values.json_schema import problems
from json_values.reader import loads
from ledger.clock import now
from ledger.errors import Invalid, check_json
from ledger.faults import storable
from ledger.record import ActorRef, EntryRef
from verbs.move import Moves, move, newest_entry

ERROR_LENGTH = 4000
_MOST_TOLD = 5


def checked(result: Result, capability: Capability | None) -> Result:
    """Return `result` as plain JSON. Raises Unusable when it breaks the capability's contract."""
    values: dict[str, Any] = {"state_version": _version_said(result.state_version)}
    for name, value in (
        ("output", result.output),
        ("before", result.before),
        ("after", result.after),
    ):
        try:
            values[name] = loads(json.dumps(value, allow_nan=False))
            check_json(values[name], f"/{name}")
        except (TypeError, ValueError, RecursionError) as error:
            raise Unusable(f"its {name} is no JSON value: {error}") from error
        except Invalid as error:
            raise Unusable(f"its {name} {error.detail}") from error
    broken = [] if capability is None else problems(capability.output_schema, values["output"], "")
    if broken:
        told = "; at ".join(
            f"{each.pointer or '/'}: {each.message}" for each in broken[:_MOST_TOLD]
        )
        raise Unusable(f"its output breaks the schema at {told}")
    return Result(**values)


def _version_said(version: object) -> str:
    """Return a version as text, whatever a program made it of. Raises Unusable."""
    if isinstance(version, str):
        return version
    try:
        return json.dumps(version, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unusable(f"its state_version is no text: {error}") from error


@dataclasses.dataclass(frozen=True, slots=True)
class Vouched:
    """The word of a person in place of the program's: what they saw, and, of an undo, what else was
    begun since (locked)."""

    evidence: str
    rival: Any | None = None


def succeed(
    execution: Execution,
    original: Any | None,
    result: Result,
    *,
    by: ActorRef,
    vouched: Vouched | None = None,
) -> None:
    """Store a checked result: SUCCEEDED; a compensating execution settles its original."""
    unsure = execution.status == ExecutionStatus.UNCERTAIN
    # What a person says has no cause but that person.
    cause = newest_entry(execution) if vouched is None else None
    _knows_original(execution, original)
    before = str(execution.status)
    execution.succeed()
    execution.output, execution.before, execution.after = result.output, result.before, result.after
    execution.state_version = result.state_version
    execution.outcome_unknown = False
    if execution.undoes_id is not None:
        execution.compensation_state = CompensationState.COMPENSATED
    elif not unsure:
        _take_place(execution)
    payloads = {"output": result.output, "before": result.before, "after": result.after}
    moves = Moves()
    entry = end(
        execution, "succeeded", before, "", by=by, caused_by=cause,
        payloads={**payloads, **_word_of(vouched)},
        fields=["output", "before", "after", "state_version", "completion_seq"], moves=moves,
    )  # fmt: skip
    if unsure and vouched is not None:
        moves.record()
        undo.outcome_settled(
            execution, original, vouched.rival, happened=True, said=vouched.evidence,
            by=by, caused_by=entry,
        )  # fmt: skip
        return
    undo.settle_undo(
        execution, original, outcome=AttemptOutcome.DONE, error="", by=by, caused_by=entry,
        moves=moves,
    )  # fmt: skip


def fail(
    execution: Execution,
    original: Any | None,
    error: str,
    *,
    by: ActorRef,
    vouched: Vouched | None = None,
) -> None:
    """FAILED: there is no effect. The fault of a compensating execution becomes its original's."""
    unsure = execution.status == ExecutionStatus.UNCERTAIN
    cause = newest_entry(execution) if vouched is None else None
    _knows_original(execution, original)
    before = str(execution.status)
    execution.fail()
    execution.outcome_unknown = False
    execution.completion_seq = None
    if execution.undoes_id is not None:
        execution.compensation_state = CompensationState.COMPENSATION_FAULTED
    text = storable(error, ERROR_LENGTH)
    moves = Moves()
    entry = end(
        execution, "failed", before, text, by=by, caused_by=cause,
        payloads={"error": text, **_word_of(vouched)}, fields=["completion_seq"], moves=moves,
    )  # fmt: skip
    if unsure and vouched is not None:
        moves.record()
        undo.outcome_settled(
            execution, original, vouched.rival, happened=False, said=text, by=by, caused_by=entry
        )
        return
    undo.settle_undo(
        execution, original, outcome=AttemptOutcome.FAILED, error=text, by=by, caused_by=entry,
        moves=moves,
    )  # fmt: skip


def refuse(
    execution: Execution, error: str, *, by: ActorRef, caused_by: EntryRef | None, moves: Moves
) -> EntryRef:
    """REJECTED: nothing was called, and nothing will be. What it would have undone stands."""
    before = str(execution.status)
    execution.reject()
    return not_run(execution, "rejected", before, error, by=by, caused_by=caused_by, moves=moves)


def not_run(
    execution: Execution,
    action: str,
    before: str,
    error: str,
    *,
    by: ActorRef,
    caused_by: EntryRef | None,
    moves: Moves,
) -> EntryRef:
    """Record that an execution ends without having been called."""
    undoing, states = execution.undoes_id is not None, CompensationState
    execution.compensation_state = states.COMPENSATION_FAULTED if undoing else states.NONE
    execution.outcome_unknown = False
    text = storable(error, ERROR_LENGTH)
    return end(
        execution, action, before, text, by=by, caused_by=caused_by,
        payloads={"error": text} if text else {}, moves=moves,
    )  # fmt: skip


def give_up(execution: Execution, original: Any | None, error: str, *, by: ActorRef) -> None:
    """No further attempt: FAILED where there is no effect for certain, else UNCERTAIN.

    An uncertain execution takes its place in the order of completion now: should it turn out to
    have happened, or be undone as if it had, it did so before whatever is completed from now on.
    """
    if not execution.outcome_unknown:
        fail(execution, original, error, by=by)
        return
    cause = newest_entry(execution)
    before = str(execution.status)
    execution.give_up()
    if execution.undoes_id is not None:
        execution.compensation_state = CompensationState.COMPENSATION_FAULTED
    else:
        _take_place(execution)
    text, moves = storable(error, ERROR_LENGTH), Moves()
    entry = end(
        execution, "outcome_unknown", before, text, by=by, caused_by=cause,
        payloads={"error": text}, fields=["completion_seq"], moves=moves,
    )  # fmt: skip
    doubt = storable(f"It may have happened: {text}", ERROR_LENGTH)
    undo.settle_undo(
        execution, original, outcome=AttemptOutcome.UNCERTAIN, error=doubt, by=by, caused_by=entry,
        moves=moves,
    )  # fmt: skip


def _knows_original(execution: Execution, original: Any | None) -> None:
    """Read once which entry finished what is undone: both rows' entries name it."""
    if original is not None:
        knows_undone_entry(execution, finished_entry_of(original))


def _take_place(execution: Execution) -> None:
    """Draw the number that is its place in the order of completion of its case or batch."""
    whole_id = execution.case_id or execution.batch_id
    if whole_id is not None and execution.mode == "commit":
        execution.completion_seq = next_completion(whole_id, execution.tenant_id)


def _word_of(vouched: Vouched | None) -> dict[str, str]:
    return {} if vouched is None else {"evidence": vouched.evidence}


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
    moves: Moves | None = None,
) -> EntryRef:
    """Record that `execution` has changed into what it ends as; it has no job any more.

    The word of a person in place of the program's is an attestation.
    """
    attested: dict[str, Any] = {"kind": "ATTESTATION"} if "evidence" in payloads else {}
    execution.error = error
    execution.ended_at = now()
    entry = move(
        execution, action, before=before, by=by, caused_by=caused_by, payloads=payloads,
        fields=["ended_at", "error", "compensation_state", "outcome_unknown", *fields], moves=moves,
        **attested,
    )  # fmt: skip
    if before != ExecutionStatus.UNCERTAIN:
        # What is uncertain has no job any more.
        ExecutionJob.objects.filter(
            tenant_id=execution.tenant_id, execution_id=execution.id
        ).delete()
    return entry.ref
