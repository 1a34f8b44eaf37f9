"""Executing a plan: what was previewed is what runs, or nothing does.

What needs no lock is asked first (digest, expiry). Then the plan is computed again under the locks
of everything it is about. Only when the digest is the same does the run begin: open work in scope
is called off, the whole is told, and the dispatcher starts the first step.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.utils.translation import gettext as _

from compensation import selectors
from compensation.actions.previewing import About, about, needs_approval, parts_of, replan
from compensation.actions.run_entries import step_change, tell_whole
from compensation.errors import ApprovalRequired, NothingToUndo, PlanExpired, PlanStale, RunLive
from compensation.facts import live_run
from compensation.lifecycle import EXECUTE, RESIDUAL_EXCLUSIONS, Trigger
from compensation.models import CompensationPlan, CompensationRun, CompensationStep
from compensation.plan import Content, difference
from compensation.planning import Part
from compensation.subject import Cause, WholeSubject
from ledger import failpoints
from ledger.clock import now
from ledger.errors import Conflict, PreconditionRequired
from ledger.record import Recorded
from verbs import catalogue
from verbs.call import Call
from verbs.input import Input
from verbs.move import Moves, change_of
from verbs.shell import VerbContext
from verbs.subject import Locked

failpoints.declare("execute.started")
PLAN = "compensation_plan"


class Execute(Input):
    """What becomes of the whole after a clean run of a part of it.

    `resume_after`: one that was running goes on instead of being put on hold.
    """

    resume_after: bool | None = False


@dataclasses.dataclass(frozen=True, slots=True)
class Ready:
    """Everything a plan is about, locked, once it may run."""

    about: About
    parts: list[Part]


def find_plan(tenant_id: uuid.UUID, plan_id: uuid.UUID) -> Locked:
    """Return a plan: nothing ever changes it, so nothing is locked. Raises NotFound."""
    return Locked(selectors.plan(tenant_id, plan_id))


def _guard(plan: CompensationPlan, context: VerbContext) -> Ready:
    _check_seen(plan, context.call)
    subject = about(plan.tenant_id, *plan.about, lock=True)
    parts = parts_of(subject, lock=True)
    live = live_run(plan.tenant_id, subject.root, subject.ref)
    if live is not None:
        raise RunLive(live.id)
    barred = subject.barred()
    if barred is not None:
        raise barred
    held_up = subject.held_up()
    if held_up is not None:
        raise held_up
    kind, whole = subject.rolled_back, subject.whole
    if kind is not None:
        _check_status(whole, kind.rollback_from)
    present = replan(plan, parts)
    if present.digest != plan.digest:
        raise PlanStale(extra={"difference": difference(plan.content, present)})
    if not present.steps and (kind is None or not _is_worth_it(kind, whole, present)):
        raise NothingToUndo(extra={"excluded": list(present.excluded)})
    if needs_approval(present, parts):
        raise ApprovalRequired
    return Ready(subject, parts)


def _is_worth_it(kind: WholeSubject, whole: Any, present: Content) -> bool:
    """Whether a run without a step would do something: call work off, wait for a result that is
    still to come, or find that of what an earlier one left behind nothing is left."""
    stays = {each["code"] for each in present.excluded} & RESIDUAL_EXCLUSIONS
    if whole.status == kind.undone_in_part and not stays:
        return True
    return bool(kind.open_work(whole)) or not all(each.unsure for each in kind.awaited(whole))


def _check_seen(plan: CompensationPlan, call: Call) -> None:
    if call.digest is None:
        raise PreconditionRequired(_("Send the digest of the plan you have seen, in If-Match."))
    if not call.saw(plan.digest):
        subject = about(plan.tenant_id, *plan.about)
        moved = difference(plan.content, replan(plan, parts_of(subject, lock=False)))
        raise PlanStale(
            _("That is not the digest of this plan. Preview again."), extra={"difference": moved}
        )
    if now() > plan.expires_at:
        raise PlanExpired


def _check_status(whole: Any, allowed: Collection[str]) -> None:
    if whole.status not in allowed:
        raise Conflict(
            _("It cannot be rolled back as it stands now."),
            extra={"current_status": str(whole.status)},
        )


@catalogue.verb(
    PLAN, EXECUTE, action="compensation_started", given=Execute, guard=_guard, status=202,
    dangerous=True, again_on="compensation_run_one_live", requires_key=True, requires_digest=True,
    page=False, no_button="The preview of a plan has it, and wants its number typed.",
)  # fmt: skip
def execute(plan: CompensationPlan, given: Execute, context: VerbContext) -> CompensationRun:
    """Start its run. `If-Match` carries the digest: what was previewed is what runs."""
    ready: Ready = context.others
    return begin_run(
        plan, ready.about, ready.parts, trigger=Trigger.OPERATOR, requested_by=context.by.id,
        cause=Cause(context.by, None), resume_after=bool(given.resume_after),
    )  # fmt: skip


def begin_run(
    plan: CompensationPlan,
    subject: About,
    parts: Sequence[Part],
    *,
    trigger: Trigger,
    requested_by: uuid.UUID,
    cause: Cause,
    resume_after: bool = False,
) -> CompensationRun:
    """Start the run of a stored plan about what is locked, and tell the whole, in one statement;
    what the cause gathers was written before."""
    run = _new_run(plan, subject, trigger, requested_by, resume_after=resume_after)
    steps, moves = _steps(run, plan), Moves()
    moves.add(run)
    moves.add_many(steps)
    started = _enter(run, steps, moves, cause)
    rows = {part.original.id: part.row for part in parts}
    tell_whole(run, subject.whole, "started", rows, cause=Cause(cause.by, started.ref, moves))
    moves.record()
    failpoints.reach("execute.started")
    return run


def _new_run(
    plan: CompensationPlan,
    subject: About,
    trigger: Trigger,
    requested_by: uuid.UUID,
    *,
    resume_after: bool,
) -> CompensationRun:
    return CompensationRun(
        tenant_id=plan.tenant_id,
        plan=plan,
        about_type=plan.subject_type,
        about_id=plan.subject_id,
        whole_type=plan.whole_type,
        whole_id=plan.whole_id,
        root_id=subject.root,
        trigger=trigger,
        requested_by_id=requested_by,
        reason=plan.reason,
        regulatory_basis=plan.regulatory_basis,
        resume_after=resume_after,
        started_at=now(),
    )


def _steps(run: CompensationRun, plan: CompensationPlan) -> list[CompensationStep]:
    return [
        CompensationStep(
            tenant_id=run.tenant_id,
            run=run,
            n=step["n"],
            original_type=step["original"]["type"],
            original_id=uuid.UUID(step["original"]["id"]),
            original_name=step["original"]["name"],
            completion_seq=step["completion_seq"],
            undo_order=step.get("undo_order"),
            mode=step["mode"],
            strategy=step["strategy"],
            binding=step["binding"],
            spec={name: value for name, value in step.items() if name != "depends_on"},
        )
        for step in plan.content["steps"]
    ]


def _enter(
    run: CompensationRun, steps: list[CompensationStep], moves: Moves, cause: Cause
) -> Recorded:
    """Open the run's chain: one entry for the run, one for each step it was planned with."""
    why: dict[str, Any] = {
        "reason": run.reason,
        "regulatory_basis": run.regulatory_basis,
        "plan": str(run.plan_id),
        "digest": run.plan.digest,
    }
    started = moves.enter(
        change_of(
            run, "compensation_started", before="", by=cause.by, caused_by=cause.entry,
            payloads=why,
        )
    )  # fmt: skip
    for step in steps:
        moves.enter(
            step_change(
                run, step, "compensation_step_planned", before=str(run.status), by=cause.by,
                caused_by=started.ref, opens=True,
            )
        )  # fmt: skip
    return started
