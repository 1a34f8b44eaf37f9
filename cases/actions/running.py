"""Carrying a run: strictly falling completion order, one undo at a time, each awaited.

Inside the caller's transaction, with the case locked; a run without a case has one step, and that
step's original is its lock. What starts a step is the dispatcher, never a web request.
"""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from django.db import transaction

from cases.actions.door import fault_reason, run_change, save_case, save_run, save_step
from cases.actions.forward import TRANSIENT, Cause
from cases.actions.parts import compiled, lock_part, part_in_case
from cases.definitions import CapabilityCall, ExpressionFailed, input_for
from cases.lifecycle import (
    LIVE_RUNS,
    OPEN_ITEMS,
    RESIDUAL_EXCLUSIONS,
    CaseStatus,
    PlanItemStatus,
    PlanItemType,
    RunStatus,
    StepStatus,
)
from cases.models import Case, CompensationRun, CompensationStep, PlanItem
from cases.originals import original_value
from cases.planning import shown_step
from compensation import actions as compensation
from compensation.actions import kind_of
from compensation.lifecycle import CompensationState
from compensation.planning import UNDO_OUTCOMES, Exclusion, UndoRequest, UndoStep, plan_original
from ledger.clock import now
from ledger.errors import Refusal
from ledger.record import record

BUSY = frozenset({StepStatus.RUNNING, StepStatus.WAITING, StepStatus.FAILED})
ENDINGS = frozenset({StepStatus.ABANDONED, StepStatus.BLOCKED})


def lock_run(run_id: uuid.UUID) -> CompensationRun | None:
    """Lock a run; case and originals are locked before it."""
    return (
        CompensationRun.objects.select_for_update(of=("self",))
        .select_related("plan")
        .filter(id=run_id)
        .first()
    )


def proceed(run_id: uuid.UUID, case: Case | None, *, cause: Cause) -> None:
    """Start the next step if nothing is under way, or settle the run when none is left."""
    if case is None:
        _lock_about(run_id)
    more = True
    while more:
        more = _proceeded(run_id, case, cause=cause)


def _proceeded(run_id: uuid.UUID, case: Case | None, *, cause: Cause) -> bool:
    """Start one step, or settle. Returns whether the step needed nothing: another may start."""
    steps = list(CompensationStep.objects.filter(run_id=run_id))
    if any(step.status in BUSY for step in steps) or _awaits_results(run_id, case):
        return False
    planned = [step for step in steps if step.status == StepStatus.PLANNED]
    following = max(planned, key=_order, default=None)
    row = None
    if following is not None:
        row = lock_part(following.original_type, following.original_id)
    run = lock_run(run_id)
    if run is None or run.status != RunStatus.RUNNING:
        return False
    if following is None:
        _settle(run, steps, case, cause=cause)
        return False
    return _start(run, following, row, case, cause=cause)


def _lock_about(run_id: uuid.UUID) -> None:
    """Lock the one original of a run without a case, before anything of the run is read."""
    about = CompensationRun.objects.filter(id=run_id).values_list("about_type", "about_id").first()
    if about is not None:
        lock_part(*about)


def _order(step: CompensationStep) -> tuple[int, int]:
    return (-1 if step.completion_seq is None else step.completion_seq, -step.n)


def _awaits_results(run_id: uuid.UUID, case: Case | None) -> bool:
    """Whether a program dispatched before the run started still owes its result."""
    if case is None:
        return False
    run = CompensationRun.objects.select_related("plan").get(id=run_id)
    if not covers_open_work(run):
        return False
    return PlanItem.objects.filter(
        case_id=case.id, type=PlanItemType.EXECUTION, status__in=OPEN_ITEMS
    ).exists()


def covers_open_work(run: CompensationRun) -> bool:
    """Whether what was open when the run started belongs to its scope."""
    return run.about_case and not run.plan.scope.get("only_this", False)


