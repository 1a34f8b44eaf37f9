"""Putting an item on hold, and letting it go on.

WS-HumanTask 1.1 §4.7.3, §4.10.2 (suspend, suspendUntil, resume). On hold it keeps its assignee,
and goes back to the status that it had. With `until` it goes on by itself: its row of `HoldEnd`
falls due. Whatever ends a hold (somebody resumes, it is given to somebody, it ends) removes that
row under the item's lock; so none is ended by the moment of an older one.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.acting import authority_of, system_of
from accounts.selectors import able_actors
from ledger.clock import now, rfc3339
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.errors import Invalid
from ledger.ids import new_token
from ledger.record import ActorRef, EntryRef
from ledger.tenancy import set_tenant
from verbs import catalogue
from verbs.input import Input, Moment, OptionalReason, OptionalText
from verbs.move import Moves, move
from verbs.shell import Changed, VerbContext
from verbs.subject import subject_of
from workitems.actions.candidates import nobody_left
from workitems.deadlines import hold_clocks, restart_clocks
from workitems.holds import forget_hold
from workitems.lifecycle import LIFECYCLE, Kind, OfferedTo, Status
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
        raise Invalid.field("/until", _("must lie in the future"), code="past")
    item.held_from, item.held_until = str(item.status), given.until
    if given.until is not None:
        queue = "undo" if item.kind == Kind.COMPENSATION else "upkeep"
        HoldEnd.objects.create(
            tenant_id=item.tenant_id, item_id=item.id, due_at=given.until, queue=queue
        )
    fields = ["held_from", "held_until", *hold_clocks(item)]
    said = {"title": item.title, **({"until": rfc3339(given.until)} if given.until else {})}
    return Changed(fields, {**said, **_why(given.reason)})


def hold(item: WorkItem, *, by: ActorRef, caused_by: EntryRef, reason: str, moves: Moves) -> None:
    """Put a locked item on hold, until somebody lets it go on, inside another verb's moves."""
    before = str(item.status)
    item.held_from, item.held_until = before, None
    fields = ["held_from", "held_until", *hold_clocks(item)]
    item.suspend()
    moves.change(
        item, "suspended", before=before, by=by, caused_by=caused_by, fields=fields,
        payloads={"title": item.title, **_why(reason)},
    )  # fmt: skip


@catalogue.transition(ITEM, LIFECYCLE["resume"], action="resumed", given=OptionalReason)
def resume(item: WorkItem, given: OptionalReason, _context: VerbContext) -> Changed:
    """Let it go on where it was."""
    fields = ["assignee", "held_from", "offered_to", *restart_clocks(item)]
    return Changed(fields, {**_goes_on(item), **_why(given.reason)})


def resume_due(tenant_id: uuid.UUID, item_id: uuid.UUID) -> bool:
    """Let an item go on whose moment has come; whether there was one to see to.

    The lease is committed first, and tells after the item's lock whether the row is still the one
    that was due: a person who resumes, or holds it anew, has removed it under that lock.
    """
    due = Due(tenant_id, item_id, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not HOLD_ENDS.take(due, _LEASE_SECONDS):
            return False
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        item: WorkItem = subject_of(ITEM).lock(tenant_id, item_id).row
        if HOLD_ENDS.is_ours(due) and item.status == Status.SUSPENDED:
            before, said = str(item.status), _goes_on(item)
            fields = ["assignee", "held_from", "offered_to", *restart_clocks(item)]
            item.resume()
            by = authority_of(system_of(tenant_id)).ref()
            move(item, "resumed", before=before, by=by, fields=fields, payloads=said)
    return True


def _goes_on(item: WorkItem) -> dict[str, Any]:
    """End the hold, and return what people are told who have it, or may take it. Who had it and is
    not here any more has it no longer: it waits in the pool, and whoever sees to that is told."""
    forget_hold(item)
    if item.assignee_id and not able_actors(item.tenant_id, [item.assignee_id]):
        item.assignee_id, item.held_from = None, str(Status.PENDING)
        if item.offered_to == OfferedTo.NAMED and nobody_left(item):
            item.offered_to = OfferedTo.OPERATORS
    return {"title": item.title}


def _why(reason: str) -> dict[str, str]:
    return {"reason": reason} if reason else {}
