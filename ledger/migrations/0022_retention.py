"""For how long payloads of a kind of entry are kept."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.functions import Now

import ledger.ids
from ledger import sql

TABLE = "ledger_retention"


class Migration(migrations.Migration):
    """Due rows, which stay when they have ended."""

    dependencies = [("ledger", "0021_through_to_tenant")]

    operations = [
        migrations.CreateModel(
            "Retention",
            [
                ("id", models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("version", models.IntegerField(db_default=1, default=1)),
                ("kind", models.TextField()),
                ("keep", models.TextField()),
                ("set_by_id", models.UUIDField()),
                ("set_at", models.DateTimeField()),
                ("ended_by_id", models.UUIDField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("place", models.JSONField(db_default={}, default=dict)),
                ("pruned", models.BigIntegerField(db_default=0, default=0)),
                ("last_error", models.TextField(db_default="", default="")),
                ("queue", models.TextField(db_default="upkeep", default="upkeep")),
                ("due_at", models.DateTimeField(db_default=Now())),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["queue", "tenant_id", "due_at", "id"],
                        name="ledger_retention_due",
                    ),
                    models.Index(
                        fields=["tenant_id", "-set_at", "-id"], name="ledger_retention_new"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("tenant_id", "kind"),
                        name="ledger_retention_once",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            f"ALTER TABLE public.{TABLE} ALTER COLUMN due_at SET DEFAULT public.ledger_now()",
            migrations.RunSQL.noop,
        ),
        sql.tenant_table(TABLE),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE),
        sql.opened_to("sweep", TABLE, update=True),
        sql.erasable(TABLE, "SELECT", "UPDATE"),
    ]
