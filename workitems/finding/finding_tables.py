"""Tables by which work is found."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import PROTECT
from typing_extensions import override

from ledger.ids import new_id
from ledger.links import LINK


class WordsField(models.TextField):  # type: ignore[type-arg]  # takes none when it runs
    """A `tsvector`: words that the database keeps and looks up."""

    @override
    def db_type(self, connection: Any) -> str:
        return "tsvector"


class ItemText(models.Model):
    """The words of an item and the parts of its title; see `item_texts`.

    The database keeps it, apart from the item: what moves an item writes none of its words again.
    """

    item = models.OneToOneField(
        "workitems.WorkItem", models.CASCADE, primary_key=True, db_constraint=False,
        related_name="+",
    )  # fmt: skip
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    words = WordsField()


class SavedFilter(models.Model):
    """A filter of work under a name, of one member, or `shared` with all. No news, so not guarded.

    `filter` has the members of a search. What has ended keeps its row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    version = models.IntegerField(default=1)
    owner = models.ForeignKey("accounts.Actor", PROTECT, db_constraint=False, related_name="+")
    name = models.TextField()
    filter = models.JSONField(default=dict)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "owner", "name"],
                name="workitems_savedfilter_once",
                condition=models.Q(ended_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "owner", "-created_at", "-id"],
                name="workitems_filters_own",
                condition=models.Q(ended_at__isnull=True),
            ),
            models.Index(
                fields=["tenant", "-created_at", "-id"],
                name="workitems_filters_shared",
                condition=models.Q(ended_at__isnull=True, shared=True),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name
