"""Marking one's own notifications as read. Not news: no ledger entry is written."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.db import transaction

from accounts.acting import ActingUser, authority_of
from ledger.clock import now
from ledger.errors import Invalid, NotFound
from ledger.tenancy import set_tenant
from notifications.models import Delivery
from notifications.selectors import notifications_of


def mark_read(
    delivery_id: uuid.UUID,
    *,
    acting_user: ActingUser,
    invalid: Invalid | None = None,
    remember: Callable[[Delivery], None] | None = None,
) -> Delivery:
    """Mark one of the acting user's own notifications as read; one that is read stays as it is.

    Raises NotFound for anybody else's.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        found = (
            notifications_of(acting_user.actor_id)
            .select_for_update(of=("self",))
            .filter(id=delivery_id)
            .first()
        )
        if found is None:
            raise NotFound("There is no such notification of yours.")
        authority_of(acting_user)
        if invalid is not None:
            raise invalid
        if found.read_at is None:
            found.read_at = now()
            found.save(update_fields=["read_at"])
        if remember is not None:
            remember(found)
    return found


def mark_all_read(*, acting_user: ActingUser) -> int:
    """Mark all of the acting user's notifications as read. Returns how many were not."""
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        authority_of(acting_user)
        unread = notifications_of(acting_user.actor_id).filter(read_at__isnull=True)
        return unread.update(read_at=now())
