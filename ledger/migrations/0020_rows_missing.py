"""A row that was to be saved and is not there fails the statement that saves it."""

from __future__ import annotations

from django.db import migrations

from ledger import record_sql


class Migration(migrations.Migration):
    """One function."""

    dependencies = [("ledger", "0019_witnesses")]

    operations = [migrations.RunSQL(record_sql.ROWS_MISSING, migrations.RunSQL.noop)]
