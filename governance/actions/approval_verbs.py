"""Deciding an approval: granting a step of it, refusing it, withdrawing it.

What it is about is locked before it, so that granting the last step can do what was asked for in
the same transaction, and nobody changes that meanwhile. Before anything is granted the thing is
asked whether it still is as it was; if not, the approval is out of date and nothing is done.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from django.utils.translation import gettext_lazy
from pydantic import Field

from accounts.acting import authority_of_member
from governance.approvers import decides, moved, turn, undecided
from governance.governed import Granted, NotGranted, NotNow, governed
from governance.lifecycle import OPERATIONS, ApprovalStatus, StepDecision
from governance.models import Approval, ApprovalExpiry, ApprovalStep
from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.lease_table import LeaseTable
from ledger.errors import Conflict, NotFound, Refusal
from ledger.record import ActorRef, Recorded
from verbs import catalogue
from verbs.input import UNASKED, OptionalReason, Reason
from verbs.move import Moves, newest_entry
from verbs.shell import VerbContext
from verbs.subject import Locked, subject_of

APPROVAL = Approval.subject_type
#: The moments at which approvals expire, as rows that fall due.
EXPIRIES = LeaseTable("governance_approvalexpiry", "approval_id")
failpoints.declare("approval.granted")
# Two rollbacks in one tree begin at once: of the second it is asked again, and it finds the first.
_ONE_LIVE = "compensation_run_one_live"
_LAPSED = gettext_lazy("Somebody who had agreed may not agree to it any more.")


def locked_approval(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock an approval after what it is about (`others`). Raises NotFound."""
    rows = Approval.objects.filter(tenant_id=tenant_id, id=id_)
    about = rows.values_list("about_type", "about_id").first()
    if about is None:
        raise NotFound
    thing = subject_of(about[0]).lock(tenant_id, about[1])
    return Locked(rows.select_for_update(of=("self",)).get(), thing)


def _still_open(name: str) -> Any:
    return lambda row, _facts, _body: undecided(row, name)


class Agreement(OptionalReason):
    """Why, if there is something to say; and the digest of what was seen, so that nothing else is
    agreed to that waits by now."""

    digest: Annotated[str | None, Field(max_length=100), UNASKED] = None


@catalogue.verb(
    APPROVAL, OPERATIONS["approve"], action="granted", given=Agreement,
    state=_still_open("approve"), turn=turn, again_on=_ONE_LIVE,
)  # fmt: skip
def approve(approval: Approval, given: Agreement, context: VerbContext) -> Approval:
    """Grant the step that waits. The last one does what was asked for, at once; if that is not as
    it was when it was asked for, the approval is out of date and nothing is done. With `digest`,
    what waits must be what was seen (412)."""
    other = moved(approval, given.digest)
    if other is not None:
        raise other
    by, moves, thing = context.by, Moves(), context.others
    try:
        _check_granted(approval)
        granted = governed(approval.action).ready(thing.row, approval, by)
    except NotNow as early:
        raise early.refusal from early
    except Refusal as refused:
        supersede(approval, refused.in_words, by=by, moves=moves, thing=thing)
        moves.record()
        return approval
    step, before = approval.waiting_step, str(approval.status)
    _decide(step, StepDecision.GRANTED, given.reason, by)
    approval.approve()
    if approval.status == ApprovalStatus.GRANTED:
        _granted(approval, step, granted, by, moves)
    else:
        moves.change(
            approval, "step_granted", before=before, by=by, fields=["step"],
            caused_by=newest_entry(approval), payloads=_said(step),
        )  # fmt: skip
        moves.save(step, _STEP)
    moves.record()
    return approval


def _check_granted(approval: Approval) -> None:
    """Raise Conflict where somebody who has agreed to a step would not decide it any more: what
    they said does not count then, and all of it is asked for anew."""
    for step in approval.ordered:
        if step.decided_by_id is None:
            continue
        authority = authority_of_member(approval.tenant_id, step.decided_by_id)
        if authority is None or not decides(step, authority):
            raise Conflict(str(_LAPSED), code="approval_lapsed")


