"""Instances of one task for several deciders: how many there are, and how many are needed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ledger.ids import new_id
from ledger.links import LINK


class Meeting(models.TextChoices):
    """Whether enough instances were completed."""

    OPEN = "OPEN", _("Not decided yet")
    MET = "MET", _("Enough are done")
    IMPOSSIBLE = "IMPOSSIBLE", _("Cannot be met any more")


class OnMet(models.TextChoices):
    """What becomes of the open instances once enough are completed."""

    KEEP = "keep", _("they stay open")
    SUSPEND = "suspend", _("they are put on hold")
    CANCEL = "cancel", _("they are cancelled")


class InstanceGroup(models.Model):
    """So many instances of one task, of which so many are `required`. Those that ended with one of
    `outcomes` count, with any where none is named. It is decided once; the entry is that of the
    instance that decided it, so its own row is not guarded.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    instances = models.IntegerField()
    required = models.IntegerField()
    on_met = models.TextField(choices=OnMet.choices)
    outcomes = models.JSONField(default=list)
    state = models.TextField(choices=Meeting.choices, default=Meeting.OPEN)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="workitems_instances_required",
                condition=models.Q(required__gte=1, required__lte=models.F("instances")),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.required} of {self.instances}"
