"""The recording door: the only writer of the ledger and of the outbox.

`record` appends one entry, `record_many` several, in **one** SQL statement: entry, head, payloads,
event and one task per registered consumer. The caller holds a transaction and the row lock of every
subject it records, which is what makes the per-subject sequence gapless: two writers of one subject
cannot both have read the same head.

Cost: one statement to read the heads (none for a subject that is born here) and one to write.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from ledger import failpoints, vocabulary
from ledger.canonical import canonical, commitment, leaf_hash, new_salt, payload_bytes
from ledger.clock import now, rfc3339
from ledger.dispatch import hints
from ledger.dispatch.consumer_registry import consumers_of
from ledger.dispatch.hints import LaneWork
from ledger.dispatch.lanes import Lane
from ledger.ids import new_id
from ledger.record_sql import APPEND, ENTRY, EVENT, HEAD, HEADS, PAYLOAD, TASK

ENVELOPE_SCHEMA = 1
failpoints.declare("record.before", "record.after")


@dataclasses.dataclass(frozen=True, slots=True)
class EntryRef:
    """A link to an entry that cannot be re-pointed: its id and its hash."""

    id: uuid.UUID
    hash: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class ActorRef:
    """Who acts, as the ledger knows them: a token, a type and the role that allowed it."""

    id: uuid.UUID
    type: str
    role: str
    on_behalf_of: uuid.UUID | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What one entry will say.

    `version` and `to_status` are those of the subject's row as the same transaction leaves it.
    `opens` is true for the first entry of a subject. `caused_by` is the immediate trigger,
    `original` what is being undone; either may be the index of an earlier change of the same call.
    `payloads` are kept apart from the entry and can be erased; free text goes nowhere else. `head`
    is the end of the subject's chain, (seq, hash), when the caller's locked read brought it.
    """

    tenant_id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    version: int
    action: str
    actor: ActorRef
    to_status: str
    from_status: str = ""
    kind: str = "TRANSITION"
    opens: bool = False
    caused_by: EntryRef | int | None = None
    original: EntryRef | int | None = None
    correlation_id: uuid.UUID | None = None
    case_id: uuid.UUID | None = None
    completion_seq: int | None = None
    compensation: Mapping[str, Any] | None = None
    payloads: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    head: tuple[int, bytes] | None = None

    @property
    def subject(self) -> tuple[str, uuid.UUID]:
        """The subject's type and id."""
        return (self.subject_type, self.subject_id)

    @property
    def event_type(self) -> str:
        """The type of the event this entry announces."""
        return f"amends.{self.subject_type}.{self.action}.v1"


