"""Who looks on what becomes of an item (WS-HumanTask 1.1 §3.1, task stakeholders).

An item keeps them itself, beside its `owner`, so that whoever reads it knows them; these rows are
for finding the items of one person.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT

from ledger.ids import new_id
from ledger.links import LINK


class Stakeholder(models.Model):
    """Somebody is told of what becomes of an item."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    item = models.ForeignKey("workitems.WorkItem", PROTECT, related_name="+", **LINK)
    actor = models.ForeignKey("accounts.Actor", PROTECT, related_name="+", **LINK)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "actor", "item"], name="workitems_stakeholder_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "item"], name="workitems_stakeholder_item"),
        ]
