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
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ledger import failpoints, vocabulary
from ledger.canonical import commitment, envelope_bytes_of, leaf_hash, new_salt, payload_bytes
from ledger.clock import now, rfc3339
from ledger.dispatch import hints
from ledger.dispatch.consumer_registry import hearing
from ledger.dispatch.hints import LaneWork
from ledger.dispatch.lanes import Lane
from ledger.ids import new_id
from ledger.record_sql import HEADS
from ledger.row_writes import RowWrite, write
from ledger.statements import fetched, server

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
    `watched`, which is for consumers and no part of the entry: people look on what becomes of the
    subject who are no part of what happens to it. `heard_by`, in the same way: consumers that hear
    of this entry beside those that want every one of its type; with `heard_in` they hear of it in
    the lane of that case, in the order of what happens there. `in_batch`, for consumers again:
    what `case_id` names is a batch and no case.
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
    watched: bool = False
    heard_by: Collection[str] = ()
    heard_in: uuid.UUID | None = None
    in_batch: bool = False

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
    an action that nobody declared for the type of its subject, or a value that an envelope does not
    hold (a fraction, a number beyond 2^53, anything but JSON); payloads hold any JSON. A lost race
    (a subject whose row was not locked) ends in IntegrityError, with the next statement or the
    commit.
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
        if not server().in_atomic_block:
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

    def append(self, rows: Sequence[RowWrite] = ()) -> None:
        """Write what was added and, by the same statement, the rows that it is about. It goes with
        the next statement or the commit, see `row_writes.write`."""
        if not self._changes:
            if rows:
                write(rows, {})
            return
        failpoints.reach("record.before")
        tenant_id = self._changes[0].tenant_id
        more = write(rows, self._rows.members(self._changes), tenant=tenant_id)
        if failpoints.is_armed("record.after"):
            # The point is where all is written and nothing committed.
            server().flush()
        failpoints.reach("record.after")
        known = [(task["queue"], task["lane"], task["shard"]) for task in self._rows.tasks]
        if self._rows.events:
            hints.leave(_lanes(tenant_id, known), lambda: _lanes(tenant_id, more()))


def _lanes(tenant_id: uuid.UUID, named: Sequence[Sequence[str]]) -> list[LaneWork]:
    return [LaneWork(queue, Lane(tenant_id, name, uuid.UUID(at))) for queue, name, at in named]


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
    given = [[kind for kind, _ in older], [id_ for _, id_ in older], changes[0].tenant_id]
    known.update({(row[0], row[1]): (row[2], bytes(row[3])) for row in fetched(HEADS, given)})
    return known


def _link(link: EntryRef | int | None, recorded: Sequence[Recorded]) -> EntryRef | None:
    return recorded[link].ref if isinstance(link, int) else link


def _link_json(link: EntryRef | None) -> dict[str, str] | None:
    return None if link is None else {"id": str(link.id), "hash": link.hash.hex()}


def _said_of(change: Change, recorded: Sequence[Recorded]) -> dict[str, Any]:
    """Return what an envelope says of its change, whatever its place in the chain."""
    actor, case = change.actor, str(change.case_id) if change.case_id else None
    correlation = change.correlation_id or change.case_id or change.subject_id
    return {
        "schema": ENVELOPE_SCHEMA,
        "tenant": str(change.tenant_id),
        "subject": {"type": change.subject_type, "id": str(change.subject_id)},
        "subject_version": change.version,
        "kind": change.kind,
        "action": change.action,
        "from": change.from_status,
        "to": change.to_status,
        "actor": {"token": str(actor.id), "type": actor.type, "role": actor.role},
        "on_behalf_of": str(actor.on_behalf_of) if actor.on_behalf_of else None,
        "caused_by": _link_json(_link(change.caused_by, recorded)),
        "original": _link_json(_link(change.original, recorded)),
        "correlation_id": str(correlation),
        "case": case,
        "completion_seq": change.completion_seq,
        "compensation": None if change.compensation is None else dict(change.compensation),
    }


