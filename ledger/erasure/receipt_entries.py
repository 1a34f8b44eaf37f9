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

# What a statement here returns, as `ReceiptTold`.
_WHOLE: Final = """
SELECT told.*, e.body, p.names, p.bodies FROM told
LEFT JOIN ledger_ledgerentry e ON e.tenant_id = told.tenant_id AND e.id = told.entry_id
LEFT JOIN LATERAL (
    SELECT array_agg(name) AS names, array_agg(body) AS bodies FROM ledger_payload
    WHERE tenant_id = told.tenant_id AND entry_id = told.entry_id
        AND name IN ('receipt', 'hash', 'gone')) p ON true
"""
_COLUMNS: Final = (
    "{r}.tenant_id, {r}.id, {r}.actor_id, {r}.confirmed_by_id, {r}.basis, {r}.counts::text, {r}.at,"
    " {r}.hash"
)
# Of a person there is one such entry; of the organisation one for each receipt. Before receipts
# were kept from it, erasing on whose word one was written took away the words of the entry that
# tells of it. Only then is such an entry without words: they are marked as gone under the receipt
# of that person. Nobody confirms anything once their own erasure is confirmed, so that receipts
# cannot take each other's words in a circle. Which receipts they told of is known by their order:
# there are as many of these entries as such receipts. A FULL join is sorted or hashed, and what
# stands behind OFFSET 0 is looked up: the server never compares each receipt with each entry,
# whatever it takes their numbers to be.
_FINISHED: Final = f"""
receipts AS (
    SELECT *, coalesce(actor_id, tenant_id) AS subject_id,
           CASE WHEN actor_id IS NULL THEN 'tenant' ELSE 'actor' END AS subject_type,
           convert_to(to_json(id::text)::text, 'UTF8') AS named
    FROM ledger_erasurereceipt {{of}}
), tells AS (
    SELECT e.*, p.body AS receipt
    FROM (SELECT DISTINCT tenant_id, subject_type, subject_id FROM receipts) s
    CROSS JOIN LATERAL (
        SELECT tenant_id, subject_id, id, subject_seq, actor_id, on_behalf_of_id
        FROM ledger_ledgerentry WHERE tenant_id = s.tenant_id AND subject_type = s.subject_type
            AND subject_id = s.subject_id AND kind = 'ERASURE'
            AND action IN ('erased', 'payloads_pruned')
        OFFSET 0) e
    LEFT JOIN ledger_payload p
        ON p.tenant_id = e.tenant_id AND p.entry_id = e.id AND p.name = 'receipt'
), paired AS MATERIALIZED (
    SELECT r.*, t.id AS entry_id FROM receipts r FULL JOIN tells t
        ON t.tenant_id = r.tenant_id AND t.subject_id = r.subject_id AND t.receipt = r.named
), wordless AS (
    SELECT t.tenant_id, t.subject_id, t.id,
           row_number() OVER (PARTITION BY t.tenant_id, t.subject_id ORDER BY t.subject_seq) AS n
    FROM tells t JOIN ledger_erasedpayload m ON m.entry_id = t.id AND m.name = 'receipt'
    WHERE t.receipt IS NULL AND coalesce(
        (SELECT actor_id FROM ledger_erasurereceipt WHERE id = m.receipt_id),
        (SELECT actor_id FROM ledger_erasure WHERE id = m.receipt_id)
    ) IN (t.actor_id, t.on_behalf_of_id)
), untold AS (
    SELECT *, row_number() OVER (PARTITION BY tenant_id, subject_id ORDER BY at, id) AS n
    FROM paired WHERE id IS NOT NULL AND entry_id IS NULL
), by_order AS MATERIALIZED (
    SELECT u.*, w.id AS wordless_id FROM untold u FULL JOIN wordless w
        ON w.tenant_id = u.tenant_id AND w.subject_id = u.subject_id AND w.n = u.n
), finished AS (
    SELECT {_COLUMNS.format(r="r")}, r.entry_id
    FROM paired r WHERE r.id IS NOT NULL AND r.entry_id IS NOT NULL
    UNION ALL
    SELECT {_COLUMNS.format(r="r")}, r.wordless_id FROM by_order r WHERE r.id IS NOT NULL
)
"""  # noqa: S608  -- own words
# An erasure is under way as long as nothing was recorded of it since it was confirmed.
_UNDER_WAY: Final = """
    SELECT u.tenant_id, u.id, u.actor_id, NULL::uuid, NULL::text, u.erased::text, u.confirmed_at,
           NULL::bytea, CASE WHEN e.action = 'erasure_confirmed' THEN e.id END AS entry_id
    FROM ledger_erasure u LEFT JOIN LATERAL (
        SELECT id, action FROM ledger_ledgerentry e WHERE e.tenant_id = u.tenant_id
            AND e.subject_type = 'actor' AND e.subject_id = u.actor_id AND e.kind = 'ERASURE'
        ORDER BY e.subject_seq DESC LIMIT 1) e ON true
    WHERE u.ended_at IS NULL AND u.confirmed_at IS NOT NULL
"""
# The entry is written by the transaction of its receipt, a moment later: it is found by the time.
_NAMED: Final = f"""
    SELECT {_COLUMNS.format(r="r")}, e.id AS entry_id FROM ledger_erasurereceipt r
    CROSS JOIN LATERAL (
        SELECT e.id FROM ledger_ledgerentry e
        WHERE e.tenant_id = r.tenant_id AND e.at >= r.at AND e.at < r.at + interval '1 minute'
            AND e.subject_id = coalesce(r.actor_id, r.tenant_id)
            AND e.subject_type = CASE WHEN r.actor_id IS NULL THEN 'tenant' ELSE 'actor' END
            AND e.kind = 'ERASURE' AND e.action IN ('erased', 'payloads_pruned')
            AND EXISTS (SELECT 1 FROM ledger_payload p
                WHERE p.tenant_id = e.tenant_id AND p.entry_id = e.id AND p.name = 'receipt'
                AND p.body = convert_to(to_json(r.id::text)::text, 'UTF8'))
        ORDER BY e.at, e.id LIMIT 1) e
    WHERE r.tenant_id = %(tenant)s AND r.id = ANY(%(ids)s)
"""  # noqa: S608  -- own words
_OF_THEM: Final = """
    WHERE tenant_id = %(tenant)s AND coalesce(actor_id, tenant_id) IN (
        SELECT coalesce(actor_id, tenant_id) FROM ledger_erasurereceipt
        WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s))
"""
#: Of every receipt that the caller's scope sees, and every erasure under way, as `ReceiptTold`.
ALL_TOLD: Final = (
    f"WITH {_FINISHED.format(of='')},"  # noqa: S608  -- own words
    f" told AS (SELECT * FROM finished UNION ALL {_UNDER_WAY})"
    f" {_WHOLE} ORDER BY told.tenant_id, told.id"
)
# Of a few: first those that an entry names, and those under way; only for what is left then all
# receipts of the same person or organisation are looked at.
_FIRST_TOLD: Final = (
    f"WITH told AS ({_NAMED} UNION ALL {_UNDER_WAY}"
    f" AND u.tenant_id = %(tenant)s AND u.id = ANY(%(ids)s)) {_WHOLE}"
)
_LEFT_TOLD: Final = (
    f"WITH {_FINISHED.format(of=_OF_THEM)},"  # noqa: S608  -- own words
    " told AS (SELECT * FROM finished WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s))"
    f" {_WHOLE}"
)
# The other way round: the first entry that tells of a receipt that is not there. Its words are; of
# those without words it is known only how many there are. Joined as above.
RECEIPT_GONE: Final = """
WITH tells AS (
    SELECT e.tenant_id, e.subject_id, e.id, p.body AS receipt
    FROM ledger_ledgerentry e JOIN ledger_payload p
        ON p.tenant_id = e.tenant_id AND p.entry_id = e.id AND p.name = 'receipt'
    WHERE e.subject_type IN ('actor', 'tenant') AND e.kind = 'ERASURE'
        AND e.action IN ('erased', 'payloads_pruned')
), receipts AS (
    SELECT id, tenant_id, coalesce(actor_id, tenant_id) AS subject_id,
           convert_to(to_json(id::text)::text, 'UTF8') AS named
    FROM ledger_erasurereceipt
), paired AS MATERIALIZED (
    SELECT t.id, t.receipt, r.id AS receipt_id FROM tells t FULL JOIN receipts r
        ON r.tenant_id = t.tenant_id AND r.subject_id = t.subject_id AND r.named = t.receipt
)
SELECT id, btrim(encode(receipt, 'escape'), '"') FROM paired
WHERE receipt_id IS NULL ORDER BY id LIMIT 1
"""


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


def gone_under(
    tenant_id: uuid.UUID, receipt_ids: Collection[uuid.UUID]
) -> Iterator[tuple[uuid.UUID, str, str]]:
    """Yield (receipt, entry, name) of each payload that went under these receipts: receipt by
    receipt, each in the order of its tree. In the tenant's scope."""
    rows = ErasedPayload.objects.filter(tenant_id=tenant_id, receipt_id__in=receipt_ids)
    in_order = rows.order_by("receipt_id", "entry_id", Collate("name", "C"))
    found = in_order.values_list("receipt_id", "entry_id", "name")
    for receipt, entry, name in found.iterator(chunk_size=2000):
        yield receipt, str(entry), name


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
    found = _told(_FIRST_TOLD, tenant_id, receipt_ids) if receipt_ids else {}
    left = [each for each in receipt_ids if each not in found]
    return found | _told(_LEFT_TOLD, tenant_id, left) if left else found


def _told(
    statement: str, tenant_id: uuid.UUID, receipt_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, ReceiptTold]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"tenant": tenant_id, "ids": list(receipt_ids)})
        rows = (ReceiptTold(*row) for row in cursor.fetchall())
        return {row.id: row for row in rows}
