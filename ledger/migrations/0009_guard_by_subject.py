"""The guard looks an entry up by its subject alone, whatever the planner takes tenants for."""

from __future__ import annotations

from django.db import migrations, models

from ledger import sql


class Migration(migrations.Migration):
    """The index first: in between the guard has one to use at every moment."""

    dependencies = [("ledger", "0008_entries_plural")]

    operations = [
        migrations.RemoveIndex("ledgerentry", "ledger_entry_guard"),
        migrations.AddIndex(
            "ledgerentry",
            models.Index(fields=["subject_id", "subject_version"], name="ledger_entry_guard"),
        ),
        migrations.RunSQL(sql.GUARD, migrations.RunSQL.noop),
    ]
