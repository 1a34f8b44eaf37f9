"""Items that are undone by themselves because of an event, and items made of others.

EXPLAIN at 1,000,000 items, 10,000 of them listening for 100 types and 50,000 made of another: who
listens for a type: Bitmap Index Scan on workitems_listener_once (100 rows, 14 pages, 0.05 ms), then the
items by their key; what was made of something: Index Only Scan using workitems_derivation_once (4
pages); of what an item was made: Index Scan using workitems_derivation_item (4 pages); what a review is
about: Index Scan using workitems_derivation_review (3 pages).
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import PROTECT

from ledger import ids, sql

LISTENERS, REACTIONS = "workitems_listener", "workitems_eventreaction"
DERIVATIONS = "workitems_derivation"


def _to(model: str, **how: Any) -> Any:
    return models.ForeignKey(model, PROTECT, db_constraint=False, db_index=False, related_name="+", **how)


def _table(name: str, *own: tuple[str, Any], once: models.UniqueConstraint) -> migrations.CreateModel:
    key = models.UUIDField(default=ids.new_id, editable=False, primary_key=True, serialize=False)
    fields = [("id", key), ("tenant", _to("accounts.Tenant")), ("item", _to("workitems.WorkItem")), *own]
    return migrations.CreateModel(name, fields, {"constraints": [once]})


class Migration(migrations.Migration):
    """Two columns of the item, and three tables."""

    dependencies = [("accounts", "0003_roles"), ("workitems", "0023_cheaper_inserts")]

    operations = [
        migrations.AddField("workitem", "compensate_on", models.JSONField(default=list, db_default=[])),
        _table(
            "Listener",
            ("type", models.TextField()),
            once=models.UniqueConstraint(
                fields=["tenant", "type", "item"], name="workitems_listener_once"
            ),
        ),
        _table(
            "EventReaction",
            ("entry_id", models.UUIDField()),
            ("outcome", models.TextField()),
            once=models.UniqueConstraint(
                fields=["tenant", "item", "entry_id"], name="workitems_reaction_once"
            ),
        ),
        migrations.AddField("workitem", "derived_from", models.JSONField(default=list, db_default=[])),
        _table(
            "Derivation",
            ("source_type", models.TextField()),
            ("source_id", models.UUIDField()),
            ("round", models.IntegerField(default=0, db_default=0)),
            ("review", _to("workitems.WorkItem", null=True)),
            once=models.UniqueConstraint(
                fields=["tenant", "source_id", "item"], name="workitems_derivation_once"
            ),
        ),
        migrations.AddIndex(
            "derivation",
            models.Index(
                fields=["tenant", "review"],
                name="workitems_derivation_review",
                condition=models.Q(review__isnull=False),
            ),
        ),
        migrations.AddIndex(
            "derivation", models.Index(fields=["tenant", "item"], name="workitems_derivation_item")
        ),
        sql.tenant_table(LISTENERS, grants="SELECT, INSERT, DELETE"),
        sql.tenant_table(REACTIONS, grants="SELECT, INSERT"),
        sql.tenant_table(DERIVATIONS, grants="SELECT, INSERT, UPDATE (round, review_id)"),
        *(
            each
            for table in (LISTENERS, REACTIONS, DERIVATIONS)
            for each in (sql.to_tenant(table), sql.tenant_fk(table, "item_id", "workitems_workitem"))
        ),
        sql.tenant_fk(DERIVATIONS, "review_id", "workitems_workitem"),
    ]
