"""How far items are, forward and in their undo."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import PROTECT

from ledger import ids, sql

TABLE = "workitems_progress"


def _to(model: str) -> Any:
    return models.ForeignKey(model, PROTECT, db_constraint=False, related_name="+")


class Migration(migrations.Migration):
    """One row for each dimension of an item."""

    dependencies = [("workitems", "0017_links_and_relations")]

    operations = [
        migrations.CreateModel(
            "Progress",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant", _to("accounts.Tenant")),
                ("item", _to("workitems.WorkItem")),
                (
                    "dimension",
                    models.TextField(choices=[("forward", "forward"), ("undo", "undo")]),
                ),
                ("shape", models.TextField()),
                ("value", models.JSONField()),
                ("round", models.IntegerField(default=0)),
                ("reported_by", _to("accounts.Actor")),
                ("reported_at", models.DateTimeField()),
            ],
            {
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "item", "dimension"], name="workitems_progress_once"
                    )
                ]
            },
        ),
        sql.tenant_table(TABLE),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE),
        sql.tenant_fk(TABLE, "item_id", "workitems_workitem"),
        sql.tenant_fk(TABLE, "reported_by_id", "accounts_actor"),
    ]
