"""Firing steps: which bindings are ready, and opening the work of each. Engine only.

Each step opens by itself. One whose condition cannot be evaluated, or whose work cannot be opened,
becomes a FAULTED plan item without work, with the reason; the others open.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q

from accounts.selectors import called
from cases.definitions import (
    Binding,
    CapabilityCall,
    CompiledDefinition,
    ExpressionFailed,
    HumanTask,
    input_for,
    ready_bindings,
    undo_policy,
)
from cases.lifecycle import OPEN_ITEMS, PlanItemStatus, PlanItemType
from cases.models import Case, PlanItem
from compensation.policy import UNSPECIFIED
from compensation.subject import Cause
from executions.actions.execution_opening import NewExecution, open_execution
from json_values.limits import GROWN_BYTES, GROWN_DEPTH
from ledger.clock import now
from ledger.errors import Invalid, Refusal, check_json
from workitems.actions.item_opening import NewWorkItem, open_item

# Trouble of the evaluator, not of the expression: trying again may help.
_TRANSIENT = frozenset({"unavailable"})
# A definition whose steps keep changing what starts them would go on for ever.
MAX_FIRINGS = 1_000
MAX_ERROR = 4000


def why_failed(problem: ExpressionFailed) -> str:
    """Return why an expression failed; raises it where trying again may help."""
    if problem.code in _TRANSIENT:
        raise problem
    return f"{problem.detail} (in: {problem.expression})"


def fire_ready(
    case: Case, definition: CompiledDefinition, cause: Cause, *, again: Collection[str] = ()
) -> str:
    """Open every binding that is ready; return why one could not be, "" when all could.

    `again`: bindings whose last try failed, which are asked whatever has changed since.
    """
    times, answered = _fired(case, again)
    readiness = ready_bindings(definition, case.context, open_bindings=answered)
    trouble = [
        _cannot_begin(case, definition.binding(name), why_failed(problem))
        for name, problem in readiness.failed
    ]
    for binding in readiness.fire:
        if times.get(binding.name, 0) >= MAX_FIRINGS:
            trouble.append(_cannot_begin(case, binding, f"has fired {MAX_FIRINGS} times"))
        else:
            trouble.append(_fire(case, definition, binding, cause))
    return next((each for each in trouble if each), "")


def _fired(case: Case, again: Collection[str]) -> tuple[dict[str, int], list[str]]:
    """Return how often each binding has fired, and which have answered to the case as it is."""
    fired = (
        PlanItem.objects.filter(case_id=case.id)
        .values_list("binding")
        .annotate(
            times=Count("target_id"),
            waits=Count("id", filter=Q(status__in=OPEN_ITEMS)),
            last=Max("case_version"),
        )
    )
    times, answered = {}, []
    for name, count, is_open, last in fired:
        times[name] = count
        if is_open or (last >= case.triggered and name not in again):
            answered.append(name)
    return times, answered


def _fire(case: Case, definition: CompiledDefinition, binding: Binding, cause: Cause) -> str:
    """Open the work of one binding; return why that cannot be, "" when it is open."""
    try:
        value = input_for(binding.target, case.context)
        if not isinstance(value, dict):
            raise Invalid.field("/input", "the inputMapping must give an object")
        check_json(value, "/input", limit=GROWN_BYTES, depth=GROWN_DEPTH)
        with transaction.atomic():
            type_, target_id = _open(case, definition, binding, value, cause)
    except Refusal as refusal:
        return _cannot_begin(case, binding, refusal.in_words)
    except ExpressionFailed as problem:
        return _cannot_begin(case, binding, why_failed(problem))
    _fired_item(case, binding, type_, target_id=target_id)
    return ""


def _cannot_begin(case: Case, binding: Binding, reason: str) -> str:
    """Keep a step that could not begin, with the reason, and return that."""
    error = reason[:MAX_ERROR]
    _fired_item(
        case, binding, _type_of(binding), status=PlanItemStatus.FAULTED, error=error, ended_at=now()
    )
    return f"{binding.name}: {error}"


def _fired_item(case: Case, binding: Binding, type_: str, **how: Any) -> None:
    PlanItem(
        tenant_id=case.tenant_id,
        case_id=case.id,
        binding=binding.name,
        type=type_,
        case_version=case.version,
        created_at=now(),
        **how,
    ).save(force_insert=True)


def _type_of(binding: Binding) -> str:
    by_program = isinstance(binding.target, CapabilityCall)
    return PlanItemType.EXECUTION if by_program else PlanItemType.WORK_ITEM


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
    agents, _missing = called([target.performer] if target.performer else [])
    program = NewExecution(
        **said,
        performer=agents[0] if agents else None,
        capability=target.capability,
        input=value,
        requested_by=cause.by.id,
        reason=f"Step {binding.name} of {case.title}",
        reversibility=None if binding.reversibility == UNSPECIFIED else binding.reversibility,
    )
    execution = open_execution(program, by=cause.by, caused_by=cause.entry)
    return PlanItemType.EXECUTION, execution.id
