"""The outbox consumer: one delivery per event, recipient and channel, handled once or more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import transaction

from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.consumer_registry import Done, Event
from ledger.ids import new_id
from ledger.statements import soon
from ledger.tenancy import set_tenant
from notifications.channels import CHANNELS
from notifications.events import CONSUMER
from notifications.lifecycle import DUE
from notifications.recipients import Told, told_of

failpoints.declare("notification.told")

_DUE = sorted(map(str, DUE))
# Only who is an active member hears anything, and over a channel that needs an address only who has
# one. Who is told is settled when an event is handled first: repeated, it is nobody's news. What is
# to be sent is due by the database's clock, like everything that falls due.
_TELL = """
INSERT INTO notifications_delivery (
    id, tenant_id, event_id, event_type, topic, subject_type, subject_id, case_id, recipient_id,
    in_place_of_id, channel, status, attempts, next_attempt_at, created_at)
SELECT t.id, m.tenant_id, t.event_id, t.event_type, t.topic, t.subject_type, t.subject_id,
    t.case_id, t.recipient_id, t.in_place_of_id, t.channel, t.status, 0,
    CASE WHEN t.status = ANY(%s) THEN ledger_now() END, %s
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::uuid[],
    %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::boolean[])
    AS t(id, event_id, event_type, topic, subject_type, subject_id, case_id,
         recipient_id, in_place_of_id, channel, status, needs_address)
JOIN accounts_membership m
    ON m.tenant_id = %s AND m.actor_id = t.recipient_id AND m.is_active
JOIN accounts_actor a ON a.tenant_id = m.tenant_id AND a.id = m.actor_id AND a.is_active
JOIN accounts_user u ON u.id = m.user_id AND u.is_active
WHERE (u.email <> '' OR NOT t.needs_address)
  AND NOT EXISTS (
    SELECT FROM ledger_outboxtask done
    WHERE done.tenant_id = m.tenant_id AND done.event_id = t.event_id AND done.consumer = %s
      AND done.done_at IS NOT NULL)
ON CONFLICT DO NOTHING
"""


def handle(events: Sequence[Event], done: Done) -> None:
    """Insert the deliveries that `events` call for and mark the tasks done, in one transaction."""
    with transaction.atomic(durable=True):
        set_tenant(events[0].tenant_id, flush=False)
        rows = [row for told in told_of(events) for row in _deliveries(told)]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            soon(_TELL, [_DUE, now(), *columns, events[0].tenant_id, CONSUMER])
            failpoints.reach("notification.told")
        done()


def _deliveries(told: Told) -> Iterator[tuple[Any, ...]]:
    event = told.event
    for recipient_id in sorted(told.recipients):
        for channel in CHANNELS.values():
            yield (
                new_id(), event.id, event.type, str(told.topic), *told.about, event.case_id,
                recipient_id, told.in_place_of, channel.name, str(channel.starts_as),
                channel.needs_address,
            )  # fmt: skip
