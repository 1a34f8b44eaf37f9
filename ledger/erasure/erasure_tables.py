"""Tables of erasure: requests, their receipts, what is gone, and what is held."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id


class _DueRow(Leased):
    """What is worked on in portions by whoever leases it: how it is found, and where it goes on.

    `place` is where the work goes on, `last_error` why it last could not.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    version = models.IntegerField(default=1, db_default=1)
    place = models.JSONField(default=dict, db_default={})
    ended_at = models.DateTimeField(null=True)
    last_error = models.TextField(default="", db_default="")
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True


class Erasure(_DueRow):
    """A request to erase what is kept about one person: counted, confirmed, worked as a due row.

    `found` and `kept` are what was counted, by kind of row: what goes, and what a legal hold keeps;
    `erased` what is gone so far. `also` and `names` are what the person is called by; they are
    emptied with the end of the work, as the mapping is. What is erased is erased under the receipt
    of this id.
    """

    actor_id = models.UUIDField()
    requested_by_id = models.UUIDField()
    requested_at = models.DateTimeField()
    reason = models.TextField(default="", db_default="")
    also = models.JSONField(default=list, db_default=[])
    names = models.JSONField(null=True)
    state = models.TextField(default="COUNTING", db_default="COUNTING")
    found = models.JSONField(default=dict, db_default={})
    kept = models.JSONField(default=dict, db_default={})
    erased = models.JSONField(default=dict, db_default={})
    confirmed_by_id = models.UUIDField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            # One at a time of one person: whoever asks meanwhile is told of that one.
            models.UniqueConstraint(
                fields=["tenant_id", "actor_id"],
                name="ledger_erasure_one",
                condition=models.Q(ended_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            trouble_index("ledger_erasure_troubled", "tenant_id"),
            models.Index(
                fields=["queue", "tenant_id", "due_at", "id"],
                name="ledger_erasure_due",
                condition=models.Q(state__in=["COUNTING", "ERASING"]),
            ),
            models.Index(fields=["tenant_id", "-requested_at", "-id"], name="ledger_erasure_new"),
        ]

    @property
    def status(self) -> str:
        """Its state, by the name that verbs ask for."""
        return self.state


class ErasureReceipt(models.Model):
    """That something was erased: what, of how many, when, by whose word. Tokens, never a name.

    `actor_id` is the token that stands for nobody now; None where payloads were pruned by age.
    `hash` is the SHA-256 of the rest in canonical form, and part of the entry that tells of it.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant_id = models.UUIDField()
    actor_id = models.UUIDField(null=True)
    confirmed_by_id = models.UUIDField(null=True)
    basis = models.TextField()
    counts = models.JSONField()
    at = models.DateTimeField()
    hash = models.BinaryField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-at", "-id"], name="ledger_receipt_new"),
        ]


class ErasedPayload(models.Model):
    """That a payload is gone, and under which receipt. Written by the statement that removes it."""

    pk = models.CompositePrimaryKey("entry_id", "name")
    entry_id = models.UUIDField()
    name = models.TextField()
    tenant_id = models.UUIDField()
    receipt_id = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "receipt_id"], name="ledger_erased_under"),
        ]


class LegalHold(models.Model):
    """What must be kept, whoever asks for it to be erased: a subject, or a case with all in it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    version = models.IntegerField(default=1, db_default=1)
    subject_type = models.TextField()
    subject_id = models.UUIDField()
    reason = models.TextField()
    placed_by_id = models.UUIDField()
    placed_at = models.DateTimeField()
    lifted_by_id = models.UUIDField(null=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_reason = models.TextField(default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "subject_type", "subject_id"],
                name="ledger_hold_once",
                condition=models.Q(lifted_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "-placed_at", "-id"], name="ledger_hold_new"),
        ]


class Retention(_DueRow):
    """For how long (`keep`) payloads of entries of one kind stay: a due row, ended and never
    deleted. `pruned` is how many payloads are gone so far."""

    kind = models.TextField()
    keep = models.TextField()
    set_by_id = models.UUIDField()
    set_at = models.DateTimeField()
    ended_by_id = models.UUIDField(null=True)
    pruned = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "kind"],
                name="ledger_retention_once",
                condition=models.Q(ended_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            trouble_index("ledger_retention_troubled", "tenant_id"),
            models.Index(
                fields=["queue", "tenant_id", "due_at", "id"],
                name="ledger_retention_due",
                condition=models.Q(ended_at__isnull=True),
            ),
            models.Index(fields=["tenant_id", "-set_at", "-id"], name="ledger_retention_new"),
        ]
