"""Row-level security, grants, composite keys and the guard of cases."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = {
    # Insert-only: a deployed version never changes.
    "cases_casedefinition": "SELECT, INSERT",
    "cases_case": "SELECT, INSERT, UPDATE",
    "cases_planitem": "SELECT, INSERT, UPDATE",
}


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [
        ("cases", "0001_initial"),
        ("accounts", "0002_walls"),
        ("compensation", "0002_walls"),
        ("ledger", "0002_walls"),
    ]

    operations = [
        *(sql.tenant_table(table, grants=grants) for table, grants in TABLES.items()),
        *(sql.to_tenant(table) for table in TABLES),
        *(sql.unique_in_tenant(table) for table in TABLES),
        sql.tenant_fk("cases_casedefinition", "deployed_by_id", "accounts_actor"),
        sql.tenant_fk("cases_case", "definition_id", "cases_casedefinition"),
        sql.tenant_fk("cases_case", "parent_id", "cases_case"),
        sql.tenant_fk("cases_case", "root_id", "cases_case"),
        sql.tenant_fk("cases_case", "opened_by_id", "accounts_actor"),
        sql.tenant_fk("cases_planitem", "case_id", "cases_case"),
        *(
            sql.tenant_fk_of_kind(f"compensation_{table}", column, "whole_type", "case", "cases_case")
            for table, column in (
                ("compensationplan", "whole_id"),
                ("compensationrun", "whole_id"),
                ("compensationrun", "root_id"),
            )
        ),
        sql.append_only(["cases_casedefinition"]),
        sql.guard("cases_case", "case"),
    ]
