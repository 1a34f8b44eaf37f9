"""Locked reads of rows together with the ends of their chains, and with what finished them.

A row and its head are both locked: one that was only joined would be as old as the snapshot once
the lock had been waited for. What finished a row cannot be locked; it is believed only where the
head, as locked, is the one that the snapshot saw, so that nothing was waited for.
"""

from __future__ import annotations

import functools
import operator
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from django.db import models

from compensation.subject import UndoableSubject, finished_entry_of, knows_undone_entry, undoable
from governance.policies import ANY_IN_FORCE
from ledger.record import EntryRef
from verbs.row_reading import NOTHING_BESIDE, Beside, load, load_before
from verbs.subject import Locked, Ref, all_subjects

_FINISHED = """
LEFT JOIN LATERAL (
    SELECT e.id, e.hash FROM ledger_ledgerentry e
    WHERE e.tenant_id = r.tenant_id AND e.subject_type = h.subject_type AND e.subject_id = r.id
      AND e.action = ANY(%(finished)s) {ended}
    ORDER BY e.subject_seq DESC LIMIT 1) f ON true
LEFT JOIN LATERAL (
    SELECT s.seq FROM ledger_ledgerhead s
    WHERE s.tenant_id = h.tenant_id AND s.subject_type = h.subject_type
      AND s.subject_id = h.subject_id LIMIT 1) seen ON true
"""
# Looked up row by row, once that is locked. Joined, the planner may start at the heads: it takes a
# tenant for one of the usual size, and would read every head of a large one among small ones.
_HEAD = """
CROSS JOIN LATERAL (
    SELECT * FROM ledger_ledgerhead
    WHERE tenant_id = r.tenant_id AND subject_type = %(type)s AND subject_id = r.id FOR UPDATE) h
"""
# A row, and what it undoes if that is of the same kind. Nothing where that is of a kind that is
# locked before this one.
_PAIR = """
r.id = ANY(ARRAY[%(id)s::uuid, (
    SELECT p.undoes_id FROM {table} p
    WHERE p.tenant_id = %(tenant)s AND p.id = %(id)s AND p.undoes_type = %(type)s)])
AND (r.id <> %(id)s OR r.undoes_type = ANY(%(kinds)s))
"""


#: What a row that was locked with what finished it knows: whether its tenant has any policies.
GOVERNED = "tenant_is_governed"
# One answer for all rows: asked once, whatever is locked.
_GOVERNED = f"{ANY_IN_FORCE} AS {GOVERNED}"
_FEW = 4


@functools.cache
def _text(
    model: type[models.Model],
    *,
    of: int | None,
    finished: bool,
    beside: Beside = NOTHING_BESIDE,
) -> str:
    """Return the locked read as text, built once: composing it by the ORM costs more than running
    it. Of a pair, or of `of` rows by their ids, one by one: of an array whose length it does not
    know the planner expects ten, and may rather read all heads of a tenant. 0: of an array."""
    meta = model._meta
    columns = ", ".join(f'r."{field.column}"' for field in meta.concrete_fields)
    more = f", f.id AS finished_id, f.hash AS finished_hash, seen.seq AS seen_seq, {_GOVERNED}"
    # What has not ended has no such entry: its chain, however long, is not searched for one.
    ended = "AND r.ended_at IS NOT NULL" if "ended_at" in columns else ""
    if of is None:
        where = _PAIR.format(table=meta.db_table)
    elif of:
        where = f"r.id IN ({', '.join(f'%(id{number})s' for number in range(of))})"
    else:
        where = "r.id = ANY(%(ids)s)"
    return (
        f"SELECT {columns}, h.seq AS head_seq, h.hash AS head_hash, h.entry_id AS head_entry_id"  # noqa: S608  -- names of the model
        f"{more if finished else ''}{beside.columns}"
        f" FROM (SELECT * FROM {meta.db_table} r WHERE r.tenant_id = %(tenant)s AND {where}"
        f" ORDER BY r.id FOR UPDATE) r"
        f"{_HEAD} {beside.join}{_FINISHED.format(ended=ended) if finished else ''}"
    )


def lock_many(
    model: type[models.Model],
    type_: str,
    tenant_id: uuid.UUID,
    ids: Collection[uuid.UUID],
    *,
    finished: Sequence[str] = (),
    beside: Beside = NOTHING_BESIDE,
) -> list[Any]:
    """Lock rows in id order. With `finished`, the actions that finish them, each row knows the
    newest such entry (`finished_entry`), unless it moved just now."""
    text = _text(model, of=_few(ids), finished=bool(finished), beside=beside)
    return [_read(row) for row in _rows(model, text, _given(type_, tenant_id, ids, finished))]


def _few(ids: Collection[uuid.UUID]) -> int:
    return len(ids) if len(ids) <= _FEW else 0


def _given(
    type_: str, tenant_id: uuid.UUID, ids: Collection[uuid.UUID], finished: Sequence[str]
) -> dict[str, Any]:
    few = {f"id{number}": id_ for number, id_ in enumerate(ids)} if _few(ids) else {}
    return {
        "tenant": tenant_id, "type": type_, "ids": list(ids), "finished": list(finished), **few,
    }  # fmt: skip


