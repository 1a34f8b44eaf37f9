"""Row-level security, grants, composite keys and the guard of work items."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = {
    "workitems_workitem": "SELECT, INSERT, UPDATE",
    "workitems_candidategroup": "SELECT, INSERT, DELETE",
    "workitems_candidateuser": "SELECT, INSERT, DELETE",
}


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [("workitems", "0001_initial"), ("accounts", "0002_walls")]

    operations = [
        *(sql.tenant_table(table, grants=grants) for table, grants in TABLES.items()),
        *(sql.to_tenant(table) for table in TABLES),
        *(sql.unique_in_tenant(table) for table in TABLES),
        sql.tenant_fk("workitems_workitem", "assignee_id", "accounts_actor"),
        sql.tenant_fk("workitems_workitem", "created_by_id", "accounts_actor"),
        sql.tenant_fk("workitems_workitem", "completed_by_id", "accounts_actor"),
        sql.tenant_fk("workitems_workitem", "compensates_id", "workitems_workitem"),
        sql.tenant_fk("workitems_candidategroup", "work_item_id", "workitems_workitem"),
        sql.tenant_fk("workitems_candidateuser", "work_item_id", "workitems_workitem"),
        sql.tenant_fk("workitems_candidateuser", "actor_id", "accounts_actor"),
        sql.guard("workitems_workitem", "work_item"),
    ]
