"""System scopes are roles: what sweeping and verifying may read and change of executions."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = ("executions_execution", "executions_executionjob")


class Migration(migrations.Migration):
    """The app role keeps one policy a table."""

    dependencies = [("executions", "0004_lanes"), ("ledger", "0007_roles")]

    operations = [
        *(sql.only_the_tenant(table) for table in TABLES),
        # The sweep claims due jobs of every tenant; verify compares every guarded row.
        sql.opened_to("sweep", "executions_executionjob", update=True),
        sql.opened_to("verify", "executions_execution", "id", "tenant_id", "status", "version"),
    ]
