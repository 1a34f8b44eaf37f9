"""What sealing may read of the ledger itself: the bytes of entries, and whose they are."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """Bytes hold commitments; what was said stays closed."""

    dependencies = [("ledger", "0013_tree")]

    operations = [
        sql.opened_to("seal", "ledger_ledgerentry", "tenant_id", "id", "body"),
    ]