def _columns(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of an entry: each repeats what the envelope says."""
    subject, actor = envelope["subject"], envelope["actor"]
    caused_by, original = envelope["caused_by"] or {}, envelope["original"] or {}
    return {
        "id": envelope["id"],
        "subject_type": subject["type"],
        "subject_id": subject["id"],
        "subject_seq": envelope["subject_seq"],
        "subject_version": envelope["subject_version"],
        "previous_hash": _bytea(envelope["previous_hash"]),
        "kind": envelope["kind"],
        "action": envelope["action"],
        "from_status": envelope["from"],
        "to_status": envelope["to"],
        "actor_id": actor["token"],
        "actor_type": actor["type"],
        "actor_role": actor["role"],
        "on_behalf_of_id": envelope["on_behalf_of"],
        "caused_by_id": caused_by.get("id"),
        "caused_by_hash": _bytea(caused_by.get("hash")),
        "original_id": original.get("id"),
        "original_hash": _bytea(original.get("hash")),
        "correlation_id": envelope["correlation_id"],
        "case_id": envelope["case"],
        "completion_seq": envelope["completion_seq"],
        "compensation": envelope["compensation"],
        "at": envelope["at"],
    }


def _bytea(hexadecimal: str | None) -> str | None:
    return None if hexadecimal is None else f"\\x{hexadecimal}"


class _Rows:
    """The rows of the one statement, as the document names their columns, entry by entry."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.payloads: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []

    def add(
        self,
        change: Change,
        seq: int,
        previous: bytes | None,
        moment: dt.datetime,
        recorded: Sequence[Recorded],
    ) -> Recorded:
        entry_id = new_id()
        envelope = {
            **_said_of(change, recorded),
            "id": str(entry_id),
            "subject_seq": seq,
            "previous_hash": previous.hex() if previous else None,
            "at": rfc3339(moment),
            "commitments": self._commitments(change, str(entry_id)),
        }
        body = envelope_bytes_of(envelope)
        digest = leaf_hash(body)
        self.entries.append(_columns(envelope) | {"hash": digest, "body": body})
        if change.kind != "DELIVERY":
            self._announce(change, envelope)
        return Recorded(entry_id, digest, seq, moment)

    def _commitments(self, change: Change, entry_id: str) -> list[dict[str, str]]:
        """Keep the payloads apart and return what the envelope says of them."""
        said = []
        for name, value in sorted(change.payloads.items()):
            salt, body = new_salt(), payload_bytes(value)
            self.payloads.append({"entry_id": entry_id, "name": name, "salt": salt, "body": body})
            said.append({"name": name, "hash": commitment(salt, body).hex()})
        return said

    def _announce(self, change: Change, envelope: Mapping[str, Any]) -> None:
        entry_id, type_ = envelope["id"], change.event_type
        subject, case = envelope["subject"], envelope["case"]
        shard = case or subject["id"]
        self.events.append(
            {
                "id": entry_id, "type": type_, "subject_type": subject["type"],
                "subject_id": subject["id"], "case_id": case, "shard": shard,
                "at": envelope["at"],
            }
        )  # fmt: skip
        elsewhere = str(change.heard_in) if change.heard_in is not None else shard
        self.tasks.extend(
            {
                "event_id": entry_id, "consumer": consumer.name,
                "shard": elsewhere if consumer.name in change.heard_by else shard,
                "lane": consumer.in_lane, "queue": consumer.queue_of(change),
            }
            for consumer in hearing(type_, change)
        )  # fmt: skip

    def members(self, changes: Sequence[Change]) -> dict[str, list[dict[str, Any]]]:
        """Return the members of the document that `record_sql.writing` reads."""
        heads: dict[tuple[str, uuid.UUID], dict[str, Any]] = {}
        for change, entry in zip(changes, self.entries, strict=True):
            heads[change.subject] = {
                "subject_type": change.subject_type, "subject_id": change.subject_id,
                "seq": entry["subject_seq"], "hash": entry["hash"], "entry_id": entry["id"],
            }  # fmt: skip
        return {
            "entries": self.entries,
            "heads": [heads[subject] for subject in sorted(heads)],
            "payloads": self.payloads,
            "events": self.events,
            "tasks": self.tasks,
        }