def lock_pair(
    model: type[models.Model],
    type_: str,
    tenant_id: uuid.UUID,
    id_: uuid.UUID,
    *,
    kinds: Sequence[str],
    finished: Sequence[str],
    beside: Beside = NOTHING_BESIDE,
) -> list[Any]:
    """Lock one row that undoes nothing or something of these kinds, and with it what it undoes if
    that is of its own kind."""
    text = _text(model, of=None, finished=True, beside=beside)
    given = {
        "tenant": tenant_id, "type": type_, "id": id_, "kinds": ["", *kinds],
        "finished": list(finished),
    }  # fmt: skip
    return [_read(row) for row in _rows(model, text, given)]


def _rows(model: type[models.Model], text: str, given: dict[str, Any]) -> Any:
    return load(model, text, given)


def _read(row: Any) -> Any:
    known = row.__dict__
    if "finished_id" in known:
        id_, hash_ = known.pop("finished_id"), known.pop("finished_hash")
        if known.pop("seen_seq") == known["head_seq"]:
            known["finished_entry"] = None if id_ is None else EntryRef(id_, bytes(hash_))
    return row


def lock_rows(
    tenant_id: uuid.UUID, refs: Iterable[Ref], *, finished: bool = False
) -> dict[uuid.UUID, Any]:
    """Lock a tenant's pieces of work, by their subject's rank and then by id, and return them by
    id, with the ends of their chains; if asked, with what finished them."""
    return {
        row.id: row
        for kind, ids in _by_rank(refs)
        for row in lock_many(
            kind.model, kind.subject_type, tenant_id, ids,
            finished=kind.finishing if finished else (),
        )
    }  # fmt: skip


def rows_before(tenant_id: uuid.UUID, refs: Iterable[Ref]) -> Callable[[], dict[uuid.UUID, Any]]:
    """Lock pieces of work as `lock_rows` does, with what finished them, before the next statement
    and in one exchange with it: the lock of the run, which comes after them."""
    asked = [
        load_before(
            kind.model, _text(kind.model, of=_few(ids), finished=True),
            _given(kind.subject_type, tenant_id, ids, kind.finishing),
        )
        for kind, ids in _by_rank(refs)
    ]  # fmt: skip
    return lambda: {row.id: row for rows in asked for row in map(_read, rows())}


def _by_rank(refs: Iterable[Ref]) -> list[tuple[UndoableSubject, list[uuid.UUID]]]:
    wanted: dict[str, list[uuid.UUID]] = {}
    for type_, id_ in refs:
        wanted.setdefault(type_, []).append(id_)
    kinds = sorted((undoable(type_) for type_ in wanted), key=operator.attrgetter("rank"))
    return [(kind, wanted[kind.subject_type]) for kind in kinds]


def lock_row(
    tenant_id: uuid.UUID, type_: str, id_: uuid.UUID, *, finished: bool = False
) -> Any | None:
    """Lock one piece of work, or return None when there is none."""
    return lock_rows(tenant_id, [(type_, id_)], finished=finished).get(id_)


def lock_with_original(
    tenant_id: uuid.UUID, type_: str, id_: uuid.UUID, *, beside: Beside = NOTHING_BESIDE
) -> Locked | None:
    """Lock a row and, if it undoes something, the original (`others`), in lock order.

    Taking both locks in one order closes the race in which withdrawing locks original → undo while
    ending locks undo → original. Both of one kind take one statement. What the row undoes is set at
    insert and never changes: it is read without a lock, where its kind is locked first.
    """
    kind = undoable(type_)
    if not kind.undoes:
        row = lock_row(tenant_id, type_, id_)
        return None if row is None else Locked(row)
    later = [each.subject_type for each in all_subjects() if each.rank >= kind.rank]
    pair = lock_pair(
        kind.model, type_, tenant_id, id_, kinds=later, finished=kind.finishing, beside=beside
    )
    rows = {row.id: row for row in pair}
    if id_ not in rows:
        return _locked_after_original(kind, tenant_id, id_)
    row = rows[id_]
    original = rows.get(row.undoes_id)
    if original is None and row.undoes_id is not None:
        original = lock_row(tenant_id, row.undoes_type, row.undoes_id, finished=True)
    return _known_pair(row, original)


def _locked_after_original(
    kind: UndoableSubject, tenant_id: uuid.UUID, id_: uuid.UUID
) -> Locked | None:
    rows = kind.model._default_manager.filter(tenant_id=tenant_id, pk=id_)  # noqa: SLF001  -- Django's documented name
    found = rows.filter(undoes_id__isnull=False)
    link = found.values_list("undoes_type", "undoes_id").first()
    if link is None:
        return None
    original = lock_row(tenant_id, *link, finished=True)
    row = lock_row(tenant_id, kind.subject_type, id_)
    return None if row is None else _known_pair(row, original)


def _known_pair(row: Any, original: Any | None) -> Locked:
    """Let the entries of both name what finished the original, read once."""
    if original is not None and "finished_entry" in vars(original):
        knows_undone_entry(row, finished_entry_of(original))
    return Locked(row, original)
