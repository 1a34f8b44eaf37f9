"""Attempts to undo anything, and the completion counter that gives the order."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT

from compensation.lifecycle import AttemptOutcome
from ledger.ids import new_id


class CompensationAttempt(models.Model):
    """One try at undoing one finished work item or execution. Every try is a row.

    `round` counts COMPLETED→COMPENSATING, `number` the tries within it. `compensation_*` names what
    does the undoing: a work item or an execution.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    original_type = models.TextField()
    original_id = models.UUIDField()
    round = models.IntegerField()
    number = models.IntegerField()
    mode = models.TextField()
    strategy = models.TextField()
    capability = models.TextField(default="")
    performer = models.TextField(default="")
    replaced_performer = models.TextField(default="")
    compensation_type = models.TextField()
    compensation_id = models.UUIDField()
    request = models.JSONField()
    requested_by = models.ForeignKey(
        "accounts.Actor", PROTECT, db_constraint=False, related_name="+"
    )
    run_id = models.UUIDField(null=True)
    outcome = models.TextField(
        choices=AttemptOutcome.choices, default=AttemptOutcome.OPEN, blank=True
    )
    error = models.TextField(default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "original_type", "original_id", "round", "number"],
                name="compensation_attempt_number",
            ),
            # Two compensations at once cannot both open an attempt, whatever else fails.
            models.UniqueConstraint(
                fields=["tenant", "original_type", "original_id"],
                condition=models.Q(outcome=""),
                name="compensation_attempt_one_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "compensation_id"], name="compensation_attempt_by_undo"),
        ]


class CompletionCounter(models.Model):
    """The last completion number of a case: the order of completion, drawn under its row lock."""

    case_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    last = models.BigIntegerField(default=0)
