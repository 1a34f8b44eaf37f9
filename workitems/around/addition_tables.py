"""Tables of what members put around an item.

Nothing is deleted: what is removed keeps its row (`removed_at`, `removed_by`) and has an entry of
its item, as adding it has.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from typing_extensions import override

from ledger.ids import new_id

FORWARD, UNDO = "forward", "undo"
_PRESENT = models.Q(removed_at__isnull=True)


class Addition(models.Model):
    """One thing that a member put beside an item."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    item = models.ForeignKey("workitems.WorkItem", PROTECT, db_constraint=False, related_name="+")
    created_by = models.ForeignKey("accounts.Actor", PROTECT, db_constraint=False, related_name="+")
    created_at = models.DateTimeField()
    removed_by = models.ForeignKey(
        "accounts.Actor", PROTECT, null=True, db_constraint=False, related_name="+"
    )
    removed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "item", "-created_at", "-id"],
                name="%(app_label)s_%(class)s_of_item",
                condition=_PRESENT,
            )
        ]


class Note(Addition):
    """What a member wrote about an item, for all who may see it."""

    text = models.TextField()

    @override
    def __str__(self) -> str:
        return self.text


class Label(Addition):
    """A word by which items are told apart and found; an item has each once."""

    name = models.TextField()

    class Meta(Addition.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "item", "name"], name="workitems_label_once", condition=_PRESENT
            )
        ]
        indexes: ClassVar = [
            *Addition.Meta.indexes,
            models.Index(
                fields=["tenant", "name", "item"], name="workitems_labelled", condition=_PRESENT
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class Link(Addition):
    """An address elsewhere that has to do with an item. Only `http` and `https`, and never read by
    us."""

    url = models.TextField()
    title = models.TextField(default="")

    class Meta(Addition.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "item", "url"], name="workitems_link_once", condition=_PRESENT
            )
        ]

    @override
    def __str__(self) -> str:
        return self.title or self.url


class Relation(Addition):
    """How an item stands to another thing of the tenant, told from the item's side.

    An `enforced` one of type BLOCKS keeps its target from being started or completed while the item
    is open, one of type PART_OF from being completed. `spawned`: the item was made as a part.
    """

    type = models.TextField()
    target_type = models.TextField()
    target_id = models.UUIDField()
    enforced = models.BooleanField(default=False)
    spawned = models.BooleanField(default=False, db_default=False)

    class Meta(Addition.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "item", "type", "target_type", "target_id"],
                name="workitems_relation_once",
                condition=_PRESENT,
            )
        ]
        indexes: ClassVar = [
            *Addition.Meta.indexes,
            models.Index(
                fields=["tenant", "target_id", "-created_at"],
                name="workitems_related",
                condition=_PRESENT,
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.type


class Progress(models.Model):
    """How far an item is in one dimension, as said last; what was said before is in the ledger.

    `round` is that of the undo it is about.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    item = models.ForeignKey("workitems.WorkItem", PROTECT, db_constraint=False, related_name="+")
    dimension = models.TextField(choices=[(each, each) for each in (FORWARD, UNDO)])
    shape = models.TextField()
    value = models.JSONField()
    round = models.IntegerField(default=0)
    reported_by = models.ForeignKey(
        "accounts.Actor", PROTECT, db_constraint=False, related_name="+"
    )
    reported_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "item", "dimension"], name="workitems_progress_once"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.dimension}: {self.shape}"


class Draft(models.Model):
    """What the assignee of an item has filled in of its answer. Not news, so not guarded; it goes
    with the assignee and with the end of the item."""

    item = models.OneToOneField(
        "workitems.WorkItem",
        models.CASCADE,
        primary_key=True,
        db_constraint=False,
        related_name="+",
    )
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    actor = models.ForeignKey("accounts.Actor", PROTECT, db_constraint=False, related_name="+")
    form = models.JSONField()
    saved_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return str(self.saved_at)


class Attachment(Addition):
    """A file. Its bytes are in the storage, under the tenant and this row's id."""

    name = models.TextField()
    content_type = models.TextField()
    size = models.IntegerField()
    sha256 = models.TextField()

    @override
    def __str__(self) -> str:
        return self.name
