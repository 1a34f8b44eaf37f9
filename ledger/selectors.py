"""Reads of the ledger: entries of a subject or a case, chains of causes, links to originals.

Every function runs in the caller's tenant scope.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet

from ledger.models import LedgerEntry, LedgerHead, Payload
from ledger.record import EntryRef


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One entry with its payloads opened.

    `committed` names every payload the entry committed to; one that was erased is missing from
    `payloads`.
    """

    id: uuid.UUID
    tenant_id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    subject_seq: int
    subject_version: int
    kind: str
    action: str
    from_status: str
    to_status: str
    actor_id: uuid.UUID
    actor_type: str
    actor_role: str
    on_behalf_of_id: uuid.UUID | None
    caused_by: EntryRef | None
    original: EntryRef | None
    correlation_id: uuid.UUID
    case_id: uuid.UUID | None
    completion_seq: int | None
    compensation: dict[str, Any] | None
    at: dt.datetime
    hash: bytes
    previous_hash: bytes | None
    payloads: dict[str, Any]
    committed: tuple[str, ...]

    @property
    def people(self) -> set[uuid.UUID]:
        """Whom it names: who acted, and on whose behalf."""
        behalf = self.on_behalf_of_id
        return {self.actor_id} if behalf is None else {self.actor_id, behalf}

    @property
    def erased(self) -> frozenset[str]:
        """The names of payloads that were erased since."""
        return frozenset(self.committed) - self.payloads.keys()


_MADE = {"caused_by", "original", "hash", "previous_hash", "payloads", "committed"}
#: Members of an entry that are columns as they are.
_SAME = [each.name for each in dataclasses.fields(Entry) if each.name not in _MADE]


def entries_of(
    tenant_id: uuid.UUID, subject_type: str, subject_id: uuid.UUID, *, limit: int = 500
) -> list[Entry]:
    """Return the newest `limit` entries of one subject, oldest first."""
    rows = all_entries(tenant_id).filter(subject_type=subject_type, subject_id=subject_id)
    return open_entries(rows.order_by("-subject_seq")[:limit])[::-1]


def newest_of(
    tenant_id: uuid.UUID, subjects: Iterable[tuple[str, uuid.UUID]], *, limit: int = 500
) -> list[Entry]:
    """Return the newest `limit` entries of each of a few subjects, newest first, in one query."""
    # Each part reads its own chain from its end; one list of all would be sorted first.
    first, *others = (
        _with_payloads(
            all_entries(tenant_id)
            .filter(subject_type=type_, subject_id=id_)
            .order_by("-subject_seq")
        )[:limit]
        for type_, id_ in subjects
    )
    rows = first.union(*others, all=True) if others else first
    return sorted(open_entries(rows), key=lambda entry: (entry.at, entry.id), reverse=True)


def entries_of_case(tenant_id: uuid.UUID, case_id: uuid.UUID, *, limit: int = 500) -> list[Entry]:
    """Return the newest `limit` entries of a case and of all its parts, oldest first."""
    rows = all_entries(tenant_id).filter(case_id=case_id).order_by("-at", "-id")[:limit]
    return open_entries(rows)[::-1]


def entries_by_id(tenant_id: uuid.UUID, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Entry]:
    """Return the entries with these ids, by id; unknown ids are missing."""
    wanted = list(ids)
    if not wanted:
        return {}
    rows = all_entries(tenant_id).filter(id__in=wanted)
    return {entry.id: entry for entry in open_entries(rows)}


def effects_of(entry: Entry, *, limit: int = 100) -> list[Entry]:
    """Return the first `limit` entries that this one caused, oldest first."""
    rows = all_entries(entry.tenant_id).filter(caused_by_id=entry.id).order_by("at", "id")
    return open_entries(rows[:limit])


def previous_of(entry: Entry) -> Entry | None:
    """Return the entry before this one in its chain, or None for the first."""
    rows = all_entries(entry.tenant_id).filter(
        subject_type=entry.subject_type,
        subject_id=entry.subject_id,
        subject_seq=entry.subject_seq - 1,
    )
    return next(iter(open_entries(rows)), None)


