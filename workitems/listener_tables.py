"""Tables of items that listen for events: which types, and to which event an item has reacted."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from typing_extensions import override

from ledger.ids import new_id


class Listener(models.Model):
    """An item listens for a type of event. Taken away once it can never be undone any more."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    item = models.ForeignKey("workitems.WorkItem", PROTECT, db_constraint=False, related_name="+")
    type = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "type", "item"], name="workitems_listener_once"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.type


class EventReaction(models.Model):
    """What an item has made of an event, named by its entry: each once, however often it comes.

    `outcome`: `compensated`, else the code of what was in the way.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    item = models.ForeignKey("workitems.WorkItem", PROTECT, db_constraint=False, related_name="+")
    entry_id = models.UUIDField()
    outcome = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "item", "entry_id"], name="workitems_reaction_once"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.outcome
