"""Templates of work items, and which version of one an item was made from.

EXPLAIN of their list: Index Scan using workitems_template_list; of the newest version of a name:
Index Scan Backward using workitems_template_once.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
import ledger.ordered_json
from ledger import sql

TABLE = "workitems_workitemtemplate"


class Migration(migrations.Migration):
    """A column of the item, and a table of templates of which only the end is written later."""

    dependencies = [("accounts", "0003_roles"), ("workitems", "0012_deadlines")]

    operations = [
        migrations.AddField("workitem", "template", models.JSONField(null=True)),
        migrations.CreateModel(
            "WorkItemTemplate",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.TextField()),
                ("version", models.IntegerField()),
                ("content", ledger.ordered_json.OrderedJSONField()),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        "accounts.Actor",
                        django.db.models.deletion.PROTECT,
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
                        fields=["tenant", "-created_at", "-id"], name="workitems_template_list"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "name", "version"], name="workitems_template_once"
                    )
                ],
            },
        ),
        sql.tenant_table(TABLE, grants="SELECT, INSERT, UPDATE (ended_at)"),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE, "id"),
        sql.tenant_fk(TABLE, "created_by_id", "accounts_actor"),
    ]