def all_entries(tenant_id: uuid.UUID) -> Any:
    """Return the queryset of the tenant's entries, for pages that filter and page it."""
    return LedgerEntry.objects.filter(tenant_id=tenant_id)


def open_entries(rows: Iterable[LedgerEntry]) -> list[Entry]:
    """Return `rows` with their payloads, in the same order: of a query with them, else by one
    further query."""
    if isinstance(rows, QuerySet) and not rows.query.combinator:
        rows = _with_payloads(rows)
    listed = list(rows)
    read = [vars(row) for row in listed]
    if all("payload_names" in each for each in read):
        return [
            _entry(row, _opened(each["payload_names"], each["payload_bodies"]))
            for row, each in zip(listed, read, strict=True)
        ]
    wanted = Payload.objects.filter(
        tenant_id__in={row.tenant_id for row in listed}, entry_id__in=[row.id for row in listed]
    )
    payloads: dict[uuid.UUID, dict[str, Any]] = {}
    for entry_id, name, body in wanted.values_list("entry_id", "name", "body"):
        payloads.setdefault(entry_id, {})[name] = json.loads(bytes(body))
    return [_entry(row, payloads.get(row.id, {})) for row in listed]


def _with_payloads(rows: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
    if "payload_names" in rows.query.annotations:
        return rows
    of_entry = Payload.objects.filter(tenant_id=OuterRef("tenant_id"), entry_id=OuterRef("id"))
    in_order = of_entry.order_by("name")
    return rows.annotate(
        payload_names=ArraySubquery(in_order.values("name")),
        payload_bodies=ArraySubquery(in_order.values("body")),
    )


def _opened(names: Sequence[str], bodies: Sequence[Any]) -> dict[str, Any]:
    pairs = zip(names, bodies, strict=True)
    return {name: json.loads(bytes(body)) for name, body in pairs}


def latest_ref(
    tenant_id: uuid.UUID,
    subject_type: str,
    subject_id: uuid.UUID,
    *,
    actions: Sequence[str] | None = None,
) -> EntryRef | None:
    """Return the link to the newest entry of a subject, of one of `actions` if given."""
    rows = all_entries(tenant_id).filter(subject_type=subject_type, subject_id=subject_id)
    if actions is not None:
        rows = rows.filter(action__in=actions)
    found = rows.order_by("-subject_seq").values_list("id", "hash").first()
    return None if found is None else EntryRef(found[0], bytes(found[1]))


def head(
    tenant_id: uuid.UUID, subject_type: str, subject_id: uuid.UUID
) -> tuple[int, bytes] | None:
    """Return (sequence, hash) at the end of a subject's chain, or None."""
    row = (
        LedgerHead.objects.filter(
            tenant_id=tenant_id, subject_type=subject_type, subject_id=subject_id
        )
        .values_list("seq", "hash")
        .first()
    )
    return None if row is None else (row[0], bytes(row[1]))


def heads_of(tenant_id: uuid.UUID, types: Sequence[str], ids: Any) -> QuerySet[LedgerHead]:
    """Return the ends of the chains of some subjects of these types: each moves with whatever
    happens to its subject. `ids` may be a query."""
    return LedgerHead.objects.filter(
        tenant_id=tenant_id, subject_type__in=list(types), subject_id__in=ids
    )


def _link(id_: uuid.UUID | None, hash_: Any) -> EntryRef | None:
    return None if id_ is None else EntryRef(id_, bytes(hash_))


def _entry(row: LedgerEntry, payloads: dict[str, Any]) -> Entry:
    members = {name: getattr(row, name) for name in _SAME}
    return Entry(
        **members,
        caused_by=_link(row.caused_by_id, row.caused_by_hash),
        original=_link(row.original_id, row.original_hash),
        hash=bytes(row.hash),
        previous_hash=bytes(row.previous_hash) if row.previous_hash is not None else None,
        payloads=payloads,
        committed=tuple(each["name"] for each in json.loads(bytes(row.body))["commitments"]),
    )
