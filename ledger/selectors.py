"""Reads of the ledger: entries of a subject or a case, chains of causes, links to originals.

Every function runs in the caller's tenant scope.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Func, IntegerField, OuterRef, QuerySet, Subquery, Sum

from ledger.models import (
    ErasedPayload,
    ErasureReceipt,
    LedgerEntry,
    LedgerHead,
    LedgerLeaf,
    Payload,
)
from ledger.record import EntryRef
from ledger.statements import fetched

#: Why a receipt was written for what went by its age.
PRUNED = "RETENTION"


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One entry with its payloads opened.

    `committed` names every payload the entry committed to; one that was erased is missing from
    `payloads`, and `receipt` says under which, `basis` why. `tree_index` is its place in the
    tenant's tree, None while it is not sealed. `body` holds the bytes that were hashed.
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
    tree_index: int | None
    body: bytes
    receipt: uuid.UUID | None = None
    basis: str | None = None

    @property
    def people(self) -> set[uuid.UUID]:
        """Whom it names: who acted, and on whose behalf."""
        behalf = self.on_behalf_of_id
        return {self.actor_id} if behalf is None else {self.actor_id, behalf}

    @property
    def erased(self) -> frozenset[str]:
        """The names of payloads that were erased since."""
        return frozenset(self.committed) - self.payloads.keys()


_MADE = {
    "caused_by", "original", "hash", "previous_hash", "payloads", "committed", "tree_index", "body",
    "receipt", "basis",
}  # fmt: skip
#: What is read beside the columns of an entry.
_BESIDE = ("payload_names", "payload_bodies", "place", "erased_under", "erased_because")
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
        with_payloads(
            all_entries(tenant_id)
            .filter(subject_type=type_, subject_id=id_)
            .order_by("-subject_seq")
        )[:limit]
        for type_, id_ in subjects
    )
    rows = first.union(*others, all=True) if others else first
    return sorted(open_entries(rows), key=lambda entry: (entry.at, entry.id), reverse=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """That an entry was written: when, about what, and what it says happened."""

    id: uuid.UUID
    at: dt.datetime
    subject_type: str
    subject_id: uuid.UUID
    action: str


_SINCE = """
SELECT id, at, subject_type, subject_id, action FROM ledger_ledgerentry
WHERE tenant_id = %s AND (at, id) > (%s, %s) ORDER BY at, id LIMIT %s
"""


def marks_since(tenant_id: uuid.UUID, at: dt.datetime, id_: uuid.UUID, *, most: int) -> list[Mark]:
    """Return the first entries of a tenant behind one, in the order of their time."""
    return [Mark(*row) for row in fetched(_SINCE, [tenant_id, at, id_, most])]


def entries_of_case(tenant_id: uuid.UUID, case_id: uuid.UUID, *, limit: int = 500) -> list[Entry]:
    """Return the newest `limit` entries of a case and of all its parts, oldest first."""
    rows = all_entries(tenant_id).filter(case_id=case_id).order_by("-at", "-id")[:limit]
    return open_entries(rows)[::-1]


def entries_by_id(
    tenant_id: uuid.UUID, ids: Iterable[uuid.UUID], *, only: Sequence[str] | None = None
) -> dict[uuid.UUID, Entry]:
    """Return the entries with these ids, by id; unknown ids are missing. `only`: see
    `open_entries`."""
    wanted = list(ids)
    if not wanted:
        return {}
    rows = all_entries(tenant_id).filter(id__in=wanted)
    return {entry.id: entry for entry in open_entries(rows, only=only)}


def people_behind(
    tenant_id: uuid.UUID,
    subject_type: str = "",
    subject_ids: Iterable[uuid.UUID] = (),
    actions: Iterable[str] = (),
    *,
    entries: Iterable[uuid.UUID] = (),
) -> list[uuid.UUID]:
    """Return the actors of entries who are no system, oldest entry first: of those with these ids,
    or of these actions about these subjects. One query."""
    rows = all_entries(tenant_id).exclude(actor_type="SYSTEM").order_by("at", "id")
    if subject_type:
        about = {"subject_type": subject_type, "subject_id__in": list(subject_ids)}
        found = rows.filter(**about, action__in=list(actions))
    else:
        found = rows.filter(id__in=entries)
    return list(dict.fromkeys(found.values_list("actor_id", flat=True)))


def effects_of(entry: Entry, *, limit: int = 100) -> list[Entry]:
    """Return the first `limit` entries that this one caused, oldest first."""
    rows = all_entries(entry.tenant_id).filter(caused_by_id=entry.id).order_by("at", "id")
    return open_entries(rows[:limit])


def entry_and_previous(tenant_id: uuid.UUID, id_: uuid.UUID) -> tuple[Entry, uuid.UUID | None]:
    """Return an entry and the id of the one before it in its chain, None for the first. Raises
    LookupError where there is none."""
    before = LedgerEntry.objects.filter(
        tenant_id=OuterRef("tenant_id"), subject_type=OuterRef("subject_type"),
        subject_id=OuterRef("subject_id"), subject_seq=OuterRef("subject_seq") - 1,
    )  # fmt: skip
    rows = all_entries(tenant_id).filter(id=id_)
    for row in with_payloads(rows.annotate(before_id=Subquery(before.values("id")[:1]))):
        (entry,) = open_entries([row])
        return entry, vars(row)["before_id"]
    raise LookupError(f"no entry {id_}")


def all_entries(tenant_id: uuid.UUID) -> Any:
    """Return the queryset of the tenant's entries, for pages that filter and page it."""
    return LedgerEntry.objects.filter(tenant_id=tenant_id)


