"""Events from outside: rows that never change.

EXPLAIN of their list at 1,000,000 rows: Index Scan using events_list; narrowed by type, source or
subject: Index Scan using events_type, events_source, events_subject; of an entry: events_of_entry.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import PROTECT

from ledger import ids, sql

TABLE = "events_inboundevent"
_NEWEST = ["-created_at", "-id"]


def _to(model: str) -> models.ForeignKey:
    return models.ForeignKey(model, PROTECT, db_constraint=False, db_index=False, related_name="+")


class Migration(migrations.Migration):
    """One table of which nothing is changed or taken away."""

    initial = True
    dependencies = [("accounts", "0003_roles"), ("ledger", "0010_cheaper_leases")]

    operations = [
        migrations.CreateModel(
            "InboundEvent",
            [
                ("id", models.UUIDField(default=ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("source", models.TextField()),
                ("event_id", models.TextField()),
                ("type", models.TextField()),
                ("subject", models.TextField(default="")),
                ("time", models.DateTimeField(null=True)),
                ("data_content_type", models.TextField(default="")),
                ("data_schema", models.TextField(default="")),
                ("extensions", models.JSONField(default=dict)),
                ("data", models.JSONField(null=True)),
                ("created_at", models.DateTimeField()),
                ("entry_id", models.UUIDField()),
                ("received_by", _to("accounts.Actor")),
                ("tenant", _to("accounts.Tenant")),
            ],
            {
                "indexes": [
                    models.Index(fields=["tenant", *_NEWEST], name="events_list"),
                    models.Index(fields=["tenant", "type", *_NEWEST], name="events_type"),
                    models.Index(fields=["tenant", "source", *_NEWEST], name="events_source"),
                    models.Index(fields=["tenant", "subject", *_NEWEST], name="events_subject"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["tenant", "source", "event_id"], name="events_once"),
                    models.UniqueConstraint(fields=["tenant", "entry_id"], name="events_of_entry"),
                ],
            },
        ),
        sql.tenant_table(TABLE, grants="SELECT, INSERT"),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE),
        sql.tenant_fk(TABLE, "received_by_id", "accounts_actor"),
        sql.append_only([TABLE]),
    ]
