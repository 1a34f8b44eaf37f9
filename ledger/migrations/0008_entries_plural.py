"""What the admin calls entries; nothing of the database changes."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """More than one entry are entries."""

    dependencies = [("ledger", "0007_roles")]

    operations = [
        migrations.AlterModelOptions(
            "ledgerentry",
            {"verbose_name": "ledger entry", "verbose_name_plural": "ledger entries"},
        ),
    ]
