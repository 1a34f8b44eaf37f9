"""Items that are undone by themselves because of an event.

EXPLAIN of who listens for a type (1,000,000 items, 100 of them listening): Index Scan using
workitems_listener_once, then the items by their key.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import PROTECT

from ledger import ids, sql

LISTENERS, REACTIONS = "workitems_listener", "workitems_eventreaction"


def _to(model: str) -> Any:
    return models.ForeignKey(model, PROTECT, db_constraint=False, related_name="+")


def _table(name: str, *own: tuple[str, Any], once: models.UniqueConstraint) -> migrations.CreateModel:
    key = models.UUIDField(default=ids.new_id, editable=False, primary_key=True, serialize=False)
    fields = [("id", key), ("tenant", _to("accounts.Tenant")), ("item", _to("workitems.WorkItem")), *own]
    return migrations.CreateModel(name, fields, {"constraints": [once]})


class Migration(migrations.Migration):
    """A column of the item, and two tables."""

    dependencies = [("accounts", "0003_roles"), ("workitems", "0021_finding")]

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
        sql.tenant_table(LISTENERS, grants="SELECT, INSERT, DELETE"),
        sql.tenant_table(REACTIONS, grants="SELECT, INSERT"),
        *(
            each
            for table in (LISTENERS, REACTIONS)
            for each in (sql.to_tenant(table), sql.tenant_fk(table, "item_id", "workitems_workitem"))
        ),
    ]
