"""Asking for approval. Inside the transaction of the verb that waits for it, the thing locked."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from governance.actions.approval_verbs import lock_pending, supersede
from governance.approvers import Approvers
from governance.errors import ApprovalPending
from governance.governed import governed
from governance.models import Approval, ApprovalExpiry, ApprovalStep
from ledger.clock import now, rfc3339
from ledger.errors import Refusal
from ledger.record import ActorRef, EntryRef
from verbs.move import Moves, newest_entry

#: For so long an approval waits, unless what it is for comes to an end before.
LASTS = dt.timedelta(days=7)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What shall be approved: a verb, its input, why, and the digest over all that matters of it.

    `decisions` says which rules ask for the approval, `until` when it is too late anyway.
    `asked_by`: who asked for it beside the one in whose name it is requested.
    """

    action: str
    given: Mapping[str, Any]
    reason: str
    digest: str
    steps: Sequence[Approvers]
    decisions: Sequence[Mapping[str, Any]]
    until: dt.datetime | None = None
    asked_by: Sequence[uuid.UUID] = ()


def ask(row: Any, wanted: Wanted, *, by: ActorRef) -> Approval:
    """Return the approval that waits for an answer from now on: of the same person and the same
    digest the one that waits already.

    Raises ApprovalPending while another one waits; one that is out of date makes room.
    """
    moves = Moves()
    before = lock_pending(row)
    if before is not None:
        if before.requested_by_id == by.id and before.digest == wanted.digest:
            return before
        supersede(before, out_of_date(row, before, by), by=by, moves=moves)
        # One may wait at a time: the first has to be out of the way.
        moves.record()
    approval = open_approval(
        row, wanted, by=by, requested_by=by.id, caused_by=newest_entry(row), moves=moves
    )
    moves.record()
    return approval


def open_approval(
    row: Any,
    wanted: Wanted,
    *,
    by: ActorRef,
    requested_by: uuid.UUID,
    caused_by: EntryRef | None,
    moves: Moves,
) -> Approval:
    """Make the approval of a locked, or new, thing about which none waits. It is never decided by
    whoever it is `requested_by`, nor by who else asked for it."""
    approval = _made(row, wanted, requested_by)
    for step in approval.ordered:
        moves.add(step)
    moves.add(
        ApprovalExpiry(tenant_id=row.tenant_id, approval_id=approval.id, due_at=approval.expires_at)
    )
    moves.insert(
        approval, "requested", by=by, caused_by=caused_by, payloads=_said(approval, wanted)
    )
    return approval


def out_of_date(row: Any, before: Approval, by: ActorRef) -> str:
    """Return why one that waits could not be granted any more. Raises ApprovalPending if it can."""
    if before.expires_at <= now():
        return _("Its time is over, and it was asked for anew.")
    try:
        governed(before.action).ready(row, before, by)
    except Refusal as moved:
        return moved.in_words
    raise ApprovalPending(before.id)


def _made(row: Any, wanted: Wanted, requested_by: uuid.UUID) -> Approval:
    moment = now()
    approval = Approval(
        tenant_id=row.tenant_id,
        about_type=row.subject_type,
        about_id=row.id,
        case_id=getattr(row, "case_id", None),
        action=wanted.action,
        digest=wanted.digest,
        given=dict(wanted.given),
        requested_by_id=requested_by,
        reason=wanted.reason,
        asked_by=[str(actor) for actor in wanted.asked_by if actor != requested_by],
        decisions=[dict(each) for each in wanted.decisions],
        created_at=moment,
        expires_at=min(moment + LASTS, wanted.until or moment + LASTS),
    )
    approval.ordered = [
        ApprovalStep(
            tenant_id=row.tenant_id,
            approval_id=approval.id,
            n=n,
            users=[str(actor) for actor in each.users],
            groups=list(each.groups),
            roles=list(each.roles),
        )
        for n, each in enumerate(wanted.steps, start=1)
    ]
    return approval


def _said(approval: Approval, wanted: Wanted) -> dict[str, Any]:
    return {
        "reason": wanted.reason,
        "approves": {
            "action": wanted.action,
            "subject": {"type": approval.about_type, "id": str(approval.about_id)},
            "digest": wanted.digest,
            "steps": len(approval.ordered),
            "expires_at": rfc3339(approval.expires_at),
        },
    }
