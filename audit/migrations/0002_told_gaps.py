"""Which gap people were told of: kept with the watch, not looked for among newer entries."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One column."""

    dependencies = [("audit", "0001_ledger_watch")]

    operations = [
        migrations.AddField(
            "LedgerWatch", "told", models.TextField(default="", db_default="")
        ),
    ]
