"""Carrying a case forward: fire what is ready, take in results, see the end. Engine only.

Every function runs inside the handler's transaction with the case locked.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q

from accounts.selectors import called
from cases.actions.changes import fault_case, save_case
from cases.definitions import (
    Binding,
    CompiledDefinition,
    ContextChange,
    ExpressionFailed,
    HumanTask,
    context_after,
    evaluate_completion,
    input_for,
    ready_bindings,
    undo_policy,
)
from cases.lifecycle import OPEN_ITEMS, CaseStatus, PlanItemStatus, PlanItemType
from cases.models import Case, PlanItem
from cases.selectors import compiled
from compensation.policy import UNSPECIFIED
from compensation.subject import Cause
from executions.actions.execution_opening import NewExecution, open_execution
from ledger.clock import now
from ledger.errors import Invalid, Refusal, check_json
from workitems.actions.item_opening import NewWorkItem, open_item

# Trouble of the evaluator, not of the expression: trying again may help.
_TRANSIENT = frozenset({"unavailable"})
# A definition whose steps keep changing what starts them would go on for ever.
MAX_FIRINGS = 1_000
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
    any time, any number of times, is therefore right. A condition that cannot be evaluated, or a
    step that cannot be opened, faults the case with the reason.
    """
    if case.status != CaseStatus.RUNNING:
        return
    definition = compiled(case.definition)
    try:
        if not _ended(case, definition, cause):
            _fire_ready(case, definition, cause)
    except ExpressionFailed as problem:
        fault_case(case, why_failed(problem), cause=cause)
    except _Stuck as stuck:
        fault_case(case, str(stuck), cause=cause)


def take_in(case: Case, item: PlanItem, row: Any, action: str, *, cause: Cause) -> None:
    """Mark how a plan item ended and let its result change the context."""
    item.status = _ENDINGS[action]
    item.completion_seq = row.completion_seq
    item.ended_at = row.ended_at or now()
    if item.status == PlanItemStatus.COMPLETED:
        _take_result(case, item, row, cause)
    item.save(update_fields=["status", "completion_seq", "ended_at", "written"])


def conclude(case: Case, item: PlanItem, row: Any, *, cause: Cause) -> None:
    """After a result: go on, or fault the case when its step failed and no goal speaks of it."""
    if item.status == PlanItemStatus.COMPLETED:
        advance(case, cause=cause)
        return
    said = getattr(row, "error", "") or getattr(row, "ended_reason", "")
    detail = f"{item.binding}: {item.status.lower()}" + (f", {said}" if said else "")
    try:
        if case.status == CaseStatus.RUNNING and _ended(case, compiled(case.definition), cause):
            return
    except ExpressionFailed as problem:
        detail = why_failed(problem)
    fault_case(case, detail, cause=cause)


class _Stuck(Exception):
    """A step cannot be opened; the message says which and why."""


def _fire_ready(case: Case, definition: CompiledDefinition, cause: Cause) -> None:
    fired = (
        PlanItem.objects.filter(case_id=case.id)
        .values_list("binding")
        .annotate(
            times=Count("id"),
            waits=Count("id", filter=Q(status__in=OPEN_ITEMS)),
            last=Max("case_version"),
        )
    )
    times, answered = {}, []
    for name, count, is_open, last in fired:
        times[name] = count
        if is_open or last >= case.triggered:
            answered.append(name)
    readiness = ready_bindings(definition, case.context, open_bindings=answered)
    for name, problem in readiness.failed:
        raise _Stuck(f"{name}: {why_failed(problem)}")
    for binding in readiness.fire:
        if times.get(binding.name, 0) >= MAX_FIRINGS:
            raise _Stuck(f"{binding.name}: has fired {MAX_FIRINGS} times")
        _fire(case, definition, binding, cause)


def why_failed(problem: ExpressionFailed) -> str:
    """Return why an expression failed; raises it where trying again may help."""
    if problem.code in _TRANSIENT:
        raise problem
    return f"{problem.detail} (in: {problem.expression})"


def _ended(case: Case, definition: CompiledDefinition, cause: Cause) -> bool:
    verdict = evaluate_completion(definition, case.context)
    if verdict == "failure":
        fault_case(case, "A failure goal was reached.", cause=cause)
    elif verdict == "success":
        save_case(case, "completed", cause=cause, step=case.complete, also={"ended_at": now()})
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
        fault_case(case, f"{item.binding}: {why_failed(problem)}", cause=cause)
        return
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


def _fire(case: Case, definition: CompiledDefinition, binding: Binding, cause: Cause) -> None:
    try:
        value = input_for(binding.target, case.context)
        if not isinstance(value, dict):
            raise Invalid.field("/input", "the inputMapping must give an object")
        check_json(value, "/input")
        with transaction.atomic():
            type_, target_id = _open(case, definition, binding, value, cause)
    except Refusal as refusal:
        raise _Stuck(f"{binding.name}: {refusal.in_words}") from refusal
    except ExpressionFailed as problem:
        raise _Stuck(f"{binding.name}: {why_failed(problem)}") from problem
    PlanItem(
        tenant_id=case.tenant_id,
        case_id=case.id,
        binding=binding.name,
        type=type_,
        target_id=target_id,
        case_version=case.version,
        created_at=now(),
    ).save(force_insert=True)


def _open(
    case: Case,
    definition: CompiledDefinition,
    binding: Binding,
    value: dict[str, Any],
    cause: Cause,
) -> tuple[str, uuid.UUID]:
    """Open the work item or execution of a binding; return its type and id."""
    policy, target = undo_policy(definition, binding), binding.target
    said: dict[str, Any] = {
        "tenant_id": case.tenant_id,
        "policy": {} if policy is None else policy.to_json(),
        "case_id": case.id,
        "binding": binding.name,
    }
    if isinstance(target, HumanTask):
        people, missing = called(target.candidate_users)
        task = NewWorkItem(
            **said,
            title=target.title,
            created_by=cause.by.id,
            payload=value,
            candidate_groups=target.candidate_groups,
            candidate_users=people,
            people_missing=missing,
            permitted_outcomes=target.outcomes,
            resolution_schema=dict(target.resolution_schema) if target.resolution_schema else None,
            priority=target.priority,
            reversibility=binding.reversibility,
            due_at=now() + target.expires_in if target.expires_in else None,
        )
        item = open_item(task, by=cause.by, caused_by=cause.entry)
        return PlanItemType.WORK_ITEM, item.id
    program = NewExecution(
        **said,
        capability=target.capability,
        input=value,
        requested_by=cause.by.id,
        reason=f"Step {binding.name} of {case.title}",
        reversibility=None if binding.reversibility == UNSPECIFIED else binding.reversibility,
    )
    execution = open_execution(program, by=cause.by, caused_by=cause.entry)
    return PlanItemType.EXECUTION, execution.id
