"""What a case has reached, and when a milestone is late."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
from ledger import sql

_DUE = "cases_milestonedue"


class Migration(migrations.Migration):
    """The column, and the table with its walls."""

    dependencies = [("accounts", "0005_people"), ("cases", "0014_what_steps_have_seen")]

    operations = [
        migrations.AddField("case", "milestones", models.JSONField(default=dict)),
        migrations.CreateModel(
            name="MilestoneDue",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("milestone", models.TextField()),
                ("queue", models.TextField(default="upkeep", db_default="upkeep")),
                ("due_at", models.DateTimeField()),
                ("leased_until", models.DateTimeField(null=True)),
                ("lease_token", models.UUIDField(null=True)),
                (
                    "case",
                    models.ForeignKey(
                        "cases.Case", django.db.models.deletion.CASCADE, db_constraint=False,
                        db_index=False, related_name="+",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        "accounts.Tenant", django.db.models.deletion.PROTECT, db_constraint=False,
                        db_index=False, related_name="+",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "milestonedue",
            models.UniqueConstraint(
                fields=["tenant", "case", "milestone"], name="cases_milestonedue_once"
            ),
        ),
        migrations.AddIndex(
            "milestonedue",
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="cases_milestone_due"),
        ),
        sql.tenant_table(_DUE, grants="SELECT, INSERT, UPDATE, DELETE"),
        sql.to_tenant(_DUE),
        sql.unique_in_tenant(_DUE),
        sql.tenant_fk(_DUE, "case_id", "cases_case"),
        sql.opened_to("sweep", _DUE, update=True),
    ]  # fmt: skip
