"""The verb about inbound events: taking one in.

The tenant's row is locked first: of two that bring the same event the second finds what the first
left, and is answered with it. An accepted event is a row and an entry of the tenant, in one
transaction; whoever registered for the entry's type hears of it like of any news.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.actions import lock_tenant, note_on_tenant
from events.cloud_event import SPECIFICATION, CloudEvent, extensions_in
from events.models import InboundEvent
from ledger.clock import now, rfc3339
from ledger.errors import Invalid
from ledger.ids import new_id
from verbs import catalogue
from verbs.operation import operation
from verbs.shell import VerbContext

EVENT = "inbound_event"
RECEIVED = "event_received"
#: The type of the news that an event was received.
NEWS = f"amends.tenant.{RECEIVED}.v1"
#: So far the clock of a sender may go ahead of ours.
_AHEAD = dt.timedelta(minutes=5)


@catalogue.verb(
    EVENT, operation("receive", None, None, "operator system"), action=RECEIVED, given=CloudEvent,
    creates=True, status=201, page=False, no_button="Events are sent by programs.",
)  # fmt: skip
def receive_event(_row: None, given: CloudEvent, context: VerbContext) -> InboundEvent:
    """Take in a CloudEvent. The same (`source`, `id`) again is answered with what was taken in
    first, and does nothing."""
    tenant_id = context.call.by.tenant_id
    lock_tenant(tenant_id)
    known = InboundEvent.objects.filter(
        tenant_id=tenant_id, source=given.source, event_id=given.id
    ).first()
    if known is not None:
        return known
    _check_time(given.time)
    row = InboundEvent(
        id=new_id(),
        tenant_id=tenant_id,
        source=given.source,
        event_id=given.id,
        type=given.type,
        subject=given.subject or "",
        time=given.time,
        data_content_type=given.datacontenttype or "",
        data_schema=given.dataschema or "",
        extensions=extensions_in(given.model_extra or {}),
        data=given.data,
        received_by_id=context.authority.actor_id,
        created_at=now(),
    )
    entry = note_on_tenant(
        tenant_id, RECEIVED, kind="MESSAGE", by=context.by,
        payloads={"inbound_event": str(row.id), "event": told(row)},
    )  # fmt: skip
    row.entry_id = entry.id
    row.save(force_insert=True)
    return row


def _check_time(moment: dt.datetime | None) -> None:
    """Raise Invalid for what comes too late, or is said to happen only later."""
    if moment is None:
        return
    window = dt.timedelta(seconds=settings.AMENDS_EVENT_WINDOW_SECONDS)
    if moment < now() - window:
        message = _("is too old: events are taken in for %(seconds)s seconds") % {
            "seconds": settings.AMENDS_EVENT_WINDOW_SECONDS
        }
        raise Invalid.field("/time", message, code="too_old")
    if moment > now() + _AHEAD:
        raise Invalid.field("/time", _("lies in the future"), code="future")


def told(row: InboundEvent) -> dict[str, Any]:
    """Return a stored event as CloudEvents write it, with the attributes that it has."""
    said = {
        "subject": row.subject,
        "time": rfc3339(row.time) if row.time else "",
        "datacontenttype": row.data_content_type,
        "dataschema": row.data_schema,
    }
    return {
        "specversion": SPECIFICATION,
        "id": row.event_id,
        "source": row.source,
        "type": row.type,
        **{name: value for name, value in said.items() if value},
        **row.extensions,
        **({} if row.data is None else {"data": row.data}),
    }
