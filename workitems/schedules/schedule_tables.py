"""The table of schedules."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from typing_extensions import override

from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id
from ledger.links import LINK
from workitems.template_models import WorkItemTemplate

#: Which schedules make tasks, as SQL over `t`, and for indexes.
RUNS = "t.active AND t.ended_at IS NULL"
_RUNS = models.Q(active=True, ended_at__isnull=True)


class Schedule(Leased):
    """When items are made of a version of a template, and what they say instead of it (`values`).

    It is a row that falls due: `due_at` is the moment of the next item, on the database's clock.
    What is done to it has an entry of the tenant; so it is not guarded. `last_problem`: why the
    moment that came last made nothing.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    name = models.TextField()
    template = models.ForeignKey(WorkItemTemplate, PROTECT, related_name="+", **LINK)
    cron = models.TextField()
    zone = models.TextField()
    values = models.JSONField(default=dict)
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey("accounts.Actor", PROTECT, related_name="+", **LINK)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)
    last_item = models.ForeignKey(
        "workitems.WorkItem", PROTECT, null=True, related_name="+", **LINK
    )
    last_problem = models.TextField(default="")
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                name="workitems_schedule_once",
                condition=models.Q(ended_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            trouble_index("workitems_schedule_troubled"),
            models.Index(
                fields=["queue", "tenant", "due_at", "id"],
                name="workitems_schedule_due",
                condition=_RUNS,
            ),
            models.Index(
                fields=["tenant", "-created_at", "-id"],
                name="workitems_schedule_list",
                condition=models.Q(ended_at__isnull=True),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name
