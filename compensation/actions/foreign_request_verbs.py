"""What another tenant asks to have undone: an operator here agrees, or does not.

Agreed to, the undo is the ordinary one of this tenant: a plan as it would be made now, and its run,
in the same transaction, in the operator's name. Whatever would refuse an operator that refuses this
as well, and the request waits on.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext_lazy

from compensation.actions.run_decided import (
    LockedAbout,
    Planned,
    Wanted,
    is_undone,
    locked_about,
    planned,
    start,
)
from compensation.errors import ApprovalRequired
from compensation.events import ANSWERS
from compensation.foreign_request_tables import CompensationRequest
from compensation.lifecycle import ANSWERED, REQUEST_OPERATIONS, Trigger
from compensation.subject import Cause
from ledger import failpoints
from ledger.clock import now
from ledger.errors import NotFound
from ledger.ids import new_id
from ledger.record import ActorRef, EntryRef
from verbs import catalogue
from verbs.input import OptionalReason, Reason
from verbs.move import move, newest_entry
from verbs.shell import VerbContext
from verbs.subject import Locked

REQUEST = CompensationRequest.subject_type
failpoints.declare("request.approved")
_WAY_OUT = gettext_lazy(
    "Others here have to agree as well, and are not asked by this. Preview its undo yourself, and"
    " ask for approval there; once it is undone, approve this request: it is answered as done."
    " Where something of it stays, refuse this request."
)


def request_envelope(row: CompensationRequest, _action: str) -> dict[str, Any]:
    """Return what the entries of a request say: the hash of the entry of whoever asks, which only
    they can read; and once it is answered, that this has to be carried to them."""
    said: dict[str, Any] = {
        "kind": "COMPENSATION",
        "compensation": {
            "strategy": row.strategy,
            "regulatory_basis": [each["code"] for each in row.regulatory_basis],
            "run": str(row.run_id) if row.run_id else None,
            "undoing": {"type": row.about_type, "id": str(row.about_id)},
            "foreign": {"asked": row.asking_hash},
        },
    }
    if row.status in ANSWERED:
        said["heard_by"] = (ANSWERS,)
    return said


def lock_request(tenant_id: uuid.UUID, id_: uuid.UUID) -> CompensationRequest:
    """Lock a request. What it is about is locked before it, by whoever changes that. Raises
    NotFound."""
    rows = CompensationRequest.objects.select_for_update(of=("self",))
    found = rows.filter(tenant_id=tenant_id, id=id_).first()
    if found is None:
        raise NotFound
    return found


def locked_request(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock a request alone. Raises NotFound."""
    return Locked(lock_request(tenant_id, id_))


def _with_what_it_is_about(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock what a request is about as whoever executes a plan does (`others`), then the request."""
    rows = CompensationRequest.objects.filter(tenant_id=tenant_id, id=id_)
    ref = rows.values_list("about_type", "about_id").first()
    if ref is None:
        raise NotFound
    ready = locked_about(tenant_id, ref)
    return Locked(lock_request(tenant_id, id_), ready)


def _planned(tenant_id: uuid.UUID, ready: LockedAbout, wanted: Wanted) -> Planned:
    """Plan it as it would be now. Where others have to agree as well, say how they are asked."""
    try:
        return planned(tenant_id, ready, wanted)
    except ApprovalRequired as refused:
        raise ApprovalRequired(str(_WAY_OUT), extra=refused.extra) from refused


@catalogue.verb(
    REQUEST, REQUEST_OPERATIONS["approve"], action="approved", given=OptionalReason,
    locked=_with_what_it_is_about, dangerous=True, again_on="compensation_run_one_live",
)  # fmt: skip
def approve(
    request: CompensationRequest, given: OptionalReason, context: VerbContext
) -> CompensationRequest:
    """Agree: its undo begins at once, as a rollback of this organisation in your name. What was
    undone meanwhile is answered as done."""
    ready: LockedAbout = context.others
    wanted = _wanted(request, context.by)
    plan = None if is_undone(ready) else _planned(request.tenant_id, ready, wanted)
    request.approve()
    request.decided_by_id, request.answer_reason = context.by.id, given.reason
    request.run_id = None if plan is None else new_id()
    entry = move(
        request, "approved", before="PENDING", by=context.by, caused_by=newest_entry(request),
        fields=["decided_by", "answer_reason", "run_id"], payloads=_why(given.reason),
    )  # fmt: skip
    failpoints.reach("request.approved")
    if plan is None:
        settle(request, done=True, code="", by=context.by, caused_by=entry.ref)
        return request
    start(plan, ready, wanted, cause=Cause(context.by, entry.ref), id_=request.run_id)
    return request


@catalogue.verb(REQUEST, REQUEST_OPERATIONS["reject"], action="refused", given=Reason)
def reject(
    request: CompensationRequest, given: Reason, context: VerbContext
) -> CompensationRequest:
    """Do not agree. Whoever asks learns that, and not why."""
    request.reject()
    request.decided_by_id, request.answer_reason = context.by.id, given.reason
    request.ended_at = now()
    move(
        request, "refused", before="PENDING", by=context.by, caused_by=newest_entry(request),
        fields=["decided_by", "answer_reason", "ended_at"], payloads=_why(given.reason),
    )  # fmt: skip
    return request


def settle(
    request: CompensationRequest,
    *,
    done: bool,
    code: str,
    by: ActorRef,
    caused_by: EntryRef | None,
) -> None:
    """Answer a locked request with how its undo ended; `code` is why it is not done."""
    before = str(request.status)
    if done:
        request.settle_done()
    else:
        request.settle_failed()
    request.answer, request.ended_at = code, now()
    move(
        request, "done" if done else "failed", before=before, by=by, caused_by=caused_by,
        fields=["answer", "ended_at"], payloads={"code": code} if code else {},
    )  # fmt: skip


def _why(reason: str) -> dict[str, str]:
    return {"reason": reason} if reason else {}


def _wanted(request: CompensationRequest, by: ActorRef) -> Wanted:
    return Wanted(
        reason=request.reason,
        regulatory_basis=request.regulatory_basis,
        strategy="correct" if request.strategy == "correct" else None,
        trigger=Trigger.OTHER_TENANT,
        requested_by=by.id,
    )
