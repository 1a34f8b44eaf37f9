"""Row-level security, grants and composite keys of attempts and completion counters."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = {
    "compensation_compensationattempt": "SELECT, INSERT, UPDATE",
    "compensation_completioncounter": "SELECT, INSERT, UPDATE",
}


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [("compensation", "0001_initial"), ("accounts", "0002_walls")]

    operations = [
        *(sql.tenant_table(table, grants=grants) for table, grants in TABLES.items()),
        *(sql.to_tenant(table) for table in TABLES),
        sql.unique_in_tenant("compensation_compensationattempt"),
        sql.unique_in_tenant("compensation_completioncounter", "case_id"),
        sql.tenant_fk("compensation_compensationattempt", "requested_by_id", "accounts_actor"),
    ]
