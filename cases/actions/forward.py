"""Carrying a case forward: fire what is ready, take in results, see the end. Engine only.

Every function runs inside the handler's transaction with the case locked.
"""

from __future__ import annotations

from typing import Any

from cases.actions.changes import cancel_open_work, fault_case, save_case
from cases.actions.firing import MAX_ERROR, fire_ready, why_failed
from cases.definitions import (
    CompiledDefinition,
    ContextChange,
    ExpressionFailed,
    context_after,
    evaluate_completion,
)
from cases.lifecycle import OPEN_ITEMS, TAKES_RESULTS, CaseStatus, PlanItemStatus
from cases.models import Case, PlanItem
from cases.selectors import compiled
from compensation.lifecycle import CompensationState
from compensation.subject import Cause, read_row
from ledger.clock import now

CASE_COMPLETED = "The case is completed without it."
_ENDINGS = {
    "completed": PlanItemStatus.COMPLETED,
    "succeeded": PlanItemStatus.COMPLETED,
    "rejected": PlanItemStatus.REJECTED,
    "failed": PlanItemStatus.FAULTED,
    "cancelled": PlanItemStatus.CANCELLED,
}


def advance(case: Case, *, cause: Cause) -> None:
    """See whether the case has ended; else fire every binding that is ready.

    Only a RUNNING case moves. A binding fires once for each trigger: not again before the context
    has changed, or the case was resumed or came out of a rollback, since it last did. Doing this at
    any time, any number of times, is therefore right. A step whose condition fails, or
    that cannot be opened, faults like one that failed, after all the others are open.
    """
    if case.status != CaseStatus.RUNNING:
        return
    definition = compiled(case.definition)
    try:
        trouble = "" if _ended(case, definition, cause) else fire_ready(case, definition, cause)
    except ExpressionFailed as problem:
        trouble = why_failed(problem)
    if trouble:
        fault_case(case, trouble, cause=cause)


def retry(case: Case, *, cause: Cause) -> None:
    """Try again what let a case fail, by a new attempt of each step that did; then go on.

    A step whose condition no longer holds is not done. A success goal that has been reached ends
    the case; a failure goal does not, where a step failed: what the last tries have left in the
    context would end the case before the new ones have begun.
    """
    if case.status != CaseStatus.RUNNING:
        return
    definition, failed = compiled(case.definition), _failed(case)
    trouble = [_taken_again(case, item, cause) for item in failed if _is_untaken(item)]
    again = {item.binding for item in failed if not _is_untaken(item)}
    try:
        if not _ended(case, definition, cause, in_spite=bool(again)):
            trouble.append(fire_ready(case, definition, cause, again=again))
    except ExpressionFailed as problem:
        trouble.append(why_failed(problem))
    said = next((each for each in trouble if each), "")
    if said:
        fault_case(case, said, cause=cause)


def _failed(case: Case) -> list[PlanItem]:
    """Return the newest try of each step that let the case fail, oldest first."""
    newest: dict[str, PlanItem] = {}
    for item in PlanItem.objects.filter(case_id=case.id).order_by("created_at", "id"):
        newest[item.binding] = item
    return [item for item in newest.values() if item.error and item.status not in OPEN_ITEMS]


def _is_untaken(item: PlanItem) -> bool:
    """Whether it is done, still stands, and its result could not be taken in."""
    standing = item.compensation_state != CompensationState.COMPENSATED
    return item.status == PlanItemStatus.COMPLETED and standing


def _taken_again(case: Case, item: PlanItem, cause: Cause) -> str:
    """Take the result of a step in once more; return why that cannot be."""
    row = read_row(*item.work)
    if row is not None:
        _take_result(case, item, row, cause)
        item.save(update_fields=["written", "error"])
    return item.error and f"{item.binding}: {item.error}"


def take_in(case: Case, item: PlanItem, row: Any, action: str, *, cause: Cause) -> None:
    """Mark how a plan item ended and let its result change the context."""
    item.status = _ENDINGS[action]
    item.completion_seq = row.completion_seq
    item.ended_at = row.ended_at or now()
    # Of a case that is over, a late result is kept with the work, and changes nothing.
    if item.status == PlanItemStatus.COMPLETED and case.status in TAKES_RESULTS:
        _take_result(case, item, row, cause)
    item.save(update_fields=["status", "completion_seq", "ended_at", "written", "error"])


def conclude(case: Case, item: PlanItem, row: Any, *, cause: Cause) -> None:
    """After a result: go on, or fault the case when its step failed and no goal speaks of it."""
    if item.status == PlanItemStatus.COMPLETED and not item.error:
        advance(case, cause=cause)
        return
    if item.error:
        fault_case(case, f"{item.binding}: {item.error}", cause=cause)
        return
    said = getattr(row, "error", "") or getattr(row, "ended_reason", "")
    detail = f"{item.binding}: {item.status.lower()}" + (f", {said}" if said else "")
    try:
        if case.status == CaseStatus.RUNNING and _ended(case, compiled(case.definition), cause):
            return
    except ExpressionFailed as problem:
        detail = why_failed(problem)
    item.error = detail[:MAX_ERROR]
    item.save(update_fields=["error"])
    fault_case(case, detail, cause=cause)


def _ended(
    case: Case, definition: CompiledDefinition, cause: Cause, *, in_spite: bool = False
) -> bool:
    """See whether the case has ended. `in_spite`: a failure goal does not count."""
    verdict = evaluate_completion(definition, case.context)
    if verdict == "failure" and in_spite:
        return False
    if verdict == "failure":
        fault_case(case, "A failure goal was reached.", cause=cause)
    elif verdict == "success":
        done = save_case(
            case, "completed", cause=cause, step=case.complete, also={"ended_at": now()}
        )
        cancel_open_work(case.id, cause=Cause(cause.by, done.ref), reason=CASE_COMPLETED)
    return verdict is not None


def result_of(row: Any) -> Any:
    """Return what a finished work item or execution gives to an output mapping."""
    if row.subject_type == "execution":
        return row.output
    return {
        "outcome": row.outcome,
        "resolution": row.resolution,
        "completed_by": str(row.completed_by_id) if row.completed_by_id else None,
    }


def _take_result(case: Case, item: PlanItem, row: Any, cause: Cause) -> None:
    target = compiled(case.definition).binding(item.binding).target
    try:
        change = context_after(case.context, result_of(row), mapping=target.output_mapping)
    except ExpressionFailed as problem:
        item.error = why_failed(problem)[:MAX_ERROR]
        return
    item.error = ""
    item.written = list(change.stated)
    change_context(case, change, cause=cause, step=item.binding)


def change_context(
    case: Case,
    change: ContextChange,
    *,
    cause: Cause,
    step: str,
    invalidated: list[str] | None = None,
    problem: str = "",
) -> None:
    """Store a changed context: what was stated is valid, what was undone is marked, never gone."""
    marked = sorted((set(case.invalidated) | set(invalidated or ())) - set(change.stated))
    differs = change.differs(case.context)
    if not differs and marked == case.invalidated and not problem:
        return
    also: dict[str, Any] = {"context": change.after, "invalidated": marked}
    if differs:
        # To mark what was undone is no change: else an undone step would at once be done again.
        also["triggered"] = case.version + 1
    stated = {key: change.after[key] for key in change.stated}
    said: dict[str, Any] = {"step": step, "changed": stated}
    if invalidated:
        said["invalidated"] = sorted(invalidated)
    if problem:
        said["problem"] = problem
    save_case(case, "context_changed", cause=cause, also=also, payloads=said)
