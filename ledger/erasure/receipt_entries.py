"""The entry of the ledger that tells of a receipt, and what went under it.

A receipt is a row, and whoever owns the server writes rows. What holds is the entry: of the person
(`erased`), of the organisation (`payloads_pruned`), and while an erasure is under way and has no
receipt yet, that it was confirmed (`erasure_confirmed`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Collate

from ledger.canonical import canonical
from ledger.clock import rfc3339
from ledger.erasure.erasure_tables import ErasedPayload

# Of a person there is one such entry; of the organisation one for each receipt. An erasure is under
# way as long as nothing was recorded of it since it was confirmed. Before receipts
# were kept from it, erasing who had confirmed one took away the words of the entry that tells of
# it. Which they were is known by their order: there are as many of these as such receipts.
_TELLS: Final = """
WITH receipts AS (
    SELECT *, coalesce(actor_id, tenant_id) AS subject_id,
           CASE WHEN actor_id IS NULL THEN 'tenant' ELSE 'actor' END AS subject_type
    FROM ledger_erasurereceipt
), tells AS (
    SELECT e.tenant_id, e.subject_id, e.id, e.subject_seq, p.body AS receipt
    FROM (SELECT DISTINCT tenant_id, subject_type, subject_id FROM receipts) s
    JOIN ledger_ledgerentry e ON e.tenant_id = s.tenant_id AND e.subject_type = s.subject_type
        AND e.subject_id = s.subject_id AND e.kind = 'ERASURE'
        AND e.action IN ('erased', 'payloads_pruned')
    LEFT JOIN ledger_payload p ON p.entry_id = e.id AND p.name = 'receipt'
), named AS (
    SELECT r.*, t.id AS entry_id FROM receipts r
    LEFT JOIN tells t ON t.tenant_id = r.tenant_id AND t.subject_id = r.subject_id
        AND t.receipt = convert_to(to_json(r.id::text)::text, 'UTF8')
), wordless AS (
    SELECT tenant_id, subject_id, id,
           row_number() OVER (PARTITION BY tenant_id, subject_id ORDER BY subject_seq) AS n
    FROM tells WHERE receipt IS NULL
), untold AS (
    SELECT id, tenant_id, subject_id,
           row_number() OVER (PARTITION BY tenant_id, subject_id ORDER BY at, id) AS n
    FROM named WHERE entry_id IS NULL
), told AS (
    SELECT n.tenant_id, n.id, n.actor_id, n.confirmed_by_id, n.basis, n.counts::text, n.at, n.hash,
           coalesce(n.entry_id, w.id) AS entry_id
    FROM named n
    LEFT JOIN untold u ON u.tenant_id = n.tenant_id AND u.id = n.id
    LEFT JOIN wordless w
        ON w.tenant_id = u.tenant_id AND w.subject_id = u.subject_id AND w.n = u.n
    UNION ALL
    SELECT u.tenant_id, u.id, u.actor_id, NULL, NULL, u.erased::text, u.confirmed_at, NULL,
           CASE WHEN e.action = 'erasure_confirmed' THEN e.id END
    FROM ledger_erasure u LEFT JOIN LATERAL (
        SELECT id, action FROM ledger_ledgerentry e WHERE e.tenant_id = u.tenant_id
            AND e.subject_type = 'actor' AND e.subject_id = u.actor_id AND e.kind = 'ERASURE'
        ORDER BY e.subject_seq DESC LIMIT 1) e ON true
    WHERE u.ended_at IS NULL AND u.confirmed_at IS NOT NULL
)
SELECT told.*, e.body, p.names, p.bodies FROM told
LEFT JOIN ledger_ledgerentry e ON e.tenant_id = told.tenant_id AND e.id = told.entry_id
LEFT JOIN LATERAL (
    SELECT array_agg(name) AS names, array_agg(body) AS bodies FROM ledger_payload
    WHERE entry_id = told.entry_id AND name IN ('receipt', 'hash', 'gone')) p ON true
"""
#: Of every receipt that the caller's scope sees, and every erasure under way, as `ReceiptTold`.
ALL_TOLD: Final = f"{_TELLS} ORDER BY told.tenant_id, told.id"
_SOME_TOLD: Final = f"{_TELLS} WHERE told.tenant_id = %s AND told.id = ANY(%s)"


class ReceiptTold(NamedTuple):
    """A receipt, or, without a hash, an erasure under way, with its counts as JSON; the entry that
    tells of it, with its bytes, and what is kept of what it says."""

    tenant_id: uuid.UUID
    id: uuid.UUID
    actor_id: uuid.UUID | None
    confirmed_by_id: uuid.UUID | None
    basis: str | None
    counts: str
    at: dt.datetime
    hash: bytes | None
    entry_id: uuid.UUID | None
    body: bytes | None
    names: Sequence[str] | None
    bodies: Sequence[bytes] | None

    @property
    def says(self) -> dict[str, bytes]:
        """What its entry says, as the bytes of JSON, by name."""
        return {
            name: bytes(body)
            for name, body in zip(self.names or (), self.bodies or (), strict=True)
        }


def receipt_hash(
    tenant_id: uuid.UUID,
    id_: uuid.UUID,
    counts: Mapping[str, int],
    *,
    basis: str | None,
    actor_id: uuid.UUID | None,
    by: uuid.UUID | None,
    at: dt.datetime,
) -> bytes:
    """Return the hash of a receipt: of all that it says, in canonical form."""
    said = {
        "id": str(id_), "tenant": str(tenant_id), "basis": basis, "counts": dict(counts),
        "actor": None if actor_id is None else str(actor_id),
        "confirmed_by": None if by is None else str(by), "at": rfc3339(at),
    }  # fmt: skip
    return hashlib.sha256(canonical(said)).digest()


def gone_under(tenant_id: uuid.UUID, receipt_id: uuid.UUID) -> Iterator[tuple[str, str]]:
    """Yield (entry, name) of each payload that went under a receipt, in the order of its tree. In
    the tenant's scope."""
    rows = ErasedPayload.objects.filter(tenant_id=tenant_id, receipt_id=receipt_id)
    in_order = rows.order_by("entry_id", Collate("name", "C")).values_list("entry_id", "name")
    for entry, name in in_order.iterator(chunk_size=2000):
        yield str(entry), name


def gone_from(tenant_id: uuid.UUID, entries: QuerySet[Any]) -> list[tuple[str, str, uuid.UUID]]:
    """Return (entry, name, receipt) of what is gone of `entries`, in the order of both. In the
    tenant's scope."""
    rows = ErasedPayload.objects.filter(tenant_id=tenant_id, entry_id__in=entries.values("id"))
    in_order = rows.order_by("entry_id", Collate("name", "C"))
    found = in_order.values_list("entry_id", "name", "receipt_id")
    return [(str(entry), name, receipt) for entry, name, receipt in found]


def telling(
    tenant_id: uuid.UUID, receipt_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, ReceiptTold]:
    """Return what tells of receipts, by their ids. In the tenant's scope."""
    with connection.cursor() as cursor:
        cursor.execute(_SOME_TOLD, [tenant_id, list(receipt_ids)])
        rows = (ReceiptTold(*row) for row in cursor.fetchall())
        return {row.id: row for row in rows}
