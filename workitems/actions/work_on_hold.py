"""Putting an item on hold, and letting it go on.

WS-HumanTask 1.1 §4.7.3, §4.10.2 (suspend, suspendUntil, resume). On hold it keeps its assignee,
and goes back to the status that it had. With `until` it goes on by itself: its row of `HoldEnd`
falls due, and whoever works on that locks the item first and then asks whether the row still is
due. So a hold that a person has ended, or begun anew, is never ended by the moment of an older one.
A row that outlives its hold (the item was given to somebody, or called off) goes when it is due.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from accounts.acting import authority_of, system_of
from ledger.clock import now, rfc3339
from ledger.dispatch.lease_table import LeaseTable
from ledger.errors import Invalid
from ledger.ids import new_token
from ledger.tenancy import set_tenant
from verbs import catalogue
from verbs.input import Input, Moment, OptionalReason, OptionalText
from verbs.move import move
from verbs.shell import Changed, VerbContext
from verbs.subject import subject_of
from workitems.lifecycle import LIFECYCLE, Status
from workitems.models import HoldEnd, WorkItem

ITEM = WorkItem.subject_type
#: The moments at which items on hold go on, as rows that fall due.
HOLD_ENDS = LeaseTable("workitems_holdend", "item_id")
_LEASE_SECONDS = 10.0


class Suspend(Input):
    """Until when, if it goes on by itself; and why."""

    until: Moment | None = None
    reason: OptionalText = ""


@catalogue.transition(ITEM, LIFECYCLE["suspend"], action="suspended", given=Suspend)
def suspend(item: WorkItem, given: Suspend, _context: VerbContext) -> Changed:
    """Put it on hold, until somebody lets it go on or a moment comes."""
    if given.until is not None and given.until <= now():
        raise Invalid.field("/until", "must lie in the future", code="past")
    item.held_from, item.held_until = str(item.status), given.until
    HoldEnd.objects.filter(tenant_id=item.tenant_id, item_id=item.id).delete()
    if given.until is not None:
        HoldEnd.objects.create(tenant_id=item.tenant_id, item_id=item.id, due_at=given.until)
    said = {"until": rfc3339(given.until)} if given.until else {}
    return Changed(["held_from", "held_until"], {**said, **_why(given.reason)})


@catalogue.transition(ITEM, LIFECYCLE["resume"], action="resumed", given=OptionalReason)
def resume(item: WorkItem, given: OptionalReason, _context: VerbContext) -> Changed:
    """Let it go on where it was."""
    HoldEnd.objects.filter(tenant_id=item.tenant_id, item_id=item.id).delete()
    return Changed([], {**_who_has_it(item), **_why(given.reason)})


def resume_due(tenant_id: uuid.UUID, item_id: uuid.UUID) -> bool:
    """Let an item go on whose moment has come; whether there was one to see to.

    One transaction: the item is locked first, so a person who resumes, or holds it anew, at the
    same time goes before or after, and the row's moment is read after that.
    """
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        item: WorkItem = subject_of(ITEM).lock(item_id).row
        if not HOLD_ENDS.take(item_id, new_token(), _LEASE_SECONDS):
            return False
        HoldEnd.objects.filter(tenant_id=tenant_id, item_id=item_id).delete()
        if item.status == Status.SUSPENDED:
            before = str(item.status)
            item.resume()
            by = authority_of(system_of(tenant_id)).ref()
            move(item, "resumed", before=before, by=by, payloads=_who_has_it(item))
    return True


def _who_has_it(item: WorkItem) -> dict[str, Any]:
    """Return what people are told who have it, or may take it."""
    return {"title": item.title}


def _why(reason: str) -> dict[str, str]:
    return {"reason": reason} if reason else {}