def kept_bytes(tenant_id: uuid.UUID, rows: QuerySet[LedgerEntry], names: Collection[str]) -> int:
    """Return how many bytes the payloads of these names take that entries of a tenant keep."""
    kept = Payload.objects.filter(
        tenant_id=tenant_id, entry_id__in=rows.values("id"), name__in=names
    )
    size = Func("body", function="octet_length", output_field=IntegerField())
    return int(kept.aggregate(all=Sum(size))["all"] or 0)


def open_entries(rows: Iterable[LedgerEntry], *, only: Sequence[str] | None = None) -> list[Entry]:
    """Return `rows` with their payloads and places, in the same order: of a query with them, else
    by one further query.

    With `only`, payloads of other names are neither read nor said to be committed to: what many
    entries keep may be long.
    """
    if isinstance(rows, QuerySet) and not rows.query.combinator:
        rows = with_payloads(rows, only)
    listed = list(rows)
    read = [vars(row) for row in listed]
    if not all("payload_names" in each for each in read):
        wanted = LedgerEntry.objects.filter(
            tenant_id__in={row.tenant_id for row in listed}, id__in=[row.id for row in listed]
        )
        beside = with_payloads(wanted, only).values("id", *_BESIDE)
        by_id = {each["id"]: each for each in beside}
        read = [by_id[row.id] for row in listed]
    return [_entry(row, each, only) for row, each in zip(listed, read, strict=True)]


@dataclasses.dataclass(frozen=True, slots=True)
class EntryBytes:
    """One entry as it was hashed, with its place, and what is kept of what it committed to: name,
    salt and bytes of each payload."""

    id: uuid.UUID
    subject: str
    subject_seq: int
    hash: bytes
    body: bytes
    tree_index: int | None
    payloads: tuple[tuple[str, bytes, bytes], ...]


def bytes_of(rows: QuerySet[LedgerEntry]) -> Iterator[EntryBytes]:
    """Yield the bytes of `rows`, chain after chain, as they are read."""
    in_order = with_payloads(rows).order_by("subject_type", "subject_id", "subject_seq")
    for row in in_order.annotate(payload_salts=_salts()).iterator(chunk_size=500):
        said = vars(row)
        parts = zip(
            said["payload_names"], said["payload_salts"], said["payload_bodies"], strict=True
        )
        yield EntryBytes(
            id=row.id,
            subject=f"{row.subject_type}:{row.subject_id}",
            subject_seq=row.subject_seq,
            hash=bytes(row.hash),
            body=bytes(row.body),
            tree_index=said["place"],
            payloads=tuple((name, bytes(salt), bytes(body)) for name, salt, body in parts),
        )


