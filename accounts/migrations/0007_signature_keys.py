"""Public keys by which members sign entries."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
from ledger import sql

TABLE = "accounts_signaturekey"


def _to(model: str) -> models.Field:
    return models.ForeignKey(
        model, django.db.models.deletion.PROTECT, db_constraint=False, related_name="+"
    )


class Migration(migrations.Migration):
    """A table of which only the end of a key, and what is wrong with it, are written later."""

    dependencies = [("accounts", "0006_erase_roles"), ("ledger", "0018_erase_roles")]

    operations = [
        migrations.CreateModel(
            "SignatureKey",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.TextField()),
                ("public_key", models.BinaryField()),
                ("version", models.IntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("retired_at", models.DateTimeField(null=True)),
                ("compromised_since", models.DateTimeField(null=True)),
                ("actor", _to("accounts.actor")),
                ("tenant", _to("accounts.tenant")),
            ],
            {
                "indexes": [
                    models.Index(
                        fields=["tenant", "-created_at", "-id"], name="accounts_signature_keys"
                    ),
                    models.Index(fields=["tenant", "actor"], name="accounts_signature_keys_of"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "public_key"), name="accounts_signature_key_once"
                    ),
                ],
            },
        ),
        sql.tenant_table(
            TABLE, grants="SELECT, INSERT, UPDATE (version, retired_at, compromised_since)"
        ),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE, "id"),
        sql.tenant_fk(TABLE, "actor_id", "accounts_actor"),
        sql.erasable(TABLE, "SELECT", "UPDATE", "DELETE"),
    ]
