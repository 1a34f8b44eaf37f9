"""Files attached to items: what they are called, and the hash of their bytes."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import PROTECT

from ledger import ids, sql

TABLE = "workitems_attachment"


def _to(model: str, **how: Any) -> Any:
    return models.ForeignKey(model, PROTECT, db_constraint=False, related_name="+", **how)


class Migration(migrations.Migration):
    """One more table of additions."""

    dependencies = [("workitems", "0019_drafts")]

    operations = [
        migrations.CreateModel(
            "Attachment",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant", _to("accounts.Tenant")),
                ("item", _to("workitems.WorkItem")),
                ("created_by", _to("accounts.Actor")),
                ("created_at", models.DateTimeField()),
                ("removed_by", _to("accounts.Actor", null=True)),
                ("removed_at", models.DateTimeField(null=True)),
                ("name", models.TextField()),
                ("content_type", models.TextField()),
                ("size", models.IntegerField()),
                ("sha256", models.TextField()),
            ],
            {
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["tenant", "item", "-created_at", "-id"],
                        name=f"{TABLE}_of_item",
                        condition=models.Q(removed_at__isnull=True),
                    )
                ],
            },
        ),
        sql.tenant_table(TABLE),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE),
        sql.tenant_fk(TABLE, "item_id", "workitems_workitem"),
        sql.tenant_fk(TABLE, "created_by_id", "accounts_actor"),
        sql.tenant_fk(TABLE, "removed_by_id", "accounts_actor"),
    ]