@dataclasses.dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as it was written."""

    id: uuid.UUID
    hash: bytes
    seq: int
    at: dt.datetime

    @property
    def ref(self) -> EntryRef:
        """The link to this entry, for `caused_by` and `original` of later ones."""
        return EntryRef(self.id, self.hash)


def take_head(row: object) -> tuple[int, bytes] | None:
    """Return the end of a row's chain, once, if the locked read of the row brought it along
    (as `head_seq` and `head_hash`): after the entry that is about to be written it is not the end.
    """
    seq, hash_ = row.__dict__.pop("head_seq", None), row.__dict__.pop("head_hash", None)
    row.__dict__.pop("head_entry_id", None)
    return None if seq is None else (seq, bytes(hash_))


def newest_entry_of(row: object) -> EntryRef | None:
    """Return the link to the newest entry of a row whose locked read brought the end of its chain
    (`head_entry_id` beside the others), as long as nothing was recorded about it since."""
    known = row.__dict__
    id_, hash_ = known.get("head_entry_id"), known.get("head_hash")
    return None if id_ is None or hash_ is None else EntryRef(id_, bytes(hash_))


def record(change: Change) -> Recorded:
    """Append one entry. See `record_many`."""
    return record_many([change])[0]


def record_many(changes: Sequence[Change]) -> list[Recorded]:
    """Append `changes`, in order, to their subjects' chains, with events and tasks.

    Raises ValueError for a kind, a type of subject or of actor that is not in `ledger.vocabulary`,
    or an action that nobody declared for the type of its subject. A lost race (a subject whose row
    was not locked) ends in IntegrityError.
    """
    recording = Recording()
    recording.expect(changes)
    recorded = [recording.add(change) for change in changes]
    recording.append()
    return recorded


class Recording:
    """Entries of one transaction that are appended together, by one statement.

    Each is complete, hash and all, as soon as it is added: later ones can link to it before any is
    in the database. Until `append` nobody else may record anything about their subjects.
    """

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._recorded: list[Recorded] = []
        self._heads: dict[tuple[str, uuid.UUID], tuple[int, bytes | None]] = {}
        self._rows = _Rows()
        self._moment: dt.datetime | None = None

    def expect(self, changes: Sequence[Change]) -> None:
        """Read the ends of these changes' chains in one statement, where they do not bring them."""
        if not connection.in_atomic_block:
            raise RuntimeError("record needs the transaction of the change it records")
        for change in changes:
            _check_words(change)
            if self._changes and change.tenant_id != self._changes[0].tenant_id:
                raise ValueError("entries that are appended together are of one tenant")
        unread = [change for change in changes if change.subject not in self._heads]
        if unread:
            self._heads.update(_read_heads(unread))

    def add(self, change: Change) -> Recorded:
        """Make the entry of a change, the next of its subject's chain."""
        self.expect([change])
        self._moment = self._moment or now()
        seq, previous = self._heads.get(change.subject, (0, None))
        entry = self._rows.add(change, seq + 1, previous, self._moment, self._recorded)
        self._heads[change.subject] = (entry.seq, entry.hash)
        self._changes.append(change)
        self._recorded.append(entry)
        return entry

    def append(self) -> None:
        """Write what was added."""
        if not self._changes:
            return
        failpoints.reach("record.before")
        with connection.cursor() as cursor:
            cursor.execute(APPEND, self._rows.parameters(self._changes))
        failpoints.reach("record.after")
        if self._rows.consumer:
            hints.leave(
                LaneWork(queue, Lane(self._changes[0].tenant_id, lane, shard))
                for _, _, shard, lane, queue in self._rows.consumer
            )


def _check_words(change: Change) -> None:
    for word, known, what in (
        (change.kind, vocabulary.KINDS, "kind"),
        (change.subject_type, vocabulary.SUBJECT_TYPES, "subject type"),
        (change.actor.type, vocabulary.ACTOR_TYPES, "actor type"),
    ):
        if word not in known:
            raise ValueError(f"{word!r} is no {what} of the ledger")
    if not vocabulary.is_declared(change.subject_type, change.action):
        raise ValueError(
            f"{change.action!r} is no action of the ledger for {change.subject_type!r}"
        )


def _read_heads(
    changes: Sequence[Change],
) -> dict[tuple[str, uuid.UUID], tuple[int, bytes | None]]:
    """Return (seq, hash) of every subject that already has a chain, locked in subject order."""
    known: dict[tuple[str, uuid.UUID], tuple[int, bytes | None]] = {
        change.subject: change.head for change in changes if change.head is not None
    }
    born = {change.subject for change in changes if change.opens}
    older = sorted({change.subject for change in changes} - born - known.keys())
    if not older:
        return known
    with connection.cursor() as cursor:
        cursor.execute(
            HEADS,
            [[kind for kind, _ in older], [id_ for _, id_ in older], changes[0].tenant_id],
        )
        known.update({(row[0], row[1]): (row[2], bytes(row[3])) for row in cursor.fetchall()})
    return known


def _link(link: EntryRef | int | None, recorded: Sequence[Recorded]) -> EntryRef | None:
    return recorded[link].ref if isinstance(link, int) else link


def _link_json(link: EntryRef | None) -> dict[str, str] | None:
    return None if link is None else {"id": str(link.id), "hash": link.hash.hex()}


