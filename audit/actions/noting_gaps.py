"""What is missing in a ledger is noted in it: an entry about the tenant, once for what is found."""

from __future__ import annotations

import uuid
from typing import Final

from django.db import transaction

from accounts.acting import authority_of, system_of
from accounts.actions import note_on_tenant
from audit.completeness import Health, health_of
from audit.models import LedgerWatch
from ledger.tenancy import set_tenant

GAP_FOUND: Final = "ledger_gap_found"


def note_gaps(tenant_id: uuid.UUID) -> tuple[Health, bool]:
    """Count a tenant's ledger and keep what was found; where something is missing that was not told
    yet, note it. Returns how it is, and whether an entry was written.

    Of two at once the second waits for the row of the watch, and then finds what the first has
    told. What comes back after it was over is told anew.

    Raises LedgerWatch.DoesNotExist where there is no such tenant.
    """
    watches = LedgerWatch.objects.filter(tenant_id=tenant_id)
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        before = watches.get().counted_at
        found = health_of(tenant_id)
        # Before the tenant's row, as the watch takes them.
        row = watches.select_for_update().get()
        missing = "" if found.complete else found.digest
        if row.counted_at != before and (row.told or not missing):
            # Another has counted meanwhile, and may have seen more: what it told stays told.
            return found, False
        fresh = missing not in {"", row.told}
        if fresh:
            by = authority_of(system_of(tenant_id)).ref()
            said = {**found.anomalies, "digest": missing}
            note_on_tenant(tenant_id, GAP_FOUND, by=by, payloads=said)
        row.told, row.counted_at, row.found = missing, found.checked_at, found.to_json()
        row.save(update_fields=["told", "counted_at", "found"])
        return found, fresh
