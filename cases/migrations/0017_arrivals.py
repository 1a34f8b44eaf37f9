"""What comes for a step beside a change of the context, and steps that do no work."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
from ledger import sql

_ARRIVAL = "cases_arrival"


class Migration(migrations.Migration):
    """The table with its walls, and the wider check of plan items."""

    dependencies = [("accounts", "0005_people"), ("cases", "0016_rerouted")]

    operations = [
        migrations.RemoveConstraint("planitem", "cases_planitem_has_work"),
        migrations.AlterField(
            "planitem",
            "type",
            models.TextField(
                choices=[
                    ("work_item", "Task"), ("execution", "Automatic step"), ("sub_case", "Case"),
                    ("signal", "Signal"),
                ]
            ),
        ),
        migrations.AddConstraint(
            "planitem",
            models.CheckConstraint(
                condition=models.Q(
                    ("status", "FAULTED"), ("target_id__isnull", False), ("type__in", ["signal"]),
                    _connector="OR",
                ),
                name="cases_planitem_has_work",
            ),
        ),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("binding", models.TextField()),
                ("heard", models.TextField()),
                ("data", models.JSONField()),
                ("entry_id", models.UUIDField()),
                (
                    "status",
                    models.TextField(
                        choices=[
                            ("WAITING", "Waits"), ("TAKEN", "Has started its step"),
                            ("PASSED_OVER", "Has started nothing"),
                        ],
                        default="WAITING",
                    ),
                ),
                ("created_at", models.DateTimeField()),
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
            "arrival",
            models.UniqueConstraint(
                fields=["tenant", "case", "binding", "entry_id"], name="cases_arrival_once"
            ),
        ),
        migrations.AddIndex(
            "arrival",
            models.Index(
                fields=["tenant", "case", "created_at", "id"], name="cases_arrival_waiting",
                condition=models.Q(("status", "WAITING")),
            ),
        ),
        sql.tenant_table(_ARRIVAL),
        sql.to_tenant(_ARRIVAL),
        sql.unique_in_tenant(_ARRIVAL),
        sql.tenant_fk(_ARRIVAL, "case_id", "cases_case"),
    ]  # fmt: skip
