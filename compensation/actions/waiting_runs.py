"""A rollback that others have to agree to: begun once the last of them has, or ended with that.

    asked for ─> PENDING_APPROVAL ─ last step granted ─> RUNNING
                    ├─ a step refused ─> REJECTED      ├─ nobody in time ─> EXPIRED
                    ├─ cancelled, withdrawn ─> CANCELLED └─ the world has moved ─> SUPERSEDED

Until it begins it holds nothing: work goes on, and another rollback may begin. When the last step
is granted all is asked again, of the rows as they are locked then: whether who asked still may,
whether the plan is what it was (its digest), and what policies say. Run, whole and approval move in
the transaction of the grant.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import Authority, authority_of_member
from compensation import selectors
from compensation.actions.plan_execution import Ready, agreed_on, checked, execute, why_of
from compensation.actions.previewing import About
from compensation.actions.run_agreement import ROLL_BACK
from compensation.actions.run_entries import tell_whole
from compensation.actions.run_verbs import RUN, SEEN, locked_run
from compensation.errors import RunLive
from compensation.lifecycle import RUN_OPERATIONS, RunStatus
from compensation.models import CompensationPlan, CompensationRun
from compensation.planning import Part
from compensation.subject import Cause
from governance.actions import approval_verbs
from governance.actions.approval_verbs import Agreement, call_off
from governance.actions.asked_of_itself import (
    decide,
    turn,
    undecided,
    with_approvals,
    with_locked_approval,
)
from governance.governed import Governed, Granted, NotGranted, NotNow
from governance.lifecycle import ApprovalStatus
from ledger import failpoints
from ledger.clock import now
from ledger.errors import Conflict, NotPermitted
from ledger.record import ActorRef, EntryRef
from verbs import catalogue
from verbs.input import OptionalReason, Reason
from verbs.move import Moves
from verbs.shell import VerbContext
from verbs.subject import Locked

_MAY_NOT = gettext_lazy("Who asked for it may not ask for it any more.")
_CHANGED = gettext_lazy("Who has to agree is not what it was when it was asked for.")


def run_facts(runs: Sequence[CompensationRun]) -> Mapping[uuid.UUID, None]:
    """Let those that wait for approval know for which; nothing else must be known."""
    with_approvals(runs, RunStatus.PENDING_APPROVAL)
    return {run.id: None for run in runs}


def requester(run: CompensationRun, authority: Authority, _facts: Any) -> str:
    """Whether somebody asked for it."""
    return "" if run.requested_by_id == authority.actor_id else "not_requester"


def _locked(tenant_id: uuid.UUID, run_id: uuid.UUID) -> Locked:
    return with_locked_approval(locked_run(tenant_id, run_id))


@catalogue.verb(
    RUN, RUN_OPERATIONS["approve"], action="compensation_approved", given=Agreement,
    state=undecided(RUN_OPERATIONS["approve"]), turn=turn, locked=_locked,
    again_on="compensation_run_one_live",
)  # fmt: skip
def approve_run(run: CompensationRun, given: Agreement, context: VerbContext) -> CompensationRun:
    """Grant the step that waits. After the last one it begins at once; if something has changed
    since it was asked for, it is out of date and does not begin. With `digest`, what waits must be
    what was seen (412)."""
    decided: CompensationRun = decide(approval_verbs.approve, run, given, context)
    return decided


@catalogue.verb(
    RUN, RUN_OPERATIONS["reject"], action="compensation_rejected", given=Reason,
    state=undecided(RUN_OPERATIONS["reject"]), turn=turn, locked=_locked,
)  # fmt: skip
def reject_run(run: CompensationRun, given: Reason, context: VerbContext) -> CompensationRun:
    """Refuse it, with a reason. Nothing is undone."""
    decided: CompensationRun = decide(approval_verbs.reject, run, given, context)
    return decided


@catalogue.verb(
    RUN, RUN_OPERATIONS["cancel"], action="compensation_cancelled", given=OptionalReason
)
def cancel_run(
    run: CompensationRun, given: OptionalReason, context: VerbContext
) -> CompensationRun:
    """Do not want it any more, while it waits for approval."""
    moves = Moves()
    _end(run, "cancel", "compensation_cancelled", given.reason, by=context.by, moves=moves)
    call_off(run, given.reason, by=context.by, moves=moves)
    moves.record()
    return run


def _ready(run: Any, approval: Any, by: ActorRef) -> Granted:
    if run.status != RunStatus.PENDING_APPROVAL:
        raise Conflict(extra={"current_status": str(run.status)})
    asked_by = authority_of_member(run.tenant_id, run.requested_by_id)
    plan = selectors.plan(run.tenant_id, run.plan_id)
    if asked_by is None or execute.denied(plan, asked_by, None):
        raise NotPermitted(str(_MAY_NOT))
    ready = _checked(plan, *vars(run)[SEEN])
    agreement = agreed_on(plan, ready, run.requested_by_id)
    if agreement.digest(plan.digest, resume_after=run.resume_after) != approval.digest:
        raise Conflict(str(_CHANGED), code="approval_stale")

    def granted(entry: EntryRef, moves: Moves) -> None:
        before = str(run.status)
        run.begin()
        run.started_at, run.decisions = now(), [dict(each) for each in agreement.decisions]
        started = moves.change(
            run, "compensation_started", before=before, by=by, caused_by=entry,
            fields=["started_at", "decisions"], payloads=why_of(run, plan.digest),
        )  # fmt: skip
        rows = {part.original.id: part.row for part in ready.parts}
        cause = Cause(by, started.ref, moves)
        tell_whole(run, ready.about.whole, "started", rows, cause=cause)
        failpoints.reach("execute.started")

    return granted


def _checked(plan: CompensationPlan, subject: About, parts: list[Part]) -> Ready:
    """Do as whoever executes a plan; what another rollback or a stopped engine is in the way of
    can begin later."""
    held_up = subject.held_up()
    if held_up is not None:
        raise NotNow(held_up)
    try:
        return checked(plan, subject, parts)
    except RunLive as live:
        raise NotNow(live) from live


#: How a run ends with its approval: FSM method, and what its entry is called.
_ENDINGS = {
    ApprovalStatus.REFUSED: ("reject", "compensation_rejected"),
    ApprovalStatus.EXPIRED: ("expire", "compensation_expired"),
    ApprovalStatus.SUPERSEDED: ("supersede", "compensation_superseded"),
    ApprovalStatus.WITHDRAWN: ("cancel", "compensation_cancelled"),
}


def _ended(locked: Locked, ended: NotGranted) -> None:
    run, approval = locked.row, ended.approval
    if run.status != RunStatus.PENDING_APPROVAL:
        return
    method, action = _ENDINGS[ApprovalStatus(approval.status)]
    why = approval.ended_because or str(_("Nobody approved it in time."))
    _end(run, method, action, why, by=ended.by, moves=ended.moves, caused_by=ended.entry)


def _end(
    run: CompensationRun,
    method: str,
    action: str,
    why: str,
    *,
    by: ActorRef,
    moves: Moves,
    caused_by: EntryRef | None = None,
) -> None:
    """Record that a run that waited for approval never begins, and why."""
    before = str(run.status)
    getattr(run, method)()
    run.ended_at = now()
    moves.change(
        run, action, before=before, by=by, caused_by=caused_by, fields=["ended_at"],
        payloads={"reason": why} if why else {},
    )  # fmt: skip


GOVERNED = {ROLL_BACK: Governed(_ready, gettext_lazy("%(what)s"), _ended)}
