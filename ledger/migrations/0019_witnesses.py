"""Who signs checkpoints outside: due rows of what each has signed, and what they said."""

from __future__ import annotations

import ledger.ids
from django.db import migrations, models
from django.db.models.functions import Now

from ledger import sql

WITNESS, SAID = "ledger_treewitness", "ledger_countersignature"


class Migration(migrations.Migration):
    """The sealing role alone writes them; what was said stays."""

    dependencies = [("ledger", "0018_erase_roles")]

    operations = [
        migrations.CreateModel(
            "TreeWitness",
            [
                ("id", models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("name", models.TextField()),
                ("size", models.BigIntegerField(db_default=0, default=0)),
                ("signed_at", models.DateTimeField(null=True)),
                ("asked_at", models.DateTimeField(null=True)),
                ("trouble", models.TextField(db_default="", default="")),
                ("last_error", models.TextField(db_default="", default="")),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("queue", models.TextField(db_default="upkeep", default="upkeep")),
                ("due_at", models.DateTimeField(db_default=Now())),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant_id", "name"], name="ledger_witness_once"
                    ),
                ],
                "indexes": [
                    models.Index(
                        fields=["queue", "tenant_id", "due_at"], name="ledger_witness_due"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            "Countersignature",
            [
                ("pk", models.CompositePrimaryKey("tenant_id", "size", "name", blank=True, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("size", models.BigIntegerField()),
                ("name", models.TextField()),
                ("kind", models.TextField()),
                ("said", models.BinaryField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.RunSQL(
            f"ALTER TABLE public.{WITNESS} ALTER COLUMN due_at SET DEFAULT public.ledger_now()",
            migrations.RunSQL.noop,
        ),
        *(sql.tenant_table(table, grants="SELECT") for table in (WITNESS, SAID)),
        *(sql.to_tenant(table) for table in (WITNESS, SAID)),
        sql.append_only([SAID]),
        sql.opened_to("seal", WITNESS, update=True),
        sql.written_by("seal", WITNESS, "INSERT"),
        sql.opened_to("seal", SAID),
        sql.written_by("seal", SAID, "INSERT"),
    ]
