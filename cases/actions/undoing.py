"""What the engine does when the undo of a case's work, or of a run's step, moved.

State-driven: it compares where the original is now with what plan item and step say, so that a
repeated or late event changes nothing.
"""

from __future__ import annotations

from typing import Any

from cases.actions import running
from cases.actions.door import save_step
from cases.actions.forward import TRANSIENT, Cause, advance, change_context
from cases.actions.parts import compiled, lock_part
from cases.definitions import ExpressionFailed, context_after
from cases.lifecycle import LIVE_RUNS, StepStatus
from cases.models import Case, CompensationRun, CompensationStep, PlanItem
from cases.originals import read, result_of
from compensation import actions as compensation
from compensation.lifecycle import AttemptOutcome, CompensationState
from ledger.clock import now
from ledger.dispatch.registry import Event

UNDER_WAY = (StepStatus.RUNNING, StepStatus.FAILED)


def heard(case: Case | None, event: Event, *, cause: Cause) -> None:
    """The undo of one work item or execution began, ended, failed, or was decided about."""
    if case is None:
        # Without a case the original's row is what keeps two handlers apart.
        row = lock_part(event.subject_type, event.subject_id)
    else:
        row = read(event.subject_type, event.subject_id)
    if row is None:
        return
    if case is not None:
        _mark(case, row, cause=cause)
    step = (
        CompensationStep.objects.filter(
            original_id=row.id, status__in=UNDER_WAY, run__status__in=LIVE_RUNS
        )
        .order_by("id")
        .first()
    )
    if step is None:
        return
    run = running.lock_run(step.run_id)
    if run is not None and run.status in LIVE_RUNS:
        _follow(run, step, row, case, cause=cause)
        running.proceed(run.id, case, cause=cause)


def _mark(case: Case, row: Any, *, cause: Cause) -> None:
    """Show the undo on the plan item; once undone, mark what it had written as invalidated.

    Where the undo itself changed the context of a RUNNING case, bindings answer to that.
    """
    item = PlanItem.objects.filter(case_id=case.id, target_id=row.id).first()
    if item is None or item.compensation_state == row.compensation_state:
        return
    item.compensation_state = row.compensation_state
    item.save(update_fields=["compensation_state"])
    if row.compensation_state != CompensationState.COMPENSATED:
        return
    after, problem = dict(case.context), ""
    try:
        after = _after_undo(case, item, row)
    except ExpressionFailed as failed:
        if failed.code in TRANSIENT:
            raise
        # The undo itself stands; only what it reports could not be taken over.
        problem = f"{failed.detail} (in: {failed.expression})"
    written = sorted(key for key in after if after[key] != case.context.get(key))
    undone = [key for key in item.written if key not in written]
    change_context(
        case, after, written, cause=cause, step=item.binding, invalidated=undone, problem=problem
    )
    if written:
        advance(case, cause=cause)


def _after_undo(case: Case, item: PlanItem, row: Any) -> dict[str, Any]:
    """Return the context after the undo binding's outputMapping, if it has one."""
    definition = compiled(case)
    name = definition.binding(item.binding).compensate
    attempt = compensation.last_attempt(item.type, row.id)
    if name is None or attempt.outcome != AttemptOutcome.DONE:
        return dict(case.context)
    undo = read(attempt.compensation_type, attempt.compensation_id)
    mapping = definition.binding(name).target.output_mapping
    if undo is None or mapping is None:
        return dict(case.context)
    return context_after(case.context, result_of(undo), mapping=mapping, undo=True)


def _follow(
    run: CompensationRun, step: CompensationStep, row: Any, case: Case | None, *, cause: Cause
) -> None:
    """Bring a step to where its original is."""
    state = row.compensation_state
    if state == CompensationState.COMPENSATED:
        _undone(run, step, row, case, cause=cause)
    elif state == CompensationState.COMPENSATION_FAULTED:
        if step.status == StepStatus.RUNNING:
            error = compensation.last_attempt(step.original_type, row.id).error
            running.fail_step(run, step, case, error or "The undo failed.", cause=cause)
    elif state == CompensationState.COMPENSATING:
        _goes_on(run, step, row, case, cause=cause)
    else:
        _let_go(run, step, row, case, cause=cause)


def _undone(
    run: CompensationRun, step: CompensationStep, row: Any, case: Case | None, *, cause: Cause
) -> None:
    attested = (
        compensation.last_attempt(step.original_type, row.id).outcome == AttemptOutcome.ATTESTED
    )
    before = str(run.status)
    if step.status == StepStatus.FAILED:
        running.unblock(run, case, cause=cause)
    if attested:
        step.resolve()
    else:
        step.finish()
    step.ended_at = now()
    step.error = ""
    save_step(
        run, step, "compensation_step_resolved" if attested else "compensation_step_completed",
        before=before, by=cause.by, fields=("ended_at", "error"), caused_by=cause.entry,
    )  # fmt: skip


def _goes_on(
    run: CompensationRun, step: CompensationStep, row: Any, case: Case | None, *, cause: Cause
) -> None:
    """A further attempt: by a person after a program gave up, or asked for at the item."""
    attempt = compensation.open_attempt(step.original_type, row.id)
    if attempt is None or (
        step.status == StepStatus.RUNNING and step.compensation_id == attempt.compensation_id
    ):
        return
    before = str(run.status)
    if step.status == StepStatus.FAILED:
        running.unblock(run, case, cause=cause)
        step.retry()
    step.compensation_type = attempt.compensation_type
    step.compensation_id = attempt.compensation_id
    step.error, step.ended_at = "", None
    save_step(
        run, step, "compensation_step_waiting", before=before, by=cause.by, caused_by=cause.entry,
        fields=("compensation_type", "compensation_id", "error", "ended_at"),
    )  # fmt: skip


def _let_go(
    run: CompensationRun, step: CompensationStep, row: Any, case: Case | None, *, cause: Cause
) -> None:
    """The undo it followed was withdrawn (it starts its own) or abandoned (so is the step)."""
    before = str(run.status)
    if step.status == StepStatus.RUNNING:
        step.put_back()
        _forget(run, step, before, cause=cause)
        return
    if step.compensation_id is None:
        return
    last = compensation.last_attempt(step.original_type, row.id)
    if last.outcome == AttemptOutcome.WITHDRAWN:
        # Tried again at the item and called back before this step heard of either.
        running.unblock(run, case, cause=cause)
        step.replan()
        _forget(run, step, before, cause=cause)
    elif last.outcome == AttemptOutcome.ABANDONED:
        running.unblock(run, case, cause=cause)
        step.abandon()
        step.ended_at = now()
        save_step(
            run, step, "compensation_step_abandoned", before=before, by=cause.by,
            fields=("ended_at",), caused_by=cause.entry,
        )  # fmt: skip


def _forget(run: CompensationRun, step: CompensationStep, before: str, *, cause: Cause) -> None:
    """Save a step that is in line again: what it followed is over and no longer its undo."""
    step.adopted = False
    step.compensation_type, step.compensation_id = "", None
    step.error, step.ended_at = "", None
    save_step(
        run, step, "compensation_step_planned", before=before, by=cause.by, caused_by=cause.entry,
        fields=("adopted", "compensation_type", "compensation_id", "error", "ended_at"),
    )  # fmt: skip