def _granted(
    approval: Approval, step: ApprovalStep, granted: Granted, by: ActorRef, moves: Moves
) -> None:
    entry = end(approval, "granted", by=by, moves=moves, said=_said(step))
    moves.save(step, _STEP)
    failpoints.reach("approval.granted")
    granted(entry.ref, moves)


@catalogue.verb(
    APPROVAL, OPERATIONS["reject"], action="refused", given=Reason, state=_still_open("reject"),
    turn=turn,
)  # fmt: skip
def reject(approval: Approval, given: Reason, context: VerbContext) -> Approval:
    """Refuse it, with a reason. What was asked for is not done."""
    step, moves = approval.waiting_step, Moves()
    _decide(step, StepDecision.REFUSED, given.reason, context.by)
    approval.reject()
    approval.ended_because = given.reason
    moves.save(step, _STEP)
    said = _said(step)
    end(approval, "refused", by=context.by, moves=moves, said=said, thing=context.others)
    moves.record()
    return approval


@catalogue.verb(APPROVAL, OPERATIONS["withdraw"], action="withdrawn", given=OptionalReason)
def withdraw(approval: Approval, given: OptionalReason, context: VerbContext) -> Approval:
    """Do not want it any more."""
    moves = Moves()
    approval.withdraw()
    approval.ended_because = given.reason
    said = {"reason": given.reason} if given.reason else {}
    end(approval, "withdrawn", by=context.by, moves=moves, said=said, thing=context.others)
    moves.record()
    return approval


def supersede(
    approval: Approval, why: str, *, by: ActorRef, moves: Moves, thing: Locked | None = None
) -> None:
    """Put an approval out of date, and say what has changed since it was asked for."""
    approval.supersede()
    approval.ended_because = why
    end(approval, "superseded", by=by, moves=moves, said={"detail": why}, thing=thing)


def lock_pending(row: Any) -> Approval | None:
    """Lock the approval that waits about a locked thing: nobody makes one while that is locked."""
    rows = Approval.objects.select_for_update(of=("self",)).filter(
        tenant_id=row.tenant_id, about_type=row.subject_type, about_id=row.id,
        status=ApprovalStatus.PENDING,
    )  # fmt: skip
    return rows.first()


def call_off(row: Any, why: str, *, by: ActorRef, moves: Moves) -> None:
    """Withdraw the approval that waits about a locked thing, which does not wait for it any more.

    The approval is locked after the thing, as by whoever decides it: of the two one comes first.
    """
    approval = lock_pending(row)
    if approval is not None:
        approval.withdraw()
        approval.ended_because = why
        end(approval, "withdrawn", by=by, moves=moves, said={"reason": why} if why else {})


def end(
    approval: Approval,
    action: str,
    *,
    by: ActorRef,
    moves: Moves,
    said: dict[str, Any],
    thing: Locked | None = None,
) -> Recorded:
    """Save an approval that has left PENDING: nothing falls due of it any more. `thing` hears of
    it where it was not granted."""
    approval.ended_at = now()
    ApprovalExpiry.objects.filter(tenant_id=approval.tenant_id, approval_id=approval.id).delete()
    entry = moves.change(
        approval, action, before=str(ApprovalStatus.PENDING), by=by, fields=_END,
        caused_by=newest_entry(approval), payloads=said,
    )  # fmt: skip
    ended = None if thing is None else governed(approval.action).ended
    if thing is not None and ended is not None:
        ended(thing, NotGranted(approval, by, entry.ref, moves))
    return entry


_STEP: Sequence[str] = ("decided_by", "decision", "reason", "at")
_END: Sequence[str] = ("ended_at", "ended_because")


def _decide(step: ApprovalStep, decision: StepDecision, reason: str, by: ActorRef) -> None:
    step.decided_by_id, step.decision, step.reason, step.at = by.id, decision, reason, now()


def _said(step: ApprovalStep) -> dict[str, Any]:
    return {"step": step.n, **({"reason": step.reason} if step.reason else {})}
