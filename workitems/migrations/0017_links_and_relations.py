"""Links of items to elsewhere, and how items stand to each other.

EXPLAIN of what blocks an item (1,000,000 items): Index Scan using workitems_related.
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
    return migrations.CreateModel(
        name,
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
            *own,
        ],
        {
            "abstract": False,
            "indexes": [
                models.Index(
                    fields=["tenant", "item", "-created_at", "-id"],
                    name=f"workitems_{name.lower()}_of_item",
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


def _once(name: str, *fields: str) -> migrations.AddConstraint:
    return migrations.AddConstraint(
        name,
        models.UniqueConstraint(
            fields=["tenant", "item", *fields], name=f"workitems_{name}_once", condition=_PRESENT
        ),
    )


class Migration(migrations.Migration):
    """Two more tables of additions; related items and executions are of the same tenant."""

    dependencies = [
        ("executions", "0001_initial"),
        ("workitems", "0016_notes_and_labels"),
    ]

    operations = [
        _addition("Link", ("url", models.TextField()), ("title", models.TextField(default=""))),
        _addition(
            "Relation",
            ("type", models.TextField()),
            ("target_type", models.TextField()),
            ("target_id", models.UUIDField()),
            ("enforced", models.BooleanField(default=False)),
        ),
        migrations.AddIndex(
            "relation",
            models.Index(
                fields=["tenant", "target_id", "-created_at"],
                name="workitems_related",
                condition=_PRESENT,
            ),
        ),
        _once("link", "url"),
        _once("relation", "type", "target_type", "target_id"),
        *_walls("workitems_link"),
        *_walls("workitems_relation"),
        sql.tenant_fk_of_kind(
            "workitems_relation", "target_id", "target_type", "work_item", "workitems_workitem"
        ),
        sql.tenant_fk_of_kind(
            "workitems_relation", "target_id", "target_type", "execution", "executions_execution"
        ),
    ]
