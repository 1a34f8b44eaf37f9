"""Notes on items, and labels by which they are found.

EXPLAIN of an item's notes (1,000,000 items, 3 notes each): Index Scan using workitems_note_of_item;
of the items with a label: Index Scan using workitems_labelled.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import PROTECT

from ledger import ids, sql

_PRESENT = models.Q(removed_at__isnull=True)


def _to(model: str, **how: Any) -> Any:
    return models.ForeignKey(model, PROTECT, db_constraint=False, related_name="+", **how)


def _addition(name: str, *own: tuple[str, Any]) -> migrations.CreateModel:
    table = f"workitems_{name.lower()}"
    return migrations.CreateModel(
        name,
        [
            ("id", models.UUIDField(default=ids.new_id, editable=False, primary_key=True, serialize=False)),
            ("tenant", _to("accounts.Tenant")),
            ("item", _to("workitems.WorkItem")),
            ("created_by", _to("accounts.Actor")),
            ("created_at", models.DateTimeField()),
            ("removed_by", _to("accounts.Actor", null=True)),
            ("removed_at", models.DateTimeField(null=True)),
            *own,
        ],
        {
            "abstract": False,
            "indexes": [
                models.Index(
                    fields=["tenant", "item", "-created_at", "-id"],
                    name=f"{table}_of_item",
                    condition=_PRESENT,
                )
            ],
        },
    )


def _walls(table: str) -> list[migrations.RunSQL]:
    return [
        sql.tenant_table(table),
        sql.to_tenant(table),
        sql.unique_in_tenant(table),
        sql.tenant_fk(table, "item_id", "workitems_workitem"),
        sql.tenant_fk(table, "created_by_id", "accounts_actor"),
        sql.tenant_fk(table, "removed_by_id", "accounts_actor"),
    ]


class Migration(migrations.Migration):
    """Two tables of additions."""

    dependencies = [("accounts", "0003_roles"), ("workitems", "0015_four_eyes")]

    operations = [
        _addition("Note", ("text", models.TextField())),
        _addition("Label", ("name", models.TextField())),
        migrations.AddIndex(
            "label",
            models.Index(
                fields=["tenant", "name", "item"], name="workitems_labelled", condition=_PRESENT
            ),
        ),
        migrations.AddConstraint(
            "label",
            models.UniqueConstraint(
                fields=["tenant", "item", "name"], name="workitems_label_once", condition=_PRESENT
            ),
        ),
        *_walls("workitems_note"),
        *_walls("workitems_label"),
    ]
