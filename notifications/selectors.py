"""Reads of notifications and deliveries. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import uuid

from django.db.models import Prefetch, QuerySet

from accounts.acting import ActingUser
from notifications.models import IN_APP, Delivery, DeliveryAttempt
from web.counts import bounded_count


def notifications_of(tenant_id: uuid.UUID, actor_id: uuid.UUID) -> QuerySet[Delivery]:
    """Return what a person was told in the application."""
    return Delivery.objects.filter(tenant_id=tenant_id, channel=IN_APP, recipient_id=actor_id)


def unread(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return those of `rows` that were not read yet."""
    return rows.filter(read_at__isnull=True)


def unread_count(acting_user: ActingUser) -> int:
    """Return how many notifications a person has not read, as far as they are counted."""
    return bounded_count(unread(notifications_of(acting_user.tenant_id, acting_user.actor_id)))


def deliveries(tenant_id: uuid.UUID) -> QuerySet[Delivery]:
    """Return every delivery of the tenant, of all channels, with its tries."""
    tries = Prefetch("tries", DeliveryAttempt.objects.filter(tenant_id=tenant_id))
    return Delivery.objects.filter(tenant_id=tenant_id).prefetch_related(tries)
