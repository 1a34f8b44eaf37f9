"""What starts steps beside changes of the context: what has come, and what is to; and steps that do
no work."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models.deletion import CASCADE, PROTECT
from django.db.models.functions import Now

import ledger.ids
from ledger import sql

_ARRIVAL, _LISTENER = "cases_arrival", "cases_eventlistener"
_ROUND, _DUE = "cases_eventround", "cases_stepdue"
_LISTENING = "COMPENSATING", "COMPENSATION_FAULTED", "FAULTED", "RUNNING", "SUSPENDED"
# Rows that fall due go when nothing is left to do.
_GOES = "SELECT, INSERT, UPDATE, DELETE"


def _id() -> tuple[str, models.Field]:
    field = models.UUIDField(
        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
    )
    return "id", field


def _link(name: str, to: str, on_delete: Any) -> tuple[str, models.Field]:
    field = models.ForeignKey(
        to, on_delete, db_constraint=False, db_index=False, related_name="+"
    )
    return name, field


def _leased() -> list[tuple[str, models.Field]]:
    return [
        ("queue", models.TextField(default="engine", db_default="engine")),
        ("leased_until", models.DateTimeField(null=True)),
        ("lease_token", models.UUIDField(null=True)),
    ]


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
                    ("signal", "Signal"), ("throw", "Rollback"),
                ]
            ),
        ),
        migrations.AddConstraint(
            "planitem",
            models.CheckConstraint(
                condition=models.Q(
                    ("status", "FAULTED"), ("target_id__isnull", False), ("type__in", ["signal", "throw"]),
                    _connector="OR",
                ),
                name="cases_planitem_has_work",
            ),
        ),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                _id(),
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
                _link("case", "cases.Case", CASCADE),
                _link("tenant", "accounts.Tenant", PROTECT),
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
        migrations.CreateModel(
            name="EventListener",
            fields=[
                _id(),
                ("type", models.TextField()),
                _link("definition", "cases.CaseDefinition", PROTECT),
                _link("tenant", "accounts.Tenant", PROTECT),
            ],
        ),
        migrations.AddConstraint(
            "eventlistener",
            models.UniqueConstraint(
                fields=["tenant", "type", "definition"], name="cases_eventlistener_once"
            ),
        ),
        migrations.CreateModel(
            name="EventRound",
            fields=[
                _id(),
                ("entry_id", models.UUIDField()),
                ("definition_id", models.UUIDField(null=True)),
                ("case_id", models.UUIDField(null=True)),
                ("due_at", models.DateTimeField(db_default=Now())),
                *_leased(),
                _link("tenant", "accounts.Tenant", PROTECT),
            ],
        ),
        migrations.AddConstraint(
            "eventround",
            models.UniqueConstraint(fields=["tenant", "entry_id"], name="cases_eventround_once"),
        ),
        migrations.AddIndex(
            "eventround",
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="cases_eventround_due"),
        ),
        migrations.CreateModel(
            name="StepDue",
            fields=[
                _id(),
                ("binding", models.TextField()),
                ("due_at", models.DateTimeField()),
                *_leased(),
                _link("case", "cases.Case", CASCADE),
                _link("tenant", "accounts.Tenant", PROTECT),
            ],
        ),
        migrations.AddConstraint(
            "stepdue",
            models.UniqueConstraint(
                fields=["tenant", "case", "binding"], name="cases_stepdue_once"
            ),
        ),
        migrations.AddIndex(
            "stepdue",
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="cases_step_due"),
        ),
        migrations.AddIndex(
            "case",
            models.Index(
                fields=["tenant", "definition", "id"], name="cases_listening",
                condition=models.Q(("status__in", list(_LISTENING))),
            ),
        ),
        sql.tenant_table(_ARRIVAL),
        sql.to_tenant(_ARRIVAL),
        sql.unique_in_tenant(_ARRIVAL),
        sql.tenant_fk(_ARRIVAL, "case_id", "cases_case"),
        sql.tenant_table(_LISTENER, grants="SELECT, INSERT"),
        sql.to_tenant(_LISTENER),
        sql.unique_in_tenant(_LISTENER),
        sql.tenant_fk(_LISTENER, "definition_id", "cases_casedefinition"),
        sql.tenant_table(_ROUND, grants=_GOES),
        sql.to_tenant(_ROUND),
        sql.unique_in_tenant(_ROUND),
        sql.opened_to("sweep", _ROUND, update=True),
        # When it is due is the database's clock, which tests shift.
        migrations.RunSQL(
            f"ALTER TABLE public.{_ROUND} ALTER COLUMN due_at SET DEFAULT public.ledger_now();",
            migrations.RunSQL.noop,
        ),
        sql.tenant_table(_DUE, grants=_GOES),
        sql.to_tenant(_DUE),
        sql.unique_in_tenant(_DUE),
        sql.tenant_fk(_DUE, "case_id", "cases_case"),
        sql.opened_to("sweep", _DUE, update=True),
    ]  # fmt: skip
