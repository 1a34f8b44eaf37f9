"""Who stands in for whom, from when until when; and ids by which tokens are named."""

from __future__ import annotations

import django.db.models.deletion
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models

import ledger.ids
from ledger import sql

TABLE = "accounts_substitution"


def _to(model: str) -> models.Field:
    return models.ForeignKey(
        model, django.db.models.deletion.PROTECT, db_constraint=False, related_name="+"
    )


class Migration(migrations.Migration):
    """A table of which dates and end are written later."""

    dependencies = [("accounts", "0004_user_language_and_zone")]

    operations = [
        migrations.AddField(
            "apitoken",
            "public_id",
            models.UUIDField(default=ledger.ids.new_id, db_default=RandomUUID(), editable=False),
        ),
        migrations.AddConstraint(
            "apitoken",
            models.UniqueConstraint(fields=("tenant", "public_id"), name="accounts_token_once"),
        ),
        migrations.CreateModel(
            "Substitution",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("group_name", models.TextField(blank=True, default="")),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("version", models.IntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("created_by", _to("accounts.actor")),
                ("person", _to("accounts.actor")),
                ("substitute", _to("accounts.actor")),
                ("tenant", _to("accounts.tenant")),
            ],
            {
                "indexes": [
                    models.Index(
                        fields=["tenant", "-created_at", "-id"], name="accounts_substitution_list"
                    ),
                    models.Index(
                        condition=models.Q(("ended_at", None)),
                        fields=["tenant", "substitute", "until"],
                        name="accounts_substitution_by",
                    ),
                    models.Index(
                        condition=models.Q(("ended_at", None)),
                        fields=["tenant", "person", "until"],
                        name="accounts_substitution_of",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("person", models.F("substitute")), _negated=True),
                        name="accounts_substitution_of_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("since__lt", models.F("until"))),
                        name="accounts_substitution_dates",
                    ),
                ],
            },
        ),
        sql.tenant_table(
            TABLE, grants="SELECT, INSERT, UPDATE (since, until, version, ended_at)"
        ),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE, "id"),
        *(
            sql.tenant_fk(TABLE, column, "accounts_actor")
            for column in ("person_id", "substitute_id", "created_by_id")
        ),
    ]
