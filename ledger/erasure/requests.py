"""Requests to erase a person, as verbs and pages ask for them. In the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet

from ledger.clock import now
from ledger.erasure.erasing import names_of
from ledger.erasure.erasure_tables import ErasedPayload, Erasure, ErasureReceipt
from ledger.ids import new_id


def erasures(tenant_id: uuid.UUID) -> QuerySet[Erasure]:
    """Return the requests of a tenant, those that have ended too."""
    return Erasure.objects.filter(tenant_id=tenant_id)


def receipts(tenant_id: uuid.UUID) -> QuerySet[ErasureReceipt]:
    """Return the receipts of a tenant."""
    return ErasureReceipt.objects.filter(tenant_id=tenant_id)


def request_erasure(
    tenant_id: uuid.UUID, actor_id: uuid.UUID, reason: str, also: Sequence[str], by: uuid.UUID
) -> Erasure:
    """Ask for a person to be erased: what there is, is counted first. A second one about the same
    person meets the unique key."""
    row = Erasure(
        id=new_id(), tenant_id=tenant_id, actor_id=actor_id, reason=reason, also=list(also),
        requested_by_id=by, requested_at=now(),
    )  # fmt: skip
    row.save(force_insert=True)
    return row


def begin_erasing(row: Any, by: uuid.UUID) -> None:
    """Let a locked request that was counted be carried out."""
    row.names = names_of(row)
    row.state, row.place, row.kept, row.erased = "ERASING", {}, {}, {}
    row.confirmed_by_id, row.confirmed_at, row.due_at = by, now(), now()
    row.version += 1
    row.save()


def withdraw_erasure(row: Any) -> None:
    """Let a locked request be, of which nothing was done; what it knew of names goes."""
    row.state, row.names, row.also, row.ended_at = "WITHDRAWN", None, [], now()
    row.version += 1
    row.save()


def receipts_of_entries(
    tenant_id: uuid.UUID, entry_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, uuid.UUID]:
    """Return under which receipt payloads of entries went, by entry; the newest of several."""
    rows = ErasedPayload.objects.filter(tenant_id=tenant_id, entry_id__in=list(entry_ids))
    return dict(rows.order_by("at").values_list("entry_id", "receipt_id"))
