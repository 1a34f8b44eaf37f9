"""Several instances of one task, of which so many are needed; parts that were spawned of an item.

EXPLAIN of the instances of an item: Index Scan using workitems_instances.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
from ledger import sql

GROUP = "workitems_instancegroup"
_ID = models.UUIDField(
    default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
)


def _to(model: str, **how: object) -> models.ForeignKey:
    return models.ForeignKey(
        model,
        django.db.models.deletion.PROTECT,
        db_constraint=False,
        related_name="+",
        **how,
    )


class Migration(migrations.Migration):
    """A table of how many are needed, and a column of the item that few have."""

    dependencies = [("accounts", "0003_roles"), ("workitems", "0021_finding")]

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
            "workitem", "one_of", _to("workitems.InstanceGroup", null=True, db_index=False)
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
    ]
