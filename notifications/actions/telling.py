"""The outbox consumer: one delivery per event, recipient and channel, handled once or more."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.consumer_registry import Done, Event
from ledger.selectors import was_handled
from ledger.tenancy import set_tenant
from notifications.channels import CHANNELS
from notifications.events import CONSUMER
from notifications.lifecycle import DUE
from notifications.models import Delivery
from notifications.recipients import Told, told_of

failpoints.declare("notification.told")


def handle(events: Sequence[Event], done: Done) -> None:
    """Insert the deliveries that `events` call for and mark the tasks done, in one transaction."""
    with transaction.atomic(durable=True):
        set_tenant(events[0].tenant_id)
        for event in events:
            # Who is told is settled when an event is handled first: repeated, it is nobody's news.
            news = [] if was_handled(event.id, CONSUMER) else told_of(event)
            rows = [row for told in news for row in _deliveries(event, told)]
            if rows:
                Delivery.objects.bulk_create(rows, ignore_conflicts=True)
                failpoints.reach("notification.told")
        done()


def _deliveries(event: Event, told: Told) -> list[Delivery]:
    moment = now()
    subject_type, subject_id = told.about or (event.subject_type, event.subject_id)
    return [
        Delivery(
            tenant_id=event.tenant_id,
            event_id=event.id,
            event_type=event.type,
            topic=told.topic,
            subject_type=subject_type,
            subject_id=subject_id,
            case_id=event.case_id,
            recipient_id=recipient_id,
            channel=channel.name,
            status=channel.starts_as,
            next_attempt_at=moment if channel.starts_as in DUE else None,
            created_at=moment,
        )
        for recipient_id in sorted(told.recipients)
        for channel in CHANNELS.values()
    ]
