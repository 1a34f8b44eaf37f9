"""A step that is a whole of its own is undone by a run of its own, as the plan above had it.

The whole above is locked, and with it who may begin a run below it: nobody who has a whole below
waits for one above. So the lower one may be locked now, after the run above.
"""

from __future__ import annotations

import uuid
from typing import Any

from compensation.actions.amendments import amend, left_in_scope
from compensation.actions.plan_execution import begin_run
from compensation.actions.previewing import About, new_plan
from compensation.actions.run_entries import LockedStep
from compensation.actions.run_verbs import RUN
from compensation.lifecycle import OWES, CompensationState, Trigger
from compensation.models import CompensationPlan, CompensationRun, CompensationStep
from compensation.plan_scope import Scope
from compensation.subject import Cause, WholeSubject, read_rows, undoable, whole_subject
from ledger.clock import now
from ledger.errors import Conflict, NotFound, Refusal
from ledger.ids import new_id
from ledger.row_writes import write
from verbs.saving import insertion


def is_nested(step: CompensationStep) -> bool:
    """Whether a step is a whole of its own."""
    return whole_subject(step.original_type) is not None


def start_nested(at: LockedStep) -> CompensationRun | None:
    """Begin the run below a step, and save the step; None where it needs none or may not begin."""
    step, kind = at.step, whole_subject(at.step.original_type)
    if kind is None:
        raise KeyError(step.original_type)
    try:
        whole = kind.lock(step.tenant_id, step.original_id).row
        if whole.compensation_state == CompensationState.COMPENSATED:
            step.skip()
            at.save("compensation_step_skipped", ended_at=now())
            return None
        _check(kind, whole)
    except Refusal as refusal:
        at.fail(refusal.in_words)
        return None
    return _begin(at, kind, whole)


def _check(kind: WholeSubject, whole: Any) -> None:
    refused = kind.barred(whole) or kind.held_up(whole)
    if refused is not None:
        raise refused
    if whole.status not in kind.rollback_from:
        raise Conflict(extra={"current_status": str(whole.status)})


def _begin(at: LockedStep, kind: WholeSubject, whole: Any) -> CompensationRun:
    above, step = at.run, at.step
    subject = About((kind.subject_type, whole.id), kind, whole, None)
    plan = _plan(above, step, subject)
    step.start()
    # Named before it is there: the entry of the step is what it follows from.
    run_id = new_id()
    started = at.save(
        "compensation_step_started", started_at=now(), error="", compensation_type=RUN,
        compensation_id=run_id,
    )  # fmt: skip
    at.cause.write()
    write([insertion(plan)], {})
    run = begin_run(
        plan, subject, (), trigger=Trigger.PARENT, requested_by=above.requested_by_id,
        cause=Cause(at.cause.by, started.ref),
        as_step={"id": run_id, "parent_run_id": above.id, "above_id": above.whole_id},
    )  # fmt: skip
    _take_what_came(run, kind, whole, cause=Cause(at.cause.by, started.ref))
    return run


def _plan(above: CompensationRun, step: CompensationStep, subject: About) -> CompensationPlan:
    """Return the plan of the run below: what stands in the step, as it was previewed."""
    nested = step.spec["nested"]
    plan = new_plan(
        subject, Scope(), strategy=above.plan.strategy or None, by=above.requested_by_id,
        tenant_id=above.tenant_id,
    )  # fmt: skip
    plan.digest = nested["digest"]
    plan.content = {name: value for name, value in nested.items() if name != "digest"}
    plan.reason, plan.regulatory_basis = above.reason, above.regulatory_basis
    # Agreed to for all levels: it counts for what is finished there during the run, too.
    plan.override_window = above.plan.override_window
    return plan


def _take_what_came(run: CompensationRun, kind: WholeSubject, whole: Any, *, cause: Cause) -> None:
    """Undo, too, what was under way when it was planned, and was finished before this began."""
    owed = [each["original"] for each in run.left_out if each["code"] in OWES]
    if not owed:
        return
    wanted = left_in_scope(run, OWES)
    rows = read_rows(run.tenant_id, ((each["type"], uuid.UUID(each["id"])) for each in owed))
    for row in rows.values():
        if row.id in wanted and row.status == undoable(row.subject_type).settled:
            part = kind.part(whole, row)
            if part is not None:
                amend(run, whole, part, cause=cause)


def lock_below(step: CompensationStep) -> Any | None:
    """Lock the whole that a step undoes; None where it is not there."""
    kind = whole_subject(step.original_type)
    try:
        return None if kind is None else kind.lock(step.tenant_id, step.original_id).row
    except NotFound:
        return None
