"""What the auditor's desk keeps about people: nothing. What it tells is read from the ledger."""

from __future__ import annotations

from typing import Final

from ledger.erasure.personal_data import Personal

TABLES: Final = (
    Personal(
        table="audit_ledgerwatch",
        no="id tenant_id queue due_at leased_until lease_token troubled_since checked_at counted_at"
        " found noted stopped told",
    ),
)
