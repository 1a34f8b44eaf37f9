"""System scopes are roles: what verifying may read of work items."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = ("workitems_workitem", "workitems_candidategroup", "workitems_candidateuser")


class Migration(migrations.Migration):
    """The app role keeps one policy a table."""

    dependencies = [("workitems", "0004_offered_to"), ("ledger", "0007_roles")]

    operations = [
        *(sql.only_the_tenant(table) for table in TABLES),
        sql.opened_to("verify", "workitems_workitem", "id", "tenant_id", "status", "version"),
    ]
