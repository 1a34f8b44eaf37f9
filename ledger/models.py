"""Tables of the ledger. They are written by `ledger.record` and `ledger.dispatch` alone.

Entries and payloads are insert-only for the application's role (grants, and triggers that fire
ALWAYS). `ledger_ledgerentry` has one more column that no model shows, `xact_id`: the transaction
that inserted the row, stamped by a trigger and read by the guards.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from ledger.dispatch.lease_columns import Leased, trouble_index

# What is erased has tables of its own.
from ledger.erasure.erasure_tables import (
    ErasedPayload,
    Erasure,
    ErasureReceipt,
    LegalHold,
    Retention,
)
from ledger.ids import new_id

__all__ = [
    "Checkpoint",
    "ErasedPayload",
    "Erasure",
    "ErasureReceipt",
    "LedgerEntry",
    "LedgerHead",
    "LedgerLeaf",
    "LedgerTile",
    "LedgerTree",
    "LedgerVerification",
    "LegalHold",
    "OutboxEvent",
    "OutboxTask",
    "Payload",
    "Retention",
    "UnsealedEntry",
    "WantedNews",
    "WorkerBeat",
]


class LedgerEntry(models.Model):
    """One immutable record of one thing that happened to one subject.

    `body` holds the canonical bytes as they were hashed; every other column repeats what is in them
    for searching, and `verify_ledger` compares the two.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    subject_type = models.TextField()
    subject_id = models.UUIDField()
    subject_seq = models.IntegerField()
    subject_version = models.IntegerField()
    previous_hash = models.BinaryField(null=True)
    hash = models.BinaryField()
    kind = models.TextField()
    action = models.TextField()
    from_status = models.TextField()
    to_status = models.TextField()
    actor_id = models.UUIDField()
    actor_type = models.TextField()
    actor_role = models.TextField()
    on_behalf_of_id = models.UUIDField(null=True)
    caused_by_id = models.UUIDField(null=True)
    caused_by_hash = models.BinaryField(null=True)
    original_id = models.UUIDField(null=True)
    original_hash = models.BinaryField(null=True)
    correlation_id = models.UUIDField()
    case_id = models.UUIDField(null=True)
    completion_seq = models.BigIntegerField(null=True)
    compensation = models.JSONField(null=True)
    at = models.DateTimeField()
    body = models.BinaryField()

    class Meta:
        verbose_name = gettext_lazy("ledger entry")
        verbose_name_plural = gettext_lazy("ledger entries")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "subject_type", "subject_id", "subject_seq"],
                name="ledger_entry_chain",
            ),
        ]
        indexes: ClassVar = [
            # The guards ask for one version of one subject; a chain may be long. Why the tenant is
            # not part of it: `ledger.sql.GUARD`.
            models.Index(fields=["subject_id", "subject_version"], name="ledger_entry_guard"),
            models.Index(
                fields=["tenant_id", "case_id", "at", "id"],
                name="ledger_entry_case",
                condition=models.Q(case_id__isnull=False),
            ),
            models.Index(fields=["tenant_id", "at", "id"], name="ledger_entry_time"),
            # What an entry led to.
            models.Index(
                fields=["tenant_id", "caused_by_id"],
                name="ledger_entry_effects",
                condition=models.Q(caused_by_id__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return _("Entry %(n)s") % {"n": self.subject_seq}


class LedgerHead(models.Model):
    """The end of one subject's chain. Moved only by the statement that appends the entry."""

    pk = models.CompositePrimaryKey("tenant_id", "subject_type", "subject_id")
    tenant_id = models.UUIDField()
    subject_type = models.TextField()
    subject_id = models.UUIDField()
    seq = models.IntegerField()
    hash = models.BinaryField()
    entry_id = models.UUIDField()


class Payload(models.Model):
    """The bytes behind one commitment of one entry: erasable, the hash does not need them."""

    pk = models.CompositePrimaryKey("entry_id", "name")
    entry_id = models.UUIDField()
    name = models.TextField()
    tenant_id = models.UUIDField()
    salt = models.BinaryField()
    body = models.BinaryField()


class OutboxEvent(models.Model):
    """The news of one entry, under the entry's own id, for whoever registered for it.

    `shard` is the case, or the subject where there is none: order is kept within it.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    tenant_id = models.UUIDField()
    type = models.TextField()
    subject_type = models.TextField()
    subject_id = models.UUIDField()
    case_id = models.UUIDField(null=True)
    shard = models.UUIDField()
    at = models.DateTimeField()


class OutboxTask(Leased):
    """One consumer's duty for one event: attempts, back-off, lease, dead letter.

    A lane (its name, shard) is worked by one worker at a time, from its oldest unfinished task on.
    `queue` is where it is announced; `parked_at`: it stands behind a dead one that holds the lane,
    and nobody looks at it; `troubled_since`: it is tried again and again, because of trouble of our
    own. Times are the database's clock.
    """

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.UUIDField()
    event_id = models.UUIDField()
    consumer = models.TextField()
    shard = models.UUIDField()
    attempts = models.IntegerField(default=0, db_default=0)
    lane = models.TextField(default="", db_default="")
    queue = models.TextField(default="engine", db_default="engine")
    due_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    parked_at = models.DateTimeField(null=True)
    last_error = models.TextField(default="", db_default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event_id", "consumer"], name="ledger_task_once"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant_id", "lane", "shard", "id"],
                name="ledger_task_lane",
                condition=models.Q(done_at__isnull=True),
            ),
            models.Index(
                fields=["queue", "tenant_id", "due_at", "id"],
                name="ledger_task_due",
                condition=models.Q(
                    done_at__isnull=True, dead_at__isnull=True, parked_at__isnull=True
                ),
            ),
        ]


class WantedNews(models.Model):
    """A type of news that a consumer hears in one tenant, beside those it hears in all.

    `lane` and `queue` are the consumer's: `record` makes its tasks of what stands here.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    type = models.TextField()
    consumer = models.TextField()
    lane = models.TextField()
    queue = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant_id", "type", "consumer"], name="ledger_wanted_once"
            ),
        ]


class WorkerBeat(models.Model):
    """When a worker was last there, by the database's clock. Of no tenant."""

    name = models.TextField(primary_key=True)
    queues = ArrayField(models.TextField())
    seen_at = models.DateTimeField()


class UnsealedEntry(models.Model):
    """An entry that has no place in its tenant's tree yet. A trigger writes the row with the entry,
    so that a late commit is as visible as any; the sealer alone removes it."""

    pk = models.CompositePrimaryKey("tenant_id", "entry_id")
    tenant_id = models.UUIDField()
    entry_id = models.UUIDField()
    since = models.DateTimeField(db_default=Now())


class LedgerLeaf(models.Model):
    """The place of one entry in its tenant's tree: dense, and for ever."""

    pk = models.CompositePrimaryKey("tenant_id", "tree_index")
    tenant_id = models.UUIDField()
    tree_index = models.BigIntegerField()
    entry_id = models.UUIDField()
    leaf_hash = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "entry_id"], name="ledger_leaf_once"),
        ]


