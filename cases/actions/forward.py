"""Carrying a case forward: fire what is ready, take in results, see the end. Engine only.

Every function runs inside the handler's transaction with the case locked.
"""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q

from accounts.selectors import actors_by_username
from cases.actions.door import fault_case, fault_reason, save_case
from cases.actions.parts import compiled
from cases.definitions import (
    Binding,
    CompiledDefinition,
    ExpressionFailed,
    HumanTask,
    Readiness,
    context_after,
    evaluate_completion,
    input_for,
    ready_bindings,
    undo_policy,
)
from cases.lifecycle import OPEN_ITEMS, CaseStatus, PlanItemStatus, PlanItemType
from cases.models import Case, PlanItem
from cases.originals import result_of
from executions.actions.within import NewExecution, open_execution
from ledger.clock import now
from ledger.errors import Invalid, Refusal
from ledger.limits import check_json
from ledger.record import ActorRef, EntryRef
from workitems.actions.within import NewWorkItem, create_item

# Trouble of the evaluator, not of the expression: trying again may help.
TRANSIENT = frozenset({"unavailable"})
# A definition whose steps keep changing what starts them would go on for ever.
MAX_FIRINGS = 1_000
_UNSPECIFIED = "unspecified"
_ENDINGS = {
    "completed": PlanItemStatus.COMPLETED,
    "succeeded": PlanItemStatus.COMPLETED,
    "rejected": PlanItemStatus.REJECTED,
    "failed": PlanItemStatus.FAULTED,
    "cancelled": PlanItemStatus.CANCELLED,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Cause:
    """In whose name the engine acts, and because of which entry."""

    by: ActorRef
    entry: EntryRef


def advance(case: Case, *, cause: Cause) -> None:
    """See whether the case has ended; else fire every binding that is ready.

    Only a RUNNING case moves. A binding fires once for each trigger: not again before the context
    has changed, or the case was resumed or came out of a rollback, since it last did. Doing this at
    any time, any number of times, is therefore right. A condition that cannot be evaluated, or a
    step that cannot be opened, faults the case with the reason.
    """
    if case.status != CaseStatus.RUNNING:
        return
    definition = compiled(case)
    try:
        if _ended(case, definition, cause):
            return
        fired = _fired(case)
        answered = [name for name, past in fired.items() if past.waits or past.seen]
        readiness = ready_bindings(definition, case.context, open_bindings=answered)
        _check_conditions(readiness)
        for binding in readiness.fire:
            _check_times(binding, fired)
            _fire(case, definition, binding, cause)
    except ExpressionFailed as why:
        fault_case(case, _why(why), by=cause.by, caused_by=cause.entry)
    except _Stuck as stuck:
        fault_case(case, str(stuck), by=cause.by, caused_by=cause.entry)


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
    if case.status == CaseStatus.RUNNING:
        try:
            if _ended(case, compiled(case), cause):
                return
        except ExpressionFailed as why:
            fault_case(case, _why(why), by=cause.by, caused_by=cause.entry)
            return
    said = getattr(row, "error", "") or getattr(row, "ended_reason", "")
    detail = f"{item.binding}: {item.status.lower()}" + (f", {said}" if said else "")
    fault_case(case, detail, by=cause.by, caused_by=cause.entry)


@dataclasses.dataclass(frozen=True, slots=True)
class _Past:
    """What a binding has done: `waits` while its work is open, `seen`: it answered the trigger."""

    times: int
    waits: bool
    seen: bool


def _fired(case: Case) -> dict[str, _Past]:
    rows = (
        PlanItem.objects.filter(case_id=case.id)
        .values_list("binding")
        .annotate(
            times=Count("id"),
            waits=Count("id", filter=Q(status__in=OPEN_ITEMS)),
            last=Max("case_version"),
        )
    )
    return {
        binding: _Past(times, waits > 0, last >= case.triggered)
        for binding, times, waits, last in rows
    }


class _Stuck(Exception):
    """A step cannot be opened; the message says which and why."""


def _check_times(binding: Binding, fired: dict[str, _Past]) -> None:
    if binding.name in fired and fired[binding.name].times >= MAX_FIRINGS:
        raise _Stuck(f"{binding.name}: has fired {MAX_FIRINGS} times")


def _check_conditions(readiness: Readiness) -> None:
    for name, problem in readiness.failed:
        raise _Stuck(f"{name}: {_why(problem)}")


def _why(problem: ExpressionFailed) -> str:
    if problem.code in TRANSIENT:
        raise problem
    return f"{problem.detail} (in: {problem.expression})"


def _ended(case: Case, definition: CompiledDefinition, cause: Cause) -> bool:
    verdict = evaluate_completion(definition, case.context)
    if verdict is None:
        return False
    before = str(case.status)
    if verdict == "success":
        case.complete()
    else:
        case.fail()
        case.fault = "A failure goal was reached."
    case.ended_at = now()
    save_case(
        case, "completed" if verdict == "success" else "faulted", before=before, by=cause.by,
        fields=("ended_at", "fault"), caused_by=cause.entry,
        payloads={"detail": case.fault} if case.fault else None,
    )  # fmt: skip
    return True


def _take_result(case: Case, item: PlanItem, row: Any, cause: Cause) -> None:
    target = compiled(case).binding(item.binding).target
    try:
        after = context_after(case.context, result_of(row), mapping=target.output_mapping)
    except ExpressionFailed as problem:
        fault_case(case, f"{item.binding}: {_why(problem)}", by=cause.by, caused_by=cause.entry)
        return
    item.written = sorted(k for k in after if k not in case.context or after[k] != case.context[k])
    change_context(case, after, item.written, cause=cause, step=item.binding)


def change_context(
    case: Case,
    after: dict[str, Any],
    written: list[str],
    *,
    cause: Cause,
    step: str,
    invalidated: list[str] | None = None,
    problem: str = "",
) -> None:
    """Store a changed context: what was written is valid, what was undone is marked, never gone."""
    marked = sorted((set(case.invalidated) | set(invalidated or ())) - set(written))
    if after == case.context and marked == case.invalidated and not problem:
        return
    if after != case.context:
        # To mark what was undone is no change: else an undone step would at once be done again.
        case.triggered = case.version + 1
    case.context, case.invalidated = after, marked
    said: dict[str, Any] = {"step": step, "changed": {key: after[key] for key in written}}
    if invalidated:
        said["invalidated"] = sorted(invalidated)
    if problem:
        said["problem"] = problem
    save_case(
        case, "context_changed", before=str(case.status), by=cause.by,
        fields=("context", "invalidated"), caused_by=cause.entry, payloads=said,
    )  # fmt: skip


def _fire(case: Case, definition: CompiledDefinition, binding: Binding, cause: Cause) -> None:
    try:
        value = input_for(binding.target, case.context)
        if not isinstance(value, dict):
            raise Invalid.field("/input", "the inputMapping must give an object")
        check_json(value, "/input")
        with transaction.atomic():
            type_, target_id = _open(case, definition, binding, value, cause)
    except Refusal as refusal:
        raise _Stuck(f"{binding.name}: {fault_reason(refusal)}") from refusal
    except ExpressionFailed as problem:
        raise _Stuck(f"{binding.name}: {_why(problem)}") from problem
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
    policy = undo_policy(definition, binding)
    said = {} if policy is None else policy.to_json()
    target = binding.target
    if isinstance(target, HumanTask):
        item = create_item(
            _task(case, binding, target, value, said, by=cause.by),
            by=cause.by,
            caused_by=cause.entry,
        )
        return PlanItemType.WORK_ITEM, item.id
    execution = open_execution(
        NewExecution(
            tenant_id=case.tenant_id,
            capability=target.capability,
            input=value,
            requested_by=cause.by.id,
            reason=f"Step {binding.name} of {case.title}",
            policy=said,
            reversibility=None if binding.reversibility == _UNSPECIFIED else binding.reversibility,
            case_id=case.id,
            binding=binding.name,
        ),
        by=cause.by,
        caused_by=cause.entry,
    )
    return PlanItemType.EXECUTION, execution.id


def _task(
    case: Case,
    binding: Binding,
    task: HumanTask,
    value: dict[str, Any],
    said: dict[str, Any],
    *,
    by: ActorRef,
) -> NewWorkItem:
    people = actors_by_username(task.candidate_users) if task.candidate_users else {}
    return NewWorkItem(
        tenant_id=case.tenant_id,
        title=task.title,
        created_by=by.id,
        payload=value,
        candidate_groups=task.candidate_groups,
        candidate_users=sorted(people.values()),
        permitted_outcomes=task.outcomes,
        resolution_schema=dict(task.resolution_schema) if task.resolution_schema else None,
        priority=task.priority,
        policy=said,
        reversibility=binding.reversibility,
        due_at=now() + task.expires_in if task.expires_in else None,
        case_id=case.id,
        binding=binding.name,
    )
