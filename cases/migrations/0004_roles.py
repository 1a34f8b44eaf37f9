"""System scopes are roles: what verifying may read of cases."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = ("cases_casedefinition", "cases_case", "cases_planitem")


class Migration(migrations.Migration):
    """The app role keeps one policy a table."""

    dependencies = [("cases", "0003_steps_that_could_not_begin"), ("ledger", "0007_roles")]

    operations = [
        *(sql.only_the_tenant(table) for table in TABLES),
        sql.opened_to("verify", "cases_case", "id", "tenant_id", "status", "version"),
    ]
