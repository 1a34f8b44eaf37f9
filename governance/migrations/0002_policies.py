"""Policies: what a tenant says of executions, in the order in which they are asked.

EXPLAIN of those in force: Index Scan using governance_policy_in_force.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
from ledger import sql

TABLE = "governance_policy"
_IN_FORCE = models.Q(ended_at__isnull=True)
_NEWEST = ["tenant", "-created_at", "-id"]


def _to(model: str) -> models.ForeignKey:
    return models.ForeignKey(
        to=model, on_delete=django.db.models.deletion.PROTECT, related_name="+",
        db_constraint=False, db_index=False,
    )  # fmt: skip


class Migration(migrations.Migration):
    """The table, and its walls. What is done to one is an entry of the tenant: no guard."""

    dependencies = [("governance", "0001_approvals")]

    operations = [
        migrations.CreateModel(
            "Policy",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant", _to("accounts.tenant")),
                ("version", models.IntegerField(default=1)),
                ("name", models.TextField()),
                ("priority", models.IntegerField()),
                ("when", models.TextField()),
                (
                    "effect",
                    models.TextField(
                        choices=[
                            ("allow", "Allow it"), ("deny", "Refuse it"), ("modify", "Change it"),
                            ("require_approval", "Ask for approval"),
                        ]
                    ),
                ),
                ("change", models.TextField(default="")),
                ("approvers", models.JSONField(default=list)),
                ("second_factor", models.BooleanField(default=False)),
                ("on_stale", models.TextField(default="")),
                ("reason", models.TextField()),
                (
                    "severity",
                    models.TextField(
                        choices=[
                            ("low", "Low"), ("medium", "Medium"), ("high", "High"),
                            ("critical", "Critical"),
                        ],
                        default="medium",
                    ),
                ),
                ("created_by", _to("accounts.actor")),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            {
                "verbose_name": "policy",
                "verbose_name_plural": "policies",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "name"], name="governance_policy_once",
                        condition=_IN_FORCE,
                    )
                ],
                "indexes": [
                    models.Index(
                        fields=["tenant", "priority", "id"], name="governance_policy_in_force",
                        condition=_IN_FORCE,
                    ),
                    models.Index(
                        fields=_NEWEST, name="governance_policy_list", condition=_IN_FORCE
                    ),
                ],
            },
        ),
        sql.tenant_table(TABLE, grants="SELECT, INSERT, UPDATE"),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE),
        sql.tenant_fk(TABLE, "created_by_id", "accounts_actor"),
    ]
