"""The rows in trouble of a tenant are found without the others being read. While all is well the
index is empty, and nothing that is written costs more."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Five indexes."""

    dependencies = [("ledger", "0025_receipts_checked")]

    operations = [
        migrations.AddIndex(
            "erasure",
            models.Index(
                fields=["tenant_id", "troubled_since"],
                name="ledger_erasure_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "ledgertree",
            models.Index(
                fields=["tenant_id", "troubled_since"],
                name="ledger_tree_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "ledgerverification",
            models.Index(
                fields=["tenant_id", "troubled_since"],
                name="ledger_check_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "retention",
            models.Index(
                fields=["tenant_id", "troubled_since"],
                name="ledger_retention_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "treewitness",
            models.Index(
                fields=["tenant_id", "troubled_since"],
                name="ledger_witness_troubled",
                condition=models.Q(troubled_since__isnull=False),
            ),
        ),
    ]
