"""What the tables of the demo keep about people: nothing; its accounts belong to nobody."""

from __future__ import annotations

from typing import Final

from ledger.erasure.personal_data import Personal

TABLES: Final = (
    Personal(table="demo_demoaccount", no="id tenant_id name balance"),
    Personal(
        table="demo_demotransfer",
        no="id tenant_id idempotency_key source target amount output before after created_at",
    ),
)