def _start(
    run: CompensationRun, step: CompensationStep, row: Any, case: Case | None, *, cause: Cause
) -> bool:
    """Start one step. Returns True when it needed nothing and the next may start at once."""
    before = str(run.status)
    if row is not None and row.compensation_state == CompensationState.COMPENSATED:
        step.skip()
        step.ended_at = now()
        save_step(
            run, step, "compensation_step_skipped", before=before, by=cause.by,
            fields=("ended_at",), caused_by=cause.entry,
        )  # fmt: skip
        return True
    try:
        with transaction.atomic():
            attempt, adopted = _undo(run, step, row, case, cause=cause)
    except ExpressionFailed as problem:
        if problem.code in TRANSIENT:
            raise
        fail_step(run, step, case, f"{problem.detail} (in: {problem.expression})", cause=cause)
        return False
    except Refusal as refusal:
        fail_step(run, step, case, fault_reason(refusal), cause=cause)
        return False
    step.start()
    step.started_at = now()
    step.adopted = adopted
    step.error = ""
    step.compensation_type, step.compensation_id = (
        attempt.compensation_type,
        attempt.compensation_id,
    )
    save_step(
        run, step, "compensation_step_started", before=before, by=cause.by, caused_by=cause.entry,
        fields=("started_at", "adopted", "error", "compensation_type", "compensation_id"),
    )  # fmt: skip
    return False


def _undo(
    run: CompensationRun, step: CompensationStep, row: Any, case: Case | None, *, cause: Cause
) -> tuple[Any, bool]:
    """Begin the undo of a locked original, or adopt the one under way: (attempt, adopted)."""
    if row is None:
        raise Refusal("What was to be undone is not there any more.")
    kind = kind_of(step.original_type)
    if row.compensation_state == CompensationState.COMPENSATING:
        found = compensation.open_attempt(step.original_type, row.id)
        if found is None:
            raise Refusal("It is being undone, but nobody knows by what.")
        return found, True
    request = request_for(run, step, row, case)
    if row.compensation_state == CompensationState.COMPENSATION_FAULTED:
        attempt = compensation.retry(kind, row, request, by=cause.by, caused_by=cause.entry)
    else:
        attempt = compensation.begin(kind, row, request, by=cause.by, caused_by=cause.entry)
    return attempt, False


def request_for(
    run: CompensationRun, step: CompensationStep, row: Any, case: Case | None
) -> UndoRequest:
    """Return what the undo of this step is told; the undo binding gives title and input.

    Raises ExpressionFailed, or Refusal when the binding's input is no object.
    """
    request = plain_request(run, step, row)
    if case is None or not step.binding:
        return request
    target = compiled(case).binding(step.binding).target
    value = input_for(
        target,
        {
            "original": original_value(step.original_type, row, step.original_name),
            "context": case.context,
            "reason": run.reason,
        },
    )
    if not isinstance(value, dict):
        raise Refusal(f"{step.binding}: the inputMapping must give an object")
    if isinstance(target, CapabilityCall):
        return dataclasses.replace(request, task_input=value)
    return dataclasses.replace(
        request,
        task_input=value,
        title=target.title,
        outcomes=target.outcomes or UNDO_OUTCOMES,
        resolution_schema=dict(target.resolution_schema) if target.resolution_schema else None,
        priority=target.priority,
    )


def plain_request(run: CompensationRun, step: CompensationStep, row: Any) -> UndoRequest:
    """Return what the undo of this step is told by its policy alone, without its binding."""
    spec = step.spec
    return UndoRequest(
        mode=step.mode,
        strategy=step.strategy,
        reason=run.reason,
        requested_by=run.requested_by_id,
        regulatory_basis=tuple(run.regulatory_basis),
        capability=spec["capability"],
        performer=spec["performer"],
        candidate_groups=tuple(spec["candidate_groups"]),
        fallback=spec["fallback"],
        title=f"Undo: {getattr(row, 'title', '') or step.original_name}",
        run_id=run.id,
        step=step.n,
        binding=step.binding,
    )


def fail_step(
    run: CompensationRun,
    step: CompensationStep,
    case: Case | None,
    error: str,
    *,
    cause: Cause,
) -> None:
    """A step did not undo: it FAILED, its run is FAULTED, its case COMPENSATION_FAULTED."""
    before = str(run.status)
    step.fail()
    step.error = error[:4000]
    step.ended_at = now()
    if run.status in {RunStatus.RUNNING, RunStatus.PAUSED}:
        run.fail()
    entry = save_step(
        run, step, "compensation_step_failed", before=before, by=cause.by,
        fields=("error", "ended_at"), caused_by=cause.entry, payloads={"error": step.error},
    )  # fmt: skip
    if case is not None and run.about_case and case.status == CaseStatus.COMPENSATING:
        was = str(case.status)
        case.stop_rollback()
        save_case(
            case, "compensation_faulted", before=was, by=cause.by, caused_by=entry.ref,
            payloads={"step": step.original_name, "error": step.error},
            compensation={"run": str(run.id), "step": step.n},
        )  # fmt: skip


