"""Executing a plan: what was previewed is what runs, or nothing does.

What needs no lock is asked first (digest, expiry). Then the plan is computed again under the locks
of everything it is about. Only when the digest is the same does the run begin: open work in scope
is called off, the whole is told, and the dispatcher starts the first step.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.acting import Authority
from accounts.actions import note_on_tenant
from compensation import selectors
from compensation.actions.previewing import (
    About,
    about,
    parts_of,
    replan,
    require_right_to_override,
)
from compensation.actions.run_agreement import ROLL_BACK, RunAgreement, agreement_on
from compensation.actions.run_entries import run_envelope, step_change, tell_whole
from compensation.actions.run_verbs import SEEN, lock_run
from compensation.errors import NothingToUndo, PlanExpired, PlanStale, RunLive
from compensation.facts import live_run
from compensation.lifecycle import EXECUTE, RESIDUAL_EXCLUSIONS, RunStatus, Trigger
from compensation.models import CompensationPlan, CompensationRun, CompensationStep
from compensation.plan import Content, difference
from compensation.plan_exceptions import exceptions_of, own_overrides, plan_waivers
from compensation.planning import Part
from compensation.subject import Cause, WholeSubject, finished_entry
from governance.actions.approval_requests import Wanted, open_approval, out_of_date
from governance.actions.approval_verbs import lock_pending, supersede
from governance.errors import DeniedByPolicy, SecondFactorRequired
from ledger import failpoints
from ledger.clock import now
from ledger.errors import Conflict, PreconditionRequired, Refusal
from ledger.record import ActorRef, Recorded
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
    content: Content


def find_plan(tenant_id: uuid.UUID, plan_id: uuid.UUID) -> Locked:
    """Return a plan: nothing ever changes it, so nothing is locked. Raises NotFound."""
    return Locked(selectors.plan(tenant_id, plan_id))


def _guard(plan: CompensationPlan, context: VerbContext) -> Ready:
    _check_seen(plan, context.call)
    subject = about(plan.tenant_id, *plan.about, lock=True)
    parts = parts_of(subject, lock=True)
    try:
        present = _as_previewed(plan, parts)
    except PlanStale as stale:
        # As a rule it is a rollback under way that has moved it: whoever is refused sees which.
        if (live := live_run(plan.tenant_id, subject.root, subject.ref)) is not None:
            stale.extra["run"] = str(live.id)
        raise
    _check_free(plan, subject)
    return _ready(subject, parts, present)


def checked(plan: CompensationPlan, subject: About, parts: list[Part]) -> Ready:
    """Return a plan as it may run now; what it is about is locked. Raises Refusal: what is in its
    way before that it has changed, for what is in the way may be over before it does."""
    _check_free(plan, subject)
    return _ready(subject, parts, _as_previewed(plan, parts))


def _check_free(plan: CompensationPlan, subject: About) -> None:
    """Raise what keeps anything of it from being undone at this moment."""
    live = live_run(plan.tenant_id, subject.root, subject.ref)
    if live is not None:
        raise RunLive(live.id)
    in_the_way = subject.barred() or subject.held_up()
    if in_the_way is not None:
        raise in_the_way
    if subject.rolled_back is not None:
        _check_status(subject.whole, subject.rolled_back.rollback_from)


def _as_previewed(plan: CompensationPlan, parts: list[Part]) -> Content:
    """Return what would be undone now. Raises PlanStale where that is not what was previewed."""
    present = replan(plan, parts)
    if present.digest != plan.digest:
        raise PlanStale(extra={"difference": difference(plan.content, present)})
    return present


def _ready(subject: About, parts: list[Part], present: Content) -> Ready:
    """Return it as it may run. Raises NothingToUndo."""
    kind, whole = subject.rolled_back, subject.whole
    if not present.steps and (kind is None or not _is_worth_it(kind, whole, present)):
        raise NothingToUndo(extra={"excluded": list(present.excluded)})
    return Ready(subject, parts, present)


def agreed_on(plan: CompensationPlan, ready: Ready, requested_by: uuid.UUID) -> RunAgreement:
    """Return what is decided now about the run of a plan that an operator asks for. Raises what a
    policy refuses it with."""
    found = agreement_on(
        ready.content, ready.about, ready.parts, tenant_id=plan.tenant_id, scope=plan.scope,
        reason=plan.reason, trigger=Trigger.OPERATOR, requested_by=requested_by,
    )  # fmt: skip
    if found.refusal is not None:
        type_, id_ = plan.about
        found.refusal.extra["subject"] = {"type": type_, "id": str(id_)}
        raise found.refusal
    return found


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


def _note_denied(authority: Authority, refusal: Refusal) -> None:
    """Record what a policy has refused: of the organisation, for there is no run."""
    note_on_tenant(
        authority.tenant_id, "rollback_denied", by=authority.ref(), kind="REFUSAL",
        payloads={**refusal.noted, "subject": refusal.extra["subject"]},
    )  # fmt: skip


@catalogue.verb(
    PLAN, EXECUTE, action="compensation_started", given=Execute, guard=_guard, status=202,
    dangerous=True, again_on="compensation_run_one_live", requires_key=True, requires_digest=True,
    page=False, no_button="The preview of a plan has it, and wants its number typed.",
    noted=(DeniedByPolicy, SecondFactorRequired), note=_note_denied,
)  # fmt: skip
def execute(plan: CompensationPlan, given: Execute, context: VerbContext) -> CompensationRun:
    """Start its run, or, where others have to agree, ask them for it. `If-Match` carries the
    digest: what was previewed is what runs."""
    ready: Ready = context.others
    require_right_to_override(plan.override_window, context.by)
    resume_after = bool(given.resume_after) or plan.resume_after
    agreement = agreed_on(plan, ready, context.by.id)
    if agreement.steps:
        return _asked_for(plan, ready, agreement, by=context.by, resume_after=resume_after)
    return begin_run(
        plan, ready.about, ready.parts, trigger=Trigger.OPERATOR, requested_by=context.by.id,
        cause=Cause(context.by, None), resume_after=resume_after, decisions=agreement.decisions,
    )  # fmt: skip


def _asked_for(
    plan: CompensationPlan,
    ready: Ready,
    agreement: RunAgreement,
    *,
    by: ActorRef,
    resume_after: bool,
) -> CompensationRun:
    """Return the run that waits for approval from now on: of the same person and the same digest
    the one that waits already. Raises ApprovalPending while another one waits; one that is out of
    date makes room."""
    digest, moves = agreement.digest(plan.digest, resume_after=resume_after), Moves()
    before = _waiting_run(ready.about)
    if before is not None:
        approval = lock_pending(before)
        if approval is None:
            raise Conflict(extra={"current_status": str(before.status), "run": str(before.id)})
        if approval.requested_by_id == by.id and approval.digest == digest:
            return before
        vars(before)[SEEN] = (ready.about, ready.parts)
        supersede(
            approval, out_of_date(before, approval, by), by=by, moves=moves,
            thing=Locked(before, ready.about.whole),
        )  # fmt: skip
        # One may wait at a time: the first has to be out of the way.
        moves.record()
    run = _new_run(
        plan, ready.about, Trigger.OPERATOR, by.id, resume_after=resume_after,
        decisions=agreement.decisions, status=RunStatus.PENDING_APPROVAL,
    )  # fmt: skip
    steps = _steps(run, plan)
    moves.add(run)
    moves.add_many(steps)
    asked = _enter(run, steps, moves, Cause(by, None), action="compensation_requested")
    wanted = Wanted(
        action=ROLL_BACK, given={"resume_after": resume_after}, reason=plan.reason, digest=digest,
        steps=agreement.steps, until=agreement.until, asked_by=agreement.asked_by,
        decisions=[each for each in run.decisions if each["effect"] == "require_approval"],
    )  # fmt: skip
    open_approval(run, wanted, by=by, requested_by=by.id, caused_by=asked.ref, moves=moves)
    moves.record()
    return run


def _waiting_run(subject: About) -> CompensationRun | None:
    """Lock the run about something locked that waits for approval, if there is one."""
    type_, id_ = subject.ref
    row: Any = subject.whole if subject.row is None else subject.row
    rows = CompensationRun.objects.filter(
        tenant_id=row.tenant_id, about_type=type_, about_id=id_, status=RunStatus.PENDING_APPROVAL
    )
    found = rows.values_list("id", flat=True).first()
    return None if found is None else lock_run(row.tenant_id, found)


def begin_run(
    plan: CompensationPlan,
    subject: About,
    parts: Sequence[Part],
    *,
    trigger: Trigger,
    requested_by: uuid.UUID,
    cause: Cause,
    resume_after: bool = False,
    id_: uuid.UUID | None = None,
    as_step: Mapping[str, Any] | None = None,
    decisions: Sequence[Mapping[str, Any]] = (),
) -> CompensationRun:
    """Start the run of a stored plan about what is locked, and tell the whole, in one statement;
    what the cause gathers was written before. `id_`: where the caller has to know it before.
    `as_step`: the columns that make it a step of the run of the whole above."""
    run = _new_run(
        plan, subject, trigger, requested_by, resume_after=resume_after, decisions=decisions
    )
    run.id = id_ or run.id
    for name, value in (as_step or {}).items():
        setattr(run, name, value)
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
    decisions: Sequence[Mapping[str, Any]] = (),
    status: RunStatus = RunStatus.RUNNING,
) -> CompensationRun:
    return CompensationRun(
        status=status,
        decisions=[dict(each) for each in decisions],
        exceptions=exceptions_of(plan.content),
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


def why_of(run: CompensationRun, digest: str) -> dict[str, Any]:
    """Return what the entry says with which a run is asked for, or begins."""
    return {
        "reason": run.reason,
        "regulatory_basis": run.regulatory_basis,
        "plan": str(run.plan_id),
        "digest": digest,
        **({"decisions": run.decisions} if run.decisions else {}),
    }


def _enter(
    run: CompensationRun,
    steps: list[CompensationStep],
    moves: Moves,
    cause: Cause,
    *,
    action: str = "compensation_started",
) -> Recorded:
    """Open the run's chain: one entry for the run, one for each step it was planned with."""
    started = moves.enter(
        change_of(
            run, action, before="", by=cause.by, caused_by=cause.entry,
            payloads=why_of(run, run.plan.digest),
        )
    )  # fmt: skip
    for step in steps:
        moves.enter(
            step_change(
                run, step, "compensation_step_planned", before=str(run.status), by=cause.by,
                caused_by=started.ref, opens=True,
            )
        )  # fmt: skip
    for each in plan_waivers(run.plan.content):
        said = {"step": each["name"], "reason": each["reason"]}
        moves.enter(_word(run, "compensation_step_waived", each, said, cause.by, started))
    for each in own_overrides(run.plan.content):
        said = {"step": each["name"], "reason": each["reason"], "until": each["until"]}
        moves.enter(_word(run, "compensation_window_overridden", each, said, cause.by, started))
    return started


def _word(  # noqa: PLR0917  -- what was said, of what, by whom
    run: CompensationRun,
    action: str,
    original: Mapping[str, str],
    said: Mapping[str, str],
    by: ActorRef,
    started: Recorded,
) -> Any:
    """Return the entry of what somebody said of one step of a plan."""
    return change_of(
        run, action, before=str(run.status), by=by, caused_by=started.ref, payloads=dict(said),
        original=finished_entry(run.tenant_id, original["type"], uuid.UUID(original["id"])),
        compensation={
            **run_envelope(run, "")["compensation"],
            "undoing": {"type": original["type"], "id": original["id"]},
        },
    )  # fmt: skip
