"""Items can be handed on, forwarded, put on hold until a moment, and left out.

EXPLAIN of `mine` (1,000,000 items): Index Scan using workitems_mine_urgent; of the tab "On hold": Index
Scan using workitems_held; of what falls due: Index Scan using workitems_hold_due.
"""

from __future__ import annotations

import datetime as dt

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Coalesce, Now

from json_values.moments import BEYOND, EARLIEST
from ledger import sql

_DUE = Coalesce(
    "due_at",
    models.Value(dt.datetime(9000, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.timezone.utc)),
    output_field=models.DateTimeField(),
)
_RANK = models.Case(
    models.When(priority=4, then=models.Value(0)),
    models.When(priority=3, then=models.Value(1)),
    models.When(priority=2, then=models.Value(2)),
    default=models.Value(3),
    output_field=models.SmallIntegerField(),
)
TABLE = "workitems_holdend"


class Migration(migrations.Migration):
    """Columns of the item; a table of holds that end by themselves; whom an item is asked of."""

    dependencies = [("accounts", "0003_roles"), ("workitems", "0010_schema_order")]

    operations = [
        migrations.AddField(
            "workitem", "forwarded", models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddField("workitem", "delegations", models.JSONField(default=list, db_default=[])),
        migrations.AddField("workitem", "held_from", models.TextField(default="", db_default="")),
        migrations.AddField("workitem", "held_until", models.DateTimeField(null=True)),
        migrations.AddField(
            "workitem", "skippable", models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddConstraint(
            "workitem",
            models.CheckConstraint(
                name="workitems_held_until_moment",
                condition=models.Q(held_until__gte=EARLIEST, held_until__lt=BEYOND),
            ),
        ),
        migrations.RemoveIndex("workitem", "workitems_mine_urgent"),
        migrations.AddIndex(
            "workitem",
            models.Index(
                models.F("tenant"),
                models.F("assignee"),
                _DUE,
                _RANK,
                models.F("created_at"),
                models.F("id"),
                name="workitems_mine_urgent",
                condition=models.Q(status__in=["ASSIGNED", "DELEGATED", "IN_PROGRESS"]),
            ),
        ),
        migrations.AddIndex(
            "workitem",
            models.Index(
                fields=["tenant", "assignee", "-created_at", "-id"],
                name="workitems_held",
                condition=models.Q(status="SUSPENDED"),
            ),
        ),
        migrations.CreateModel(
            "HoldEnd",
            [
                (
                    "item",
                    models.OneToOneField(
                        "workitems.WorkItem",
                        django.db.models.deletion.CASCADE,
                        primary_key=True,
                        db_constraint=False,
                        related_name="hold_end",
                        serialize=False,
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
                ("queue", models.TextField(default="upkeep", db_default="upkeep")),
                ("due_at", models.DateTimeField(db_default=Now())),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
            ],
            {
                "indexes": [
                    models.Index(
                        fields=["queue", "tenant", "due_at", "item"], name="workitems_hold_due"
                    )
                ]
            },
        ),
        sql.tenant_table(TABLE, grants="SELECT, INSERT, UPDATE, DELETE"),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE, "item_id"),
        sql.tenant_fk(TABLE, "item_id", "workitems_workitem"),
        sql.opened_to("sweep", TABLE, update=True),
    ]
