"""Marking one's own notifications as read. Not news: no ledger entry is written."""

from __future__ import annotations

from ledger.clock import now
from notifications.lifecycle import READING
from notifications.models import Delivery
from notifications.selectors import notifications_of, unread
from verbs import catalogue
from verbs.input import Nothing
from verbs.shell import VerbContext

DELIVERY = "delivery"


@catalogue.verb(DELIVERY, READING["read"], action="")
def mark_read(row: Delivery, _given: Nothing, _context: VerbContext) -> Delivery:
    """Mark one of your own notifications as read; one that is read already stays as it is."""
    if row.read_at is None:
        row.read_at = now()
        row.save(update_fields=["read_at"])
    return row


@catalogue.verb(
    DELIVERY, READING["read-all"], action="", creates=True,
    no_route="Programs mark what they have read, one by one.", page=False,
    no_button="The list has one of its own, for all of it.",
)  # fmt: skip
def mark_all_read(_row: None, _given: Nothing, context: VerbContext) -> int:
    """Mark all of your notifications as read. Returns how many were not."""
    who = context.call.by
    return unread(notifications_of(who.tenant_id, who.actor_id)).update(read_at=now())
