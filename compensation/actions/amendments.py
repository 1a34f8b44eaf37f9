"""What a run undoes beside its plan: work that was under way when that was made."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection
from typing import Any

from compensation.actions.run_below import is_begun_by_a_person
from compensation.actions.run_entries import step_change
from compensation.actions.run_turn import steps_in
from compensation.lifecycle import RESIDUAL_EXCLUSIONS, StepStatus
from compensation.models import CompensationRun, CompensationStep
from compensation.planning import Exclusion, Part, UndoStep, leaves_nothing, plan_original
from compensation.points import has_point, is_before_point, kept
from compensation.subject import Cause, whole_subject
from ledger.clock import now
from ledger.record import record


def left_in_scope(run: CompensationRun, codes: Collection[str]) -> set[uuid.UUID]:
    """Return what the plan of a run covered and left out for one of these reasons."""
    return {uuid.UUID(each["original"]["id"]) for each in run.left_out if each["code"] in codes}


def _although_late(run: CompensationRun, part: Part) -> str:
    """Return why this is undone although its time is over, as was said of all that is called so
    when the run was asked for; else nothing."""
    said = run.plan.override_window
    return next((str(each["reason"]) for each in said if part.called(each["step"])), "")


def _as_undone(run: CompensationRun, whole: Any, part: Part) -> Part:
    """Return what was finished as a run may undo it: one that began by itself goes past no point of
    no return. While such a point is owed, it may come after this; so this stays."""
    part, kind = dataclasses.replace(part, in_flight=False), whole_subject(run.whole_type)
    if kind is None or leaves_nothing(part.row) or is_begun_by_a_person(run):
        return part
    beside = kind.parts(whole, lock=False)
    stays = is_before_point(part, beside) or has_point(kind.later_above(whole))
    return kept(part) if stays else part


def amend(run: CompensationRun, whole: Any, part: Part, *, cause: Cause) -> None:
    """Add a step to a locked run about a locked whole, for what was finished after its plan was
    made."""
    part = _as_undone(run, whole, part)
    planned = plan_original(
        part, strategy=run.plan.strategy or None, now=now(),
        although_late=_although_late(run, part),
    )  # fmt: skip
    if planned is None:
        return
    if isinstance(planned, Exclusion) and planned.code not in RESIDUAL_EXCLUSIONS:
        return
    n = steps_in(run).count() + 1
    if isinstance(planned, UndoStep):
        spec = planned.shown(n, depends_on=[])
        how = {"mode": spec["mode"], "strategy": spec["strategy"], "spec": spec}
    else:
        error = f"{planned.code}: {planned.detail}"
        how = {"mode": "", "strategy": "", "spec": {}, "status": StepStatus.BLOCKED, "error": error}
    late = isinstance(planned, UndoStep) and planned.overridden
    step = CompensationStep(
        tenant_id=run.tenant_id,
        run=run,
        n=n,
        original_type=part.original.type,
        original_id=part.original.id,
        original_name=part.original.name,
        completion_seq=part.row.completion_seq,
        undo_order=part.order,
        amendment=True,
        binding=part.undo,
        **how,
    )
    step.save(force_insert=True)
    run.version += 1
    run.save(update_fields=["version"])
    record(
        step_change(
            run, step, "compensation_step_planned", before=str(run.status), by=cause.by,
            caused_by=cause.entry,
            payloads={
                "amendment": part.original.name,
                **({"window_overridden": dict(late)} if late else {}),
            },
        )
    )  # fmt: skip
