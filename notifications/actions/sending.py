"""Sending what is due: lease (committed), send (no transaction), settle (committed). At least once.

A worker killed between sending and settling leaves a lease that runs out; the message is sent again
with the same id, by which the receiver's mail program knows it. Leases use the database's clock.
"""

from __future__ import annotations

import logging
import time
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse

from accounts.selectors import email_of
from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.consumer_registry import Source
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.dispatch.settling import stored_once_it_answers
from ledger.dispatch.trouble import is_trouble
from ledger.ids import new_token
from ledger.tenancy import set_tenant, tenant_scope
from notifications.channels import CHANNELS, Message, Result
from notifications.events import DELIVERIES_SOURCE
from notifications.lifecycle import MAX_ATTEMPTS, DeliveryStatus, pause_after
from notifications.models import Delivery, DeliveryAttempt
from notifications.texts import in_case, texts_of

log = logging.getLogger(__name__)
failpoints.declare("notification.leased", "notification.sent")
#: Longer than the mail server is waited for (EMAIL_TIMEOUT).
LEASE_SECONDS = 60
_SETTLED = ["status", "leased_until", "lease_token", "troubled_since", "next_attempt_at"]
#: Deliveries as rows that fall due.
DELIVERIES = LeaseTable(
    "notifications_delivery", "id", due_at="next_attempt_at",
    waiting="t.status IN ('PENDING', 'FAILED')", seconds=str(LEASE_SECONDS), counted="attempts",
)  # fmt: skip


def work(tenant_id: uuid.UUID, delivery_id: uuid.UUID) -> bool:
    """Lease one due delivery, send it and store how that ended; whether there was one.

    Where that cannot be stored, it raises why: the try counts, and the message is sent again when
    the lease is over.
    """
    due = Due(tenant_id, delivery_id, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        if not DELIVERIES.take(due, LEASE_SECONDS):
            return False
        rows = Delivery.objects.filter(tenant_id=tenant_id, id=delivery_id)
        rows.update(attempts=F("attempts") + 1)
        delivery = rows.get()
    failpoints.reach("notification.leased")
    begun = time.monotonic()
    result = _deliver(delivery)
    latency_ms = round((time.monotonic() - begun) * 1000)
    failpoints.reach("notification.sent")
    # It is not sent again because the database is away for a moment.
    stored_once_it_answers(lambda: settle(due, result, latency_ms=latency_ms))
    return True


def _deliver(delivery: Delivery) -> Result:
    """Send; whatever goes wrong, in making the words too, is a failed try with another to come.
    Raises trouble of our own that kept it from being sent at all."""
    if delivery.attempts > MAX_ATTEMPTS:
        return Result(DeliveryStatus.FAILED, "every worker that tried to send it died")
    try:
        message = _message(delivery)
    except Exception as error:
        if is_trouble(error):
            raise
        return _failed(delivery, error)
    try:
        return CHANNELS[delivery.channel].deliver(message)
    except Exception as error:  # noqa: BLE001  -- a channel may raise anything
        return _failed(delivery, error)


def _failed(delivery: Delivery, error: Exception) -> Result:
    log.error("delivery %s failed", delivery.id, exc_info=error)
    return Result(DeliveryStatus.FAILED, type(error).__name__)


def _message(delivery: Delivery) -> Message:
    with tenant_scope(delivery.tenant_id):
        text = texts_of([delivery])[delivery.id]
        address = email_of(delivery.tenant_id, delivery.recipient_id)
    path = text.url or reverse("notifications:list")
    return Message(
        id=delivery.id,
        address=address,
        title=text.title,
        text="\n\n".join(part for part in (in_case(text), text.text) if part),
        url=f"{settings.AMENDS_PUBLIC_URL.rstrip('/')}{path}",
    )


def settle(due: Due, result: Result, *, latency_ms: int) -> DeliveryStatus | None:
    """Store how an attempt ended: the try, and the delivery's state with its next try, if any.

    Returns the new state, or None when another worker took the delivery over.
    """
    failpoints.reach("row.settling")
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        rows = Delivery.objects.select_for_update(of=("self",))
        delivery = rows.filter(tenant_id=due.tenant_id, id=due.id, lease_token=due.token).first()
        if delivery is None:
            log.warning("delivery %s was taken over by another worker", due.id)
            return None
        status = result.status
        if status == DeliveryStatus.FAILED and delivery.attempts >= MAX_ATTEMPTS:
            status = DeliveryStatus.DEAD
        delivery.status = status
        delivery.leased_until = delivery.lease_token = delivery.next_attempt_at = None
        delivery.troubled_since = None
        delivery.save(update_fields=_SETTLED)
        if status == DeliveryStatus.FAILED:
            DELIVERIES.put_back(delivery.tenant_id, delivery.id, pause_after(delivery.attempts))
        if status != DeliveryStatus.SKIPPED:
            DeliveryAttempt.objects.create(
                tenant_id=delivery.tenant_id,
                delivery=delivery,
                at=now(),
                status_code=result.status_code,
                latency_ms=latency_ms,
                error=result.error,
            )
    return status


SOURCE = Source(DELIVERIES_SOURCE, DELIVERIES, work)
