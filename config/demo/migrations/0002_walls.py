"""Row-level security, composite keys and grants of the demo's tables."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = {
    "demo_demoaccount": "SELECT, INSERT, UPDATE",
    "demo_demotransfer": "SELECT, INSERT",
}


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [("demo", "0001_initial"), ("accounts", "0002_walls")]

    operations = [
        *(sql.tenant_table(table, grants=grants) for table, grants in TABLES.items()),
        *(sql.to_tenant(table) for table in TABLES),
        *(sql.unique_in_tenant(table) for table in TABLES),
    ]