class LedgerTile(models.Model):
    """A full tile: 256 hashes of one level side by side, and the root over them, which is one hash
    of the level above. What is not full is leaves, and roots of the level beneath."""

    pk = models.CompositePrimaryKey("tenant_id", "level", "number")
    tenant_id = models.UUIDField()
    level = models.SmallIntegerField()
    number = models.BigIntegerField()
    hashes = models.BinaryField()
    root = models.BinaryField()


class Checkpoint(models.Model):
    """A signed statement of how large the tree was and what its root: a C2SP signed note.

    `consistency` proves it to be the checkpoint of `previous_size` with leaves appended.
    """

    pk = models.CompositePrimaryKey("tenant_id", "size")
    tenant_id = models.UUIDField()
    size = models.BigIntegerField()
    root = models.BinaryField()
    previous_size = models.BigIntegerField()
    consistency = models.BinaryField()
    note = models.TextField()
    at = models.DateTimeField()


class LedgerTree(Leased):
    """What becomes of a tenant's tree outside: up to where it is anchored, and what is wrong.

    A due row: the newest checkpoint is anchored, and compared with the newest one outside.
    `trouble` says why the sealer refuses to go on, and `seal_at` when it tries again.
    """

    tenant_id = models.UUIDField(primary_key=True)
    origin = models.TextField()
    sealed_size = models.BigIntegerField(default=0, db_default=0)
    anchored_size = models.BigIntegerField(default=0, db_default=0)
    anchored_at = models.DateTimeField(null=True)
    trouble = models.TextField(default="", db_default="")
    seal_attempts = models.IntegerField(default=0, db_default=0)
    seal_at = models.DateTimeField(null=True)
    last_error = models.TextField(default="", db_default="")
    attempts = models.IntegerField(default=0, db_default=0)
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            trouble_index("ledger_tree_troubled", "tenant_id"),
            models.Index(fields=["queue", "tenant_id", "due_at"], name="ledger_tree_due"),
        ]

    @override
    def __str__(self) -> str:
        return self.origin


class TreeWitness(Leased):
    """What one witness, or authority of time stamps, knows of a tenant's tree: a due row. `size` is
    that of the checkpoint it signed last, `trouble` what it says that our tree cannot be."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    name = models.TextField()
    size = models.BigIntegerField(default=0, db_default=0)
    signed_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    trouble = models.TextField(default="", db_default="")
    last_error = models.TextField(default="", db_default="")
    attempts = models.IntegerField(default=0, db_default=0)
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="ledger_witness_once"),
        ]
        indexes: ClassVar = [
            trouble_index("ledger_witness_troubled", "tenant_id"),
            models.Index(fields=["queue", "tenant_id", "due_at"], name="ledger_witness_due"),
        ]


class Countersignature(models.Model):
    """What somebody outside has signed about one checkpoint: the line of a `witness`, or the token
    of a `timestamp`."""

    pk = models.CompositePrimaryKey("tenant_id", "size", "name")
    tenant_id = models.UUIDField()
    size = models.BigIntegerField()
    name = models.TextField()
    kind = models.TextField()
    said = models.BinaryField()
    at = models.DateTimeField()


class LedgerVerification(Leased):
    """One check of all that a tenant has recorded: asked for, worked as a due row, kept.

    `outcome` is empty until it has ended: `valid`, `broken`, or `failed` where it could not be
    carried through. `checked`: how many entries so far, of `total` when it was asked for.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    requested_by_id = models.UUIDField()
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    total = models.BigIntegerField(default=0, db_default=0)
    checked = models.BigIntegerField(default=0, db_default=0)
    outcome = models.TextField(default="", db_default="")
    result = models.JSONField(null=True)
    attempts = models.IntegerField(default=0, db_default=0)
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            # One at a time: whoever asks meanwhile is told of that one.
            models.UniqueConstraint(
                fields=["tenant_id"],
                name="ledger_verification_one",
                condition=models.Q(finished_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            trouble_index("ledger_check_troubled", "tenant_id"),
            models.Index(
                fields=["queue", "tenant_id", "due_at", "id"],
                name="ledger_verification_due",
                condition=models.Q(finished_at__isnull=True),
            ),
            models.Index(fields=["tenant_id", "-requested_at"], name="ledger_verification_new"),
        ]

    @override
    def __str__(self) -> str:
        return _("Check of %(day)s") % {"day": date_format(self.requested_at, "j F Y, H:i")}
