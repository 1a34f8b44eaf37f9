"""Tables of what starts steps beside changes of the context: what has come, and what is to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django.db.models.functions import Now

from cases.lifecycle import ArrivalStatus
from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id
from ledger.links import LINK


class Arrival(models.Model):
    """Something that came for a step beside a change of the context, kept until the engine has
    seen to it: `heard` says what (a signal, an event, a moment), `data` how its step sees it (empty
    where the row of another step of the case says it, of the same entry), `entry_id` which entry
    told of it, `plan_item_id` what its step last became of it. Not guarded: that entry is.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    case = models.ForeignKey("cases.Case", models.CASCADE, related_name="+", **LINK)
    binding = models.TextField()
    heard = models.TextField()
    data = models.JSONField()
    entry_id = models.UUIDField()
    plan_item_id = models.UUIDField(null=True)
    status = models.TextField(choices=ArrivalStatus.choices, default=ArrivalStatus.WAITING)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            # What is told again starts nothing again.
            models.UniqueConstraint(
                fields=["tenant", "case", "binding", "entry_id"], name="cases_arrival_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "case", "created_at", "id"],
                name="cases_arrival_waiting",
                condition=models.Q(status=ArrivalStatus.WAITING),
            ),
        ]


class EventListener(models.Model):
    """A type of event that a version of a definition listens to. Insert-only, like that."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    type = models.TextField()
    definition = models.ForeignKey("cases.CaseDefinition", PROTECT, related_name="+", **LINK)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "type", "definition"], name="cases_eventlistener_once"
            ),
        ]


class EventRound(Leased):
    """An event on its way to the open cases that listen to it, some at a time, as a row that is due
    until it has been with all of them. `definition_id` and `case_id`: the last it was with."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    entry_id = models.UUIDField()
    definition_id = models.UUIDField(null=True)
    case_id = models.UUIDField(null=True)
    queue = models.TextField(default="engine", db_default="engine")
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "entry_id"], name="cases_eventround_once"),
        ]
        indexes: ClassVar = [
            trouble_index("cases_round_troubled"),
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="cases_eventround_due"),
        ]


class StepDue(Leased):
    """The next moment of a step of a case that starts by schedule, as a row that falls due."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    case = models.ForeignKey("cases.Case", models.CASCADE, related_name="+", **LINK)
    binding = models.TextField()
    queue = models.TextField(default="engine", db_default="engine")
    due_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "case", "binding"], name="cases_stepdue_once")
        ]
        indexes: ClassVar = [
            trouble_index("cases_stepdue_troubled"),
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="cases_step_due"),
        ]
