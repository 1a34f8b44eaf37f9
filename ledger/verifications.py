"""Checks of a tenant's ledger that somebody asked for: a due row each, one at a time a tenant.

A check is worked as any due row: leased, done, settled. While it runs its lease is extended, and
with it the count of what has been checked is stored, over a connection of its own. One whose worker
was killed begins again; after a few such it has failed.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from ledger.broken import Broken
from ledger.clock import now, rfc3339
from ledger.dispatch.kept_lease import kept_lease
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.faults import words_of
from ledger.ids import new_id, new_token
from ledger.models import LedgerEntry, LedgerVerification
from ledger.tenancy import set_tenant
from ledger.tree.signing_keys import NoKey
from ledger.verify import Report, verify_tenant

log = logging.getLogger(__name__)
_LONGEST_SECONDS = 3600
VERIFICATIONS = LeaseTable(
    "ledger_ledgerverification", "id", waiting="t.finished_at IS NULL",
    seconds=str(_LONGEST_SECONDS), counted="attempts",
)  # fmt: skip
_LEASE_SECONDS = 15.0
_MAX_ATTEMPTS = 5
_ERROR_LENGTH = 300


@dataclasses.dataclass(frozen=True, slots=True)
class Verification:
    """How a check stands: `outcome` is empty until it has ended, then `valid`, `broken`, `failed`;
    `result` has the counts, or the first bad entry with what is wrong."""

    id: uuid.UUID
    requested_by: uuid.UUID
    requested_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    total: int
    checked: int
    outcome: str
    result: dict[str, Any] | None


def request_verification(tenant_id: uuid.UUID, actor_id: uuid.UUID) -> Verification:
    """Ask for a check of all that a tenant has, in the caller's transaction; where one is under way
    already, that one is returned."""
    open_ones = LedgerVerification.objects.filter(tenant_id=tenant_id, finished_at__isnull=True)
    row = open_ones.first()
    if row is None:
        total = LedgerEntry.objects.filter(tenant_id=tenant_id).count()
        try:
            # Two who ask at once meet at the unique key: the second waits for the first's commit.
            with transaction.atomic():
                row = LedgerVerification.objects.create(
                    id=new_id(), tenant_id=tenant_id, requested_by_id=actor_id, requested_at=now(),
                    total=total,
                )  # fmt: skip
        except IntegrityError:
            row = open_ones.get()
    return _verification(row)


def verification(tenant_id: uuid.UUID, id_: uuid.UUID) -> Verification | None:
    """Return one check, or None."""
    row = LedgerVerification.objects.filter(tenant_id=tenant_id, id=id_).first()
    return None if row is None else _verification(row)


def newest_verifications(tenant_id: uuid.UUID) -> QuerySet[LedgerVerification]:
    """Return a tenant's checks, the one that was asked for last first."""
    return LedgerVerification.objects.filter(tenant_id=tenant_id).order_by("-requested_at")


def newest_verification(tenant_id: uuid.UUID) -> Verification | None:
    """Return the check that was asked for last, or None."""
    row = newest_verifications(tenant_id).first()
    return None if row is None else _verification(row)


def last_verifications(tenant_id: uuid.UUID, most: int) -> list[Verification]:
    """Return the checks that were asked for last, newest first. One statement."""
    return [_verification(row) for row in newest_verifications(tenant_id)[:most]]


def _verification(row: LedgerVerification) -> Verification:
    names = {each.name for each in dataclasses.fields(Verification)} - {"requested_by"}
    return Verification(
        requested_by=row.requested_by_id, **{name: getattr(row, name) for name in names}
    )


def verify_due(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Carry out one check that is due; whether there was one."""
    due = Due(tenant_id, id_, new_token())
    rows = LedgerVerification.objects.filter(tenant_id=tenant_id, id=id_)
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        if not VERIFICATIONS.take(due, _LEASE_SECONDS):
            return False
        row = rows.get()
        row.attempts, row.started_at, row.checked = row.attempts + 1, now(), 0
        row.save(update_fields=["attempts", "started_at", "checked"])
    report = Report()

    def extend() -> bool:
        with transaction.atomic(durable=True):
            set_tenant(tenant_id, flush=False)
            rows.filter(lease_token=due.token).update(checked=report.entries)
            return VERIFICATIONS.extend(due, _LEASE_SECONDS)

    if row.attempts > _MAX_ATTEMPTS:
        _settle(due, report, "failed", {"detail": "every worker that tried it died"})
        return True
    with kept_lease(
        extend, lease_seconds=_LEASE_SECONDS, max_seconds=_LONGEST_SECONDS, what=f"check {id_}"
    ):
        outcome, result = _carried_out(tenant_id, report)
    _settle(due, report, outcome, result)
    return True


def _carried_out(tenant_id: uuid.UUID, report: Report) -> tuple[str, dict[str, Any]]:
    try:
        verify_tenant(tenant_id, report)
    except Broken as broken:
        entry = None if broken.entry is None else str(broken.entry)
        log.warning("the ledger of tenant %s does not hold: %s", tenant_id, broken)
        return "broken", {"entry": entry, "kind": broken.kind, "detail": str(broken)}
    except (NoKey, OSError) as error:
        return "failed", {"detail": words_of(error, _ERROR_LENGTH)}
    return "valid", {
        "chains": report.chains,
        "entries": report.entries,
        "sealed": report.sealed,
        "erased": report.erased,
        "at": rfc3339(now()),
    }


def _settle(due: Due, report: Report, outcome: str, result: dict[str, Any]) -> None:
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        if not VERIFICATIONS.is_ours(due):
            log.warning("check %s was taken over", due.id)
            return
        LedgerVerification.objects.filter(tenant_id=due.tenant_id, id=due.id).update(
            outcome=outcome, result=result, checked=report.entries, finished_at=now(),
            leased_until=None, lease_token=None, troubled_since=None,
        )  # fmt: skip
