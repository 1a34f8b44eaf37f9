"""Items have deadlines, and exclude groups; a row of each deadline that runs falls due.

EXPLAIN of what falls due: Index Scan using workitems_deadline_due; of the rows of one item: Index
Scan using workitems_deadline_once.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
from ledger import sql

TABLE = "workitems_deadline"


class Migration(migrations.Migration):
    """A column of the item, and a table of deadlines that fall due."""

    dependencies = [("accounts", "0003_roles"), ("workitems", "0011_handing_over_and_holding")]

    operations = [
        migrations.AddField("workitem", "deadlines", models.JSONField(default=dict, db_default={})),
        migrations.AddField(
            "workitem", "excluded_groups", models.JSONField(default=list, db_default=[])
        ),
        migrations.CreateModel(
            "Deadline",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.TextField()),
                ("queue", models.TextField(default="upkeep", db_default="upkeep")),
                ("due_at", models.DateTimeField()),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                (
                    "item",
                    models.ForeignKey(
                        "workitems.WorkItem",
                        django.db.models.deletion.CASCADE,
                        db_constraint=False,
                        related_name="+",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        "accounts.Tenant",
                        django.db.models.deletion.PROTECT,
                        db_constraint=False,
                        related_name="+",
                    ),
                ),
            ],
            {
                "indexes": [
                    models.Index(
                        fields=["queue", "tenant", "due_at", "id"], name="workitems_deadline_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "item", "name"], name="workitems_deadline_once"
                    )
                ],
            },
        ),
        sql.tenant_table(TABLE, grants="SELECT, INSERT, UPDATE, DELETE"),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE, "id"),
        sql.tenant_fk(TABLE, "item_id", "workitems_workitem"),
        sql.opened_to("sweep", TABLE, update=True),
    ]
