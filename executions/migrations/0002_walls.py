"""Row-level security, grants, composite keys and the guard of executions."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = {
    "executions_execution": "SELECT, INSERT, UPDATE",
    "executions_executionjob": "SELECT, INSERT, UPDATE, DELETE",
}


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [("executions", "0001_initial"), ("accounts", "0002_walls")]

    operations = [
        *(sql.tenant_table(table, grants=grants) for table, grants in TABLES.items()),
        *(sql.to_tenant(table) for table in TABLES),
        sql.unique_in_tenant("executions_execution"),
        sql.unique_in_tenant("executions_executionjob", "execution_id"),
        sql.tenant_fk("executions_execution", "requested_by_id", "accounts_actor"),
        sql.tenant_fk("executions_executionjob", "execution_id", "executions_execution"),
        sql.guard("executions_execution", "execution"),
    ]
