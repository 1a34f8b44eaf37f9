"""The Merkle tree of each tenant: what is unsealed, leaves, full tiles, checkpoints, anchoring.

Leaves, tiles and checkpoints are insert-only, and only the role of sealing inserts them: what a verb
could be made to write is not among it. No foreign key from a leaf to its entry: it would lock, and
so rewrite, each entry that is sealed.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.functions import Now

from ledger import sql

SEALED = ("ledger_ledgerleaf", "ledger_ledgertile", "ledger_checkpoint")


class Migration(migrations.Migration):
    """Entries that there are already are unsealed."""

    dependencies = [("ledger", "0012_plans_that_stay"), ("accounts", "0001_initial")]

    operations = [
        sql.scope_roles("seal"),
        migrations.CreateModel(
            "UnsealedEntry",
            [
                ("pk", models.CompositePrimaryKey("tenant_id", "entry_id", blank=True, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("entry_id", models.UUIDField()),
                ("since", models.DateTimeField(db_default=Now())),
            ],
        ),
        migrations.CreateModel(
            "LedgerLeaf",
            [
                ("pk", models.CompositePrimaryKey("tenant_id", "tree_index", blank=True, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("tree_index", models.BigIntegerField()),
                ("entry_id", models.UUIDField()),
                ("leaf_hash", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant_id", "entry_id"], name="ledger_leaf_once"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            "LedgerTile",
            [
                ("pk", models.CompositePrimaryKey("tenant_id", "level", "number", blank=True, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("level", models.SmallIntegerField()),
                ("number", models.BigIntegerField()),
                ("hashes", models.BinaryField()),
                ("root", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            "Checkpoint",
            [
                ("pk", models.CompositePrimaryKey("tenant_id", "size", blank=True, editable=False, primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("size", models.BigIntegerField()),
                ("root", models.BinaryField()),
                ("previous_size", models.BigIntegerField()),
                ("consistency", models.BinaryField()),
                ("note", models.TextField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            "LedgerTree",
            [
                ("tenant_id", models.UUIDField(primary_key=True, serialize=False)),
                ("origin", models.TextField()),
                ("sealed_size", models.BigIntegerField(db_default=0, default=0)),
                ("anchored_size", models.BigIntegerField(db_default=0, default=0)),
                ("anchored_at", models.DateTimeField(null=True)),
                ("trouble", models.TextField(db_default="", default="")),
                ("seal_attempts", models.IntegerField(db_default=0, default=0)),
                ("seal_at", models.DateTimeField(null=True)),
                ("last_error", models.TextField(db_default="", default="")),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("queue", models.TextField(db_default="upkeep", default="upkeep")),
                ("due_at", models.DateTimeField(db_default=Now())),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["queue", "tenant_id", "due_at"], name="ledger_tree_due"
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            """
            ALTER TABLE public.ledger_unsealedentry
                ALTER COLUMN since SET DEFAULT public.ledger_now();
            ALTER TABLE public.ledger_ledgertree
                ALTER COLUMN due_at SET DEFAULT public.ledger_now();
            """,
            migrations.RunSQL.noop,
        ),
        *(sql.tenant_table(table, grants="SELECT") for table in (*SEALED, "ledger_ledgertree")),
        sql.tenant_table("ledger_unsealedentry", grants="SELECT, INSERT"),
        # Not of what comes with every entry: each would lock the tenant's one row for its key.
        *(
            sql.to_tenant(table)
            for table in ("ledger_ledgertile", "ledger_checkpoint", "ledger_ledgertree")
        ),
        sql.append_only(SEALED),
        *(sql.opened_to("seal", table) for table in (*SEALED, "ledger_unsealedentry")),
        *(sql.written_by("seal", table, "INSERT") for table in SEALED),
        sql.written_by("seal", "ledger_unsealedentry", "DELETE"),
        sql.opened_to("seal", "ledger_ledgertree", update=True),
        sql.written_by("seal", "ledger_ledgertree", "INSERT"),
        *(
            sql.opened_to("verify", table)
            for table in (*SEALED, "ledger_unsealedentry", "ledger_ledgertree")
        ),
        migrations.RunSQL(
            "INSERT INTO public.ledger_unsealedentry (tenant_id, entry_id)"
            " SELECT tenant_id, id FROM public.ledger_ledgerentry",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(sql.STAMP_AND_REMEMBER, migrations.RunSQL.noop),
    ]