class _Rows:
    """Columns of the one statement, gathered entry by entry."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self.payload: list[tuple[Any, ...]] = []
        self.consumer: list[tuple[Any, ...]] = []
        self.events: list[tuple[Any, ...]] = []

    def add(
        self,
        change: Change,
        seq: int,
        previous: bytes | None,
        moment: dt.datetime,
        recorded: Sequence[Recorded],
    ) -> Recorded:
        entry_id = new_id()
        caused_by = _link(change.caused_by, recorded)
        original = _link(change.original, recorded)
        correlation = change.correlation_id or change.case_id or change.subject_id
        compensation = None if change.compensation is None else dict(change.compensation)
        envelope = {
            "schema": ENVELOPE_SCHEMA,
            "id": str(entry_id),
            "tenant": str(change.tenant_id),
            "subject": {"type": change.subject_type, "id": str(change.subject_id)},
            "subject_seq": seq,
            "subject_version": change.version,
            "previous_hash": previous.hex() if previous else None,
            "kind": change.kind,
            "action": change.action,
            "from": change.from_status,
            "to": change.to_status,
            "actor": {
                "token": str(change.actor.id),
                "type": change.actor.type,
                "role": change.actor.role,
            },
            "on_behalf_of": str(change.actor.on_behalf_of) if change.actor.on_behalf_of else None,
            "caused_by": _link_json(caused_by),
            "original": _link_json(original),
            "correlation_id": str(correlation),
            "case": str(change.case_id) if change.case_id else None,
            "completion_seq": change.completion_seq,
            "compensation": compensation,
            "at": rfc3339(moment),
            "commitments": self._commitments(change, entry_id),
        }
        body = canonical(envelope)
        digest = leaf_hash(body)
        self.entries.append(
            (
                entry_id, change.subject_type, change.subject_id, seq,
                change.version, previous, digest, change.kind, change.action,
                change.from_status, change.to_status, change.actor.id, change.actor.type,
                change.actor.role, change.actor.on_behalf_of,
                caused_by.id if caused_by else None, caused_by.hash if caused_by else None,
                original.id if original else None, original.hash if original else None,
                correlation, change.case_id, change.completion_seq,
                None if compensation is None else payload_bytes(compensation).decode(),
                moment, body,
            )
        )  # fmt: skip
        if change.kind != "DELIVERY":
            self._announce(change, entry_id, moment)
        return Recorded(entry_id, digest, seq, moment)

    def _commitments(self, change: Change, entry_id: uuid.UUID) -> list[dict[str, str]]:
        """Keep the payloads apart and return what the envelope says of them."""
        said = []
        for name, value in sorted(change.payloads.items()):
            salt, body = new_salt(), payload_bytes(value)
            self.payload.append((entry_id, name, salt, body))
            said.append({"name": name, "hash": commitment(salt, body).hex()})
        return said

    def _announce(self, change: Change, entry_id: uuid.UUID, moment: dt.datetime) -> None:
        shard = change.case_id or change.subject_id
        self.events.append(
            (
                entry_id, change.event_type, change.subject_type,
                change.subject_id, change.case_id, shard, moment,
            )
        )  # fmt: skip
        self.consumer.extend(
            (entry_id, consumer.name, shard, consumer.in_lane, consumer.queue_of(change))
            for consumer in consumers_of(change.event_type)
            if consumer.matters(change)
        )

    def parameters(self, changes: Sequence[Change]) -> list[Any]:
        """Return the tenant and one array per column, in the order of `record_sql.APPEND`."""
        last: dict[tuple[str, uuid.UUID], tuple[Any, ...]] = {}
        for change, entry in zip(changes, self.entries, strict=True):
            last[change.subject] = (
                change.subject_type, change.subject_id, entry[3], entry[6], entry[0],
            )  # fmt: skip
        heads = [last[subject] for subject in sorted(last)]
        return [
            changes[0].tenant_id,
            *_columns(self.entries, len(ENTRY)),
            *_columns(heads, len(HEAD)),
            *_columns(self.payload, len(PAYLOAD)),
            *_columns(self.events, len(EVENT)),
            *_columns(self.consumer, len(TASK)),
        ]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
