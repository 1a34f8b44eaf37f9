"""Templates of work items: what items made from one have in common."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from typing_extensions import override

from ledger.ids import new_id
from ledger.ordered_json import OrderedJSONField


class WorkItemTemplate(models.Model):
    """One version of a template. `content` is what its items say, by the members of a new
    item. A version never changes; `ended_at` says that no item is made from it any more.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    name = models.TextField()
    version = models.IntegerField()
    content = OrderedJSONField()
    created_by = models.ForeignKey("accounts.Actor", PROTECT, db_constraint=False, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "name", "version"], name="workitems_template_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="workitems_template_list"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.name} {self.version}"
