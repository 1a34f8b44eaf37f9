"""One portion of one table: which of its rows name somebody, and what becomes of these.

Runs in the role `amends_erase`, which has rows of the tenant that is set and no others. Rows are
locked before they are read, in the order of their keys: what a verb has just written is seen, and
what it writes next it reads anew.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import UniqueConstraint
from psycopg.errors import UniqueViolation

from ledger.clock import now
from ledger.erasure.naming import Names
from ledger.erasure.personal_data import Personal, declared

#: Rows that are looked at in one transaction; fewer where each has a file.
PORTION: Final = 500
_WITH_FILES: Final = 20
_HELD: Final = "(({type}, {id}) IN (SELECT * FROM unnest(%(types)s::text[], %(ids)s::uuid[])))"


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """What legal holds keep: subjects, cases with all that is inside them, or `all` there is."""

    subjects: Sequence[tuple[str, uuid.UUID]] = ()
    cases: Sequence[uuid.UUID] = ()
    all: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """Whom to look for, what is held, and the receipt under which it goes."""

    tenant_id: uuid.UUID
    actor_id: uuid.UUID
    names: Names
    held: Held
    receipt_id: uuid.UUID

    @property
    def marker(self) -> str:
        """What stands in the place of a text of theirs."""
        return marker(self.receipt_id)


@dataclasses.dataclass(slots=True)
class Counts:
    """Of one portion: by kind of row how many were found and how many are kept; how many have to
    wait; the key of the last row looked at, None where the table is at its end. `again`: the same
    rows are looked at once more, because of what they keep beside them."""

    found: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    kept: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    waiting: int = 0
    last: list[str] | None = None
    again: bool = False


def marker(receipt_id: uuid.UUID) -> str:
    """Return what stands in the place of a text that was erased, wherever it is shown."""
    return f"[erased under receipt {receipt_id}]"


def sweep(table: Personal, search: Search, after: list[str] | None, *, apply: bool) -> Counts:
    """Look at the next rows of a table after the key `after`; with `apply` erase what is found.

    What a row keeps beside it is removed when it is committed that the row says so: the same rows
    are looked at again. Whoever is killed in between finds them by the marker."""
    portion = _WITH_FILES if table.beside else PORTION
    rows = _suspects(table, search, after, portion)
    counts = Counts(last=[str(each) for each in rows[-1].key] if len(rows) == portion else None)
    if table.beside is not None:
        ids = [row.key[0] for row in rows]
        named = set(table.beside.naming(search.tenant_id, ids, search.names.names))
        rows = [dataclasses.replace(row, named=row.key[0] in named) for row in rows]
    for row in rows:
        if not row.stays and (row.theirs or row.maybe or row.named or row.gone):
            _look_at(table, search, row, counts, apply=apply)
    if counts.again:
        # They are counted when nothing of them changes any more.
        counts.kept.clear()
        counts.waiting = 0
    return counts


@dataclasses.dataclass(frozen=True, slots=True)
class _Suspect:
    """A row: its key; whether it is the person's own, may name somebody, is held, has to wait;
    whether what it keeps beside it is to go; whether it stays whoever is erased; and whether what
    it keeps beside it names them."""

    key: list[Any]
    theirs: bool
    maybe: bool
    held: bool
    waits: bool
    gone: bool
    stays: bool
    named: bool = False


def _look_at(
    table: Personal, search: Search, row: _Suspect, counts: Counts, *, apply: bool
) -> None:
    changed = _changed(table, search, row)
    held = row.held or search.held.all
    if changed is None:
        if apply and row.gone and table.beside is not None and not held:
            table.beside.remove(search.tenant_id, [row.key[0]])
    elif held:
        counts.kept[table.kind] += 1
    elif row.waits:
        counts.waiting += 1
    elif not apply:
        counts.found[table.kind] += 1
    else:
        counts.found[table.kind] += _apply(table, search, row.key, changed)
        counts.again = table.beside is not None


def _keys(table: Personal) -> list[str]:
    return table.key.split()


def _suspects(
    table: Personal, search: Search, after: list[str] | None, portion: int
) -> list[_Suspect]:
    keys = _keys(table)
    texts = table.columns("mentions", "said")
    maybe = " OR ".join(_may_name(table, name) for name in texts)
    held = [f"({table.case} = ANY(%(cases)s::uuid[]))"] if table.case else []
    held += [_HELD.format(type=type_, id=id_) for type_, id_ in table.subjects]
    conditions = ["true"] if table.shared else ["t.tenant_id = %(tenant)s"]
    if after is not None:
        given = ", ".join(f"%(after_{name})s::{_type(table, name)}" for name in keys)
        conditions.append(f"({', '.join(f't.{name}' for name in keys)}) > ({given})")
    order = ", ".join(f"t.{name}" for name in keys)
    gone = [f'(t."{name}" = %(marker)s)' for name in table.columns("said") if table.beside]
    asked = (
        table.theirs, maybe, " OR ".join(held), table.waits, " AND ".join(gone), table.never,
    )  # fmt: skip
    flags = ", ".join(f"coalesce({each or 'false'}, false)" for each in asked)
    # All is asked of the rows of the portion, and nothing is a condition of which they are: of all
    # rows the server would rather read the other tables as a whole, and that for each portion.
    rows = (
        f"SELECT t.* FROM {table.table} t WHERE {' AND '.join(conditions)}"  # noqa: S608  -- own words
        f" ORDER BY {order} LIMIT {portion}"
    )
    statement = f"SELECT {order}, {flags} FROM ({rows}) t ORDER BY {order}"  # noqa: S608  -- as above
    values = _values(search) | {
        f"after_{name}": value for name, value in zip(keys, after or [], strict=False)
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found = cursor.fetchall()
    return [_Suspect(list(row[: len(keys)]), *row[len(keys) :]) for row in found]


def _may_name(table: Personal, name: str) -> str:
    """Return SQL for whether a column may name somebody."""
    asked = [f"{_as_text(table, name)} ILIKE ANY(%(likes)s)"]
    if _type(table, name) == "json":
        # It stands there as it was written, letters as digits.
        asked.append(f"{_as_text(table, name)} LIKE %(escaped)s")
    return " OR ".join(asked)


def _values(search: Search) -> dict[str, Any]:
    return {
        "tenant": search.tenant_id,
        "actor": search.actor_id,
        "likes": search.names.likes,
        "escaped": search.names.escaped,
        "marker": search.marker,
        "types": [type_ for type_, _id in search.held.subjects],
        "ids": [id_ for _type, id_ in search.held.subjects],
        "cases": list(search.held.cases),
    }


def _changed(table: Personal, search: Search, suspect: _Suspect) -> dict[str, str] | None:
    """Lock a row and return what its columns become; {} where it goes altogether, None where
    nothing has to be done."""
    texts = table.columns("mentions", "said")
    columns = ", ".join(_as_text(table, name) for name in texts) or "1"
    where = " AND ".join(f"t.{name} = %s" for name in _keys(table))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns} FROM {table.table} t WHERE {where} FOR UPDATE",  # noqa: S608  -- own words
            list(suspect.key),
        )
        row = cursor.fetchone()
    if row is None:
        return None
    if suspect.theirs and "theirs" in table.removed.split():
        return {}
    said = set(table.columns("said")) if suspect.theirs or suspect.named else set()
    if table.beside is not None and any(search.names.names(text) for text in row if text):
        # The file of this name goes too, and the row says so.
        said = set(table.columns("said"))
    changed = {}
    for name, text in zip(texts, row, strict=True):
        becomes = search.marker if name in said else _without(table, name, text, search)
        if text is not None and becomes != text:
            changed[name] = becomes
    if changed and "mentions" in table.removed.split():
        return {}
    return changed or None


def _without(table: Personal, name: str, text: str | None, search: Search) -> str:
    if text is None:
        return ""
    names = search.names
    if _is_json(table, name):
        followed, keyed = name in table.followed.split(), name in table.keyed.split()
        return names.without_in_json(text, followed=followed, keyed=keyed)
    if name in table.expressions.split():
        return names.without_in_expression(text)
    return names.without_in_thing(text) if name in table.things.split() else names.without(text)


def _apply(table: Personal, search: Search, key: Sequence[Any], changed: dict[str, str]) -> bool:
    """Do what has to be done to a row; whether it counts as erased under this receipt."""
    if changed:
        _change(table, key, changed)
        return True
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table.table} WHERE {_is_row(table)}", list(key))  # noqa: S608  -- own words
    return table.table != "ledger_payload" or remember_gone(
        search.tenant_id, key[0], key[1], search.receipt_id
    )


def _change(table: Personal, key: Sequence[Any], changed: dict[str, str]) -> None:
    """Change a row. Of two that are called alike now and may not be, the second has its key in what
    it is called."""
    try:
        with transaction.atomic():
            _update(table, key, changed)
    except IntegrityError as error:
        alike = [name for name in _once(table, error) if name in changed]
        if not alike:
            raise
        own = {name: f"{changed[name]}-{key[0]}" for name in alike}
        _update(table, key, {**changed, **own})


def _update(table: Personal, key: Sequence[Any], changed: dict[str, str]) -> None:
    said = ", ".join(f'"{name}" = %s::{_type(table, name)}' for name in changed)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table.table} SET {said} WHERE {_is_row(table)}",  # noqa: S608  -- own words
            [*changed.values(), *key],
        )


def _is_row(table: Personal) -> str:
    return " AND ".join(f"{name} = %s" for name in _keys(table))


def _once(table: Personal, error: IntegrityError) -> list[str]:
    """Return the texts of which the unique index says that they are there already."""
    violated = error.__cause__
    name = violated.diag.constraint_name if isinstance(violated, UniqueViolation) else None
    for model in apps.get_models():
        options = model._meta
        if options.db_table != table.table:
            continue
        columns = {field.name: str(field.column) for field in options.local_concrete_fields}
        for each in options.constraints:
            if isinstance(each, UniqueConstraint) and each.name == name:
                found = [columns[field] for field in each.fields]
                return [column for column in found if not _is_json(table, column)]
    return []


def remember_gone(
    tenant_id: uuid.UUID, entry_id: uuid.UUID, name: str, receipt_id: uuid.UUID
) -> bool:
    """Keep under which receipt a payload went, in the transaction that removes it. One that went
    before, and was put back out of an old copy, stays under that receipt: False."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_erasedpayload (entry_id, name, tenant_id, receipt_id, at)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [entry_id, name, tenant_id, receipt_id, now()],
        )
        return bool(cursor.rowcount)


def _as_text(table: Personal, name: str) -> str:
    column = f't."{name}"'
    return f"convert_from({column}, 'UTF8')" if _type(table, name) == "bytea" else f"{column}::text"


def _type(table: Personal, name: str) -> str:
    return column_types()[table.table][name]


def _is_json(table: Personal, name: str) -> bool:
    # What payloads keep is JSON, as its bytes.
    return _type(table, name) in {"json", "jsonb", "bytea"}


@functools.cache
def column_types() -> dict[str, dict[str, str]]:
    """Return the type of every column of every table, as the database calls it."""
    found: dict[str, dict[str, str]] = {}
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        found[options.db_table] = {
            str(field.column): str(field.db_type(connection))
            for field in options.local_concrete_fields
            if field.column
        }
    return found


def undeclared() -> list[str]:
    """Return the columns of all tables that do not say whether they are about people, those that
    say it twice, and those that are declared and not there."""
    wrong = []
    said = declared()
    for table, types in column_types().items():
        names = said[table].columns() if table in said else []
        twice = {name for name in names if names.count(name) > 1}
        wrong += [f"{table}.{name}" for name in (set(types) ^ set(names)) | twice]
    return sorted(wrong)
