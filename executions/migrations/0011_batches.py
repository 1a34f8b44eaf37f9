"""Batches: an ordered list of executions under one id, with walls and a guard of their own."""

from __future__ import annotations

import django_fsm
from django.db import migrations, models
from django.db.models import PROTECT

import ledger.ids
from ledger import sql
from ledger.links import LINK

_STATUSES = [
    ("RUNNING", "Running"),
    ("COMPLETED", "Done"),
    ("FAILED", "Failed"),
    ("COMPENSATING", "Being undone"),
    ("COMPENSATED", "Undone"),
    ("PARTIALLY_COMPENSATED", "Partly undone"),
    ("COMPENSATION_FAULTED", "Needs a decision"),
]
_ON_FAILURE = [
    ("stop", "Stop there"),
    ("continue", "Go on with the next"),
    ("compensate", "Stop there, and undo what was done"),
]
_COLUMNS = [
    (
        "id",
        models.UUIDField(
            default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
        ),
    ),
    ("version", models.IntegerField(default=1)),
    (
        "status",
        django_fsm.FSMField(choices=_STATUSES, default="RUNNING", max_length=50, protected=True),
    ),
    ("prior_status", models.TextField(blank=True, default="")),
    ("on_failure", models.TextField(choices=_ON_FAILURE, default="stop")),
    ("reason", models.TextField(blank=True, default="")),
    ("size", models.IntegerField(verbose_name="calls")),
    ("failed_at", models.DateTimeField(null=True)),
    ("failed_call", models.IntegerField(null=True)),
    ("stopped_since", models.DateTimeField(null=True)),
    ("stopped_error", models.TextField(blank=True, default="")),
    ("requested_by", models.ForeignKey("accounts.actor", PROTECT, related_name="+", **LINK)),
    ("tenant", models.ForeignKey("accounts.tenant", PROTECT, related_name="+", **LINK)),
    ("created_at", models.DateTimeField()),
    ("ended_at", models.DateTimeField(null=True)),
]


class Migration(migrations.Migration):
    """The table, and on executions which call of which batch they are."""

    dependencies = [("executions", "0010_decided_by_policies"), ("accounts", "0002_walls")]

    operations = [
        migrations.CreateModel("Batch", _COLUMNS, options={"verbose_name_plural": "batches"}),
        migrations.AddIndex(
            "batch",
            models.Index(fields=["tenant", "-created_at", "-id"], name="executions_batch_list"),
        ),
        migrations.AddIndex(
            "batch",
            models.Index(
                fields=["tenant", "status", "-created_at", "-id"], name="executions_batch_status"
            ),
        ),
        migrations.AddIndex(
            "batch",
            models.Index(
                fields=["tenant", "id"],
                name="executions_batch_stopped",
                condition=models.Q(stopped_since__isnull=False),
            ),
        ),
        migrations.AddField(
            "execution",
            "batch",
            models.ForeignKey(
                "executions.batch", PROTECT, null=True, related_name="executions", **LINK
            ),
        ),
        migrations.AddField(
            "execution",
            "batch_position",
            models.IntegerField(null=True, verbose_name="call"),
        ),
        migrations.AddConstraint(
            "execution",
            models.UniqueConstraint(
                fields=["tenant", "batch", "batch_position"],
                condition=models.Q(batch__isnull=False),
                name="executions_execution_call",
            ),
        ),
        sql.tenant_table("executions_batch", grants="SELECT, INSERT, UPDATE"),
        sql.to_tenant("executions_batch"),
        sql.unique_in_tenant("executions_batch"),
        sql.tenant_fk("executions_batch", "requested_by_id", "accounts_actor"),
        sql.tenant_fk("executions_execution", "batch_id", "executions_batch"),
        sql.guard("executions_batch", "batch"),
        sql.opened_to("verify", "executions_batch", "id", "tenant_id", "status", "version"),
    ]