def _salts() -> ArraySubquery:
    of_entry = Payload.objects.filter(tenant_id=OuterRef("tenant_id"), entry_id=OuterRef("id"))
    return ArraySubquery(of_entry.order_by("name").values("salt"))


def _payloads(only: Sequence[str] | None) -> QuerySet[Payload]:
    return Payload.objects.all() if only is None else Payload.objects.filter(name__in=list(only))


def with_payloads(
    rows: QuerySet[LedgerEntry], only: Sequence[str] | None = None
) -> QuerySet[LedgerEntry]:
    """Return entries that are read with their payloads and places, for `open_entries`."""
    if "payload_names" in rows.query.annotations:
        return rows
    of_entry = _payloads(only).filter(tenant_id=OuterRef("tenant_id"), entry_id=OuterRef("id"))
    in_order = of_entry.order_by("name")
    leaf = LedgerLeaf.objects.filter(tenant_id=OuterRef("tenant_id"), entry_id=OuterRef("id"))
    gone = ErasedPayload.objects.filter(tenant_id=OuterRef("tenant_id"), entry_id=OuterRef("id"))
    return rows.annotate(
        payload_names=ArraySubquery(in_order.values("name")),
        payload_bodies=ArraySubquery(in_order.values("body")),
        place=Subquery(leaf.values("tree_index")[:1]),
        erased_under=Subquery(gone.order_by("-at").values("receipt_id")[:1]),
        erased_because=Subquery(
            ErasureReceipt.objects.filter(
                tenant_id=OuterRef("tenant_id"), id__in=_receipts_of_outer()
            )
            .order_by("-at")
            .values("basis")[:1]
        ),
    )


def _receipts_of_outer() -> QuerySet[ErasedPayload, Any]:
    """Return the receipts of what is gone of the entry two queries further out."""
    rows = ErasedPayload.objects.filter(
        tenant_id=OuterRef(OuterRef("tenant_id")), entry_id=OuterRef(OuterRef("id"))
    )
    return rows.values("receipt_id")


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
    return None if id_ is None else EntryRef(id_, b"" if hash_ is None else bytes(hash_))


def _entry(row: LedgerEntry, beside: Mapping[str, Any], only: Sequence[str] | None = None) -> Entry:
    members = {name: getattr(row, name) for name in _SAME}
    body = bytes(row.body)
    return Entry(
        **members,
        caused_by=_link(row.caused_by_id, row.caused_by_hash),
        original=_link(row.original_id, row.original_hash),
        hash=bytes(row.hash),
        previous_hash=bytes(row.previous_hash) if row.previous_hash is not None else None,
        payloads=_opened(beside["payload_names"], beside["payload_bodies"]),
        tree_index=beside["place"],
        body=body,
        receipt=beside["erased_under"],
        basis=beside["erased_because"],
        committed=tuple(
            each["name"]
            for each in json.loads(body)["commitments"]
            if only is None or each["name"] in only
        ),
    )


def ends_of(tenant_id: uuid.UUID, rows: QuerySet[LedgerEntry]) -> dict[str, int]:
    """Return the number of the last entry of each chain that `rows` are of, by `<type>:<id>`, as
    its head knows it."""
    chains: dict[str, list[uuid.UUID]] = {}
    for type_, id_ in rows.order_by().values_list("subject_type", "subject_id").distinct():
        chains.setdefault(type_, []).append(id_)
    found: dict[str, int] = {}
    for type_, ids in chains.items():
        for n in range(0, len(ids), 1000):
            heads = heads_of(tenant_id, [type_], ids[n : n + 1000])
            found |= {f"{type_}:{id_}": seq for id_, seq in heads.values_list("subject_id", "seq")}
    return found
