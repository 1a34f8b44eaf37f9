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
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from ledger.ids import new_id


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


class OutboxTask(models.Model):
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
    leased_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    done_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    parked_at = models.DateTimeField(null=True)
    troubled_since = models.DateTimeField(null=True)
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
