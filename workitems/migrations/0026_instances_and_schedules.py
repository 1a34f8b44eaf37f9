"""Several instances of one task, of which so many are needed; parts that were spawned of an item;
tasks that come again.

EXPLAIN of the instances of an item, at 1,000,000 items, 10,000 of them in groups of five: Index Only
Scan using workitems_instances, in the order of their ids (5 rows, 4 pages, 0.02 ms); of schedules whose moment
has come: Index Scan using workitems_schedule_due.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
from ledger import sql

GROUP, SCHEDULE = "workitems_instancegroup", "workitems_schedule"
_LIVE = models.Q(ended_at__isnull=True)
_ID = models.UUIDField(
    default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
)


def _to(model: str, **how: object) -> models.ForeignKey:
    return models.ForeignKey(
        model,
        django.db.models.deletion.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="+",
        **how,
    )


class Migration(migrations.Migration):
    """A table of how many are needed, and a column of the item that few have."""

    dependencies = [("accounts", "0004_user_language_and_zone"), ("workitems", "0025_required_skills")]

    operations = [
        migrations.CreateModel(
            "InstanceGroup",
            [
                ("id", _ID),
                ("tenant", _to("accounts.Tenant")),
                ("instances", models.IntegerField()),
                ("required", models.IntegerField()),
                (
                    "on_met",
                    models.TextField(
                        choices=[
                            ("keep", "they stay open"),
                            ("suspend", "they are put on hold"),
                            ("cancel", "they are cancelled"),
                        ]
                    ),
                ),
                ("outcomes", models.JSONField(default=list)),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("OPEN", "Not decided yet"),
                            ("MET", "Enough are done"),
                            ("IMPOSSIBLE", "Cannot be met any more"),
                        ],
                        default="OPEN",
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            {
                "constraints": [
                    models.CheckConstraint(
                        name="workitems_instances_required",
                        condition=models.Q(required__gte=1, required__lte=models.F("instances")),
                    )
                ]
            },
        ),
        sql.tenant_table(GROUP),
        sql.to_tenant(GROUP),
        sql.unique_in_tenant(GROUP, "id"),
        migrations.AddField(
            "workitem", "one_of", _to("workitems.InstanceGroup", null=True)
        ),
        migrations.AddIndex(
            "workitem",
            models.Index(
                fields=["tenant", "one_of", "id"],
                name="workitems_instances",
                condition=models.Q(one_of__isnull=False),
            ),
        ),
        sql.tenant_fk("workitems_workitem", "one_of_id", GROUP),
        migrations.AddField(
            "workitem", "has_parts", models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddField(
            "relation", "spawned", models.BooleanField(default=False, db_default=False)
        ),
        migrations.CreateModel(
            "Schedule",
            [
                ("id", _ID),
                ("tenant", _to("accounts.Tenant")),
                ("version", models.IntegerField(default=1)),
                ("name", models.TextField()),
                ("template", _to("workitems.WorkItemTemplate")),
                ("cron", models.TextField()),
                ("zone", models.TextField()),
                ("values", models.JSONField(default=dict)),
                ("active", models.BooleanField(default=True)),
                ("created_by", _to("accounts.Actor")),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("last_at", models.DateTimeField(null=True)),
                ("last_item", _to("workitems.WorkItem", null=True)),
                ("last_problem", models.TextField(default="")),
                ("queue", models.TextField(default="upkeep", db_default="upkeep")),
                ("due_at", models.DateTimeField()),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
            ],
            {
                "indexes": [
                    models.Index(
                        fields=["queue", "tenant", "due_at", "id"],
                        name="workitems_schedule_due",
                        condition=models.Q(active=True, ended_at__isnull=True),
                    ),
                    models.Index(
                        fields=["tenant", "-created_at", "-id"],
                        name="workitems_schedule_list",
                        condition=_LIVE,
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "name"], name="workitems_schedule_once", condition=_LIVE
                    )
                ],
            },
        ),
        sql.tenant_table(SCHEDULE),
        sql.to_tenant(SCHEDULE),
        sql.unique_in_tenant(SCHEDULE, "id"),
        sql.tenant_fk(SCHEDULE, "template_id", "workitems_workitemtemplate"),
        sql.tenant_fk(SCHEDULE, "last_item_id", "workitems_workitem"),
        sql.tenant_fk(SCHEDULE, "created_by_id", "accounts_actor"),
        sql.opened_to("sweep", SCHEDULE, update=True),
    ]
