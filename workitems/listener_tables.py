"""Tables of items that follow what happens elsewhere: the types of events they listen for, to which
event an item has reacted, and of what it was made."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from typing_extensions import override

from ledger.ids import new_id
from ledger.links import LINK


class Listener(models.Model):
    """An item listens for a type of event. Taken away once it can never be undone any more."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    item = models.ForeignKey("workitems.WorkItem", PROTECT, related_name="+", **LINK)
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
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    item = models.ForeignKey("workitems.WorkItem", PROTECT, related_name="+", **LINK)
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


class UsedResult(models.Model):
    """Work of a case used what another step had written, which was undone. As `Derivation`: `round`
    is the undo of the source after which it was marked last, `review` the item that then asked."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    user_type = models.TextField()
    user_id = models.UUIDField()
    source_type = models.TextField()
    source_id = models.UUIDField()
    round = models.IntegerField()
    review = models.ForeignKey("workitems.WorkItem", PROTECT, related_name="+", **LINK)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "user_id", "source_id"], name="workitems_used_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "review"], name="workitems_used_review"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.source_type} {self.source_id}"


class Derivation(models.Model):
    """An item was made of something. `round`: the undo of that after which it was marked last,
    `review` the item that then asked what becomes of it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    item = models.ForeignKey("workitems.WorkItem", PROTECT, related_name="+", **LINK)
    source_type = models.TextField()
    source_id = models.UUIDField()
    round = models.IntegerField(default=0, db_default=0)
    review = models.ForeignKey("workitems.WorkItem", PROTECT, null=True, related_name="+", **LINK)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "source_id", "item"], name="workitems_derivation_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "review"],
                name="workitems_derivation_review",
                condition=models.Q(review__isnull=False),
            ),
            models.Index(fields=["tenant", "item"], name="workitems_derivation_item"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.source_type} {self.source_id}"