def unblock(run: CompensationRun, case: Case | None, *, cause: Cause) -> None:
    """Somebody decided about the failed step: the run goes on and the case is COMPENSATING again.

    A run that was PAUSED when the step failed is PAUSED again.

    The caller saves the run, with the entry of the decision.
    """
    if run.status == RunStatus.FAULTED:
        run.continue_()
    if case is not None and run.about_case and case.status == CaseStatus.COMPENSATION_FAULTED:
        was = str(case.status)
        case.continue_rollback()
        save_case(
            case, "compensation_resumed", before=was, by=cause.by, caused_by=cause.entry,
            compensation={"run": str(run.id)},
        )  # fmt: skip


def take_in_flight(case: Case, item: PlanItem, row: Any, *, cause: Cause) -> bool:
    """A result came in while the case is being rolled back: undo it first, as an amendment.

    Returns whether a run is live in the case.
    """
    run_id = (
        CompensationRun.objects.filter(about_type="case", about_id=case.id, status__in=LIVE_RUNS)
        .values_list("id", flat=True)
        .first()
    )
    run = None if run_id is None else lock_run(run_id)
    if run is None:
        return False
    known = run.steps.filter(original_id=row.id).exists()
    if item.status == PlanItemStatus.COMPLETED and covers_open_work(run) and not known:
        _amend(run, case, item, row, cause=cause)
    proceed(run.id, case, cause=cause)
    return True


def _amend(run: CompensationRun, case: Case, item: PlanItem, row: Any, *, cause: Cause) -> None:
    part = part_in_case(item, row, compiled(case))
    planned = plan_original(
        row, part.original, settled=part.settled, policy=part.policy,
        completed_at=part.completed_at, completed_by=part.completed_by, in_flight=False,
        strategy=run.plan.strategy or None, now=now(),
    )  # fmt: skip
    if planned is None or (isinstance(planned, Exclusion) and not _residual(planned.code)):
        return
    n = run.steps.count() + 1
    step = CompensationStep(
        tenant_id=run.tenant_id,
        run=run,
        n=n,
        original_type=part.original.type,
        original_id=row.id,
        original_name=part.original.name,
        completion_seq=row.completion_seq,
        amendment=True,
        binding=part.undo,
        mode="",
        strategy="",
        spec={},
    )
    if isinstance(planned, UndoStep):
        step.mode, step.strategy = planned.mode, planned.strategy
        step.spec = shown_step(n, part, planned, depends_on=[])
    else:
        step = _blocked(step, planned)
    step.save(force_insert=True)
    run.version += 1
    run.save(update_fields=["version"])
    record(
        run_change(
            run, "compensation_step_planned", before=str(run.status), by=cause.by, step=step,
            caused_by=cause.entry, payloads={"amendment": part.original.name},
        )
    )  # fmt: skip


def _blocked(step: CompensationStep, why: Exclusion) -> CompensationStep:
    return CompensationStep(
        **{
            field.attname: getattr(step, field.attname)
            for field in step._meta.concrete_fields
            if field.attname not in {"status", "error"}
        },
        status=StepStatus.BLOCKED,
        error=f"{why.code}: {why.detail}",
    )


def _residual(code: str) -> bool:
    return code in RESIDUAL_EXCLUSIONS


def _settle(
    run: CompensationRun,
    steps: list[CompensationStep],
    case: Case | None,
    *,
    cause: Cause,
) -> None:
    """All steps are over: end the run, and bring the case where it belongs (DESIGN §6, Ends)."""
    left = [each["code"] for each in run.plan.content["excluded"] if _residual(each["code"])]
    partial = bool(left) or any(step.status in ENDINGS for step in steps)
    before = str(run.status)
    if partial:
        run.complete_partially()
    else:
        run.complete()
    run.ended_at = now()
    entry = save_run(
        run, "compensation_completed", before=before, by=cause.by, fields=("ended_at",),
        caused_by=cause.entry,
    )  # fmt: skip
    if case is None or not run.about_case:
        return
    was = str(case.status)
    if not partial and run.plan.scope["kind"] != "whole":
        # Where it was, and ended when it had ended.
        case.settle_back(resume=run.resume_after)
    else:
        if partial:
            case.settle_partially()
        else:
            case.settle_compensated()
        case.ended_at = now()
    case.prior_status = ""
    save_case(
        case, "rollback_settled", before=was, by=cause.by, fields=("ended_at", "prior_status"),
        caused_by=entry.ref, compensation={"run": str(run.id)},
    )  # fmt: skip
