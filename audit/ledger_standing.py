"""What is known of a tenant's ledger without looking at any entry: one statement for all pages."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid

from django.db import connection

from audit.models import LedgerWatch


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How the newest check ended that told anything (`outcome`: `valid`, `broken`, or empty before
    there was one), of how many entries and when; `failed_at`: when one after it could not be
    carried through; the trouble of the tree; whether something was `missing` when all was counted.
    """

    outcome: str
    entries: int
    checked_at: dt.datetime | None
    failed_at: dt.datetime | None
    trouble: str
    missing: bool
    counted_at: dt.datetime | None


# One check runs at a time, so the one that was asked for last has ended last.
_STANDING = """
SELECT coalesce(told.outcome, ''), coalesce(told.checked, 0), told.finished_at, failed.finished_at,
       coalesce(t.trouble, ''), coalesce(w.told <> '', false), w.counted_at
FROM (SELECT %(tenant)s::uuid AS tenant_id) a
LEFT JOIN ledger_ledgertree t ON t.tenant_id = a.tenant_id
LEFT JOIN audit_ledgerwatch w ON w.tenant_id = a.tenant_id
LEFT JOIN LATERAL (
    SELECT outcome, checked, finished_at, requested_at FROM ledger_ledgerverification
    WHERE tenant_id = a.tenant_id AND outcome IN ('valid', 'broken')
    ORDER BY requested_at DESC LIMIT 1) told ON true
LEFT JOIN LATERAL (
    SELECT finished_at FROM ledger_ledgerverification
    WHERE tenant_id = a.tenant_id AND outcome = 'failed'
      AND (told.requested_at IS NULL OR requested_at > told.requested_at)
    ORDER BY requested_at DESC LIMIT 1) failed ON true
"""


def standing_of(tenant_id: uuid.UUID) -> Standing:
    """Return what is known, however much was checked. Runs in the tenant's scope."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"tenant": tenant_id})
        return Standing(*cursor.fetchone())


@dataclasses.dataclass(frozen=True, slots=True)
class StoppedWork:
    """A source of what falls due whose work is in trouble, by name, and since when, as RFC 3339."""

    source: str
    since: str


def stopped_work(tenant_id: uuid.UUID) -> list[StoppedWork]:
    """Return what people were told of, in the order of names. Runs in the tenant's scope."""
    watch = LedgerWatch.objects.filter(tenant_id=tenant_id).only("stopped").first()
    return [] if watch is None else [StoppedWork(*each) for each in sorted(watch.stopped.items())]
