"""Fewer keys. Of an entry, as its payloads and the end of its chain are, the tenant is the entry's; of a task it
is its event's."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """What is written at every step has one key less to be looked up for."""

    dependencies = [("ledger", "0020_rows_missing")]

    operations = [sql.through_to_tenant("ledger_payload", "ledger_ledgerhead", "ledger_outboxtask")]
