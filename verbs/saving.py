"""Writing rows, by texts of statements that are built once.

Composing one by the ORM costs several times what running it costs, and a verb does nothing else as
often. No signal is sent. What is left to a default of the database is not read back.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

from ledger.ordered_json import OrderedJSONField
from ledger.record_sql import SAID
from ledger.row_writes import RowWrite
from ledger.statements import server

_Fields = tuple["Field[Any, Any]", ...]
# Which one it is, is known when the statement is put together: see `record_sql.writing`.
_MEMBER = f"{SAID}->'{{member}}'"


def update(row: Model, names: Iterable[str]) -> RowWrite:
    """Return what writes the named fields of a stored row as they are now."""
    fields, text = _update(type(row), tuple(dict.fromkeys(names)))
    return RowWrite(text, _values(row, fields))


def insertion(row: Model) -> RowWrite:
    """Return what writes a new row, all that is not left to the database."""
    fields, text = _insert(type(row), _left(row))
    return RowWrite(text, _stored(row, fields))


def insertions(rows: Sequence[Model]) -> RowWrite:
    """Return what writes new rows of one model, however many, by one text."""
    fields, text = _insert_many(type(rows[0]), _left(rows[0]))
    return RowWrite(text, [_stored(row, fields) for row in rows], rows=len(rows))


def _left(row: Model) -> tuple[str, ...]:
    """Return what is left to the database."""
    return tuple(name for name, value in vars(row).items() if isinstance(value, DatabaseDefault))


def _stored(row: Model, fields: _Fields) -> dict[str, Any]:
    # What Django's own `save` would leave.
    row._state.adding, row._state.db = False, server().alias  # noqa: SLF001  -- as Django names it
    return _values(row, fields)


def _values(row: Model, fields: _Fields) -> dict[str, Any]:
    values = {str(field.column): getattr(row, field.attname) for field in fields}
    for column in _ordered(type(row)):
        # The document would sort its members; in a text they stay as they were written.
        if values.get(column) is not None:
            values[column] = json.dumps(values[column])
    return values


@functools.cache
def _ordered(model: type[Model]) -> tuple[str, ...]:
    fields = model._meta.concrete_fields
    return tuple(str(field.column) for field in fields if isinstance(field, OrderedJSONField))


def _value(field: Field[Any, Any]) -> str:
    """Return a column's value as read from the document."""
    if isinstance(field, OrderedJSONField):
        return f"({_MEMBER}->>'{field.column}')::json"
    return f"u.{_column(field)}"


@functools.cache
def _update(model: type[Model], names: tuple[str, ...]) -> tuple[_Fields, str]:
    known = {field.name: field for field in model._meta.concrete_fields}
    fields = tuple(known[name] for name in names)
    columns = ", ".join(f"{_column(field)} = {_value(field)}" for field in fields)
    pk = model._meta.pk
    # Compared with one value, not joined: a plan made while the table was small stays a good one.
    key = f"({_MEMBER}->>'{pk.column}')::{pk.db_type(connection)}"
    text = (
        f"UPDATE {_table(model)} AS r SET {columns} FROM {_given(fields)}"  # noqa: S608  -- names of the model
        f" WHERE r.{_column(pk)} = {key} RETURNING 1"
    )
    return (*fields, pk), text


@functools.cache
def _insert(model: type[Model], left: tuple[str, ...]) -> tuple[_Fields, str]:
    fields = tuple(field for field in model._meta.concrete_fields if field.attname not in left)
    names = ", ".join(map(_column, fields))
    given = ", ".join(map(_value, fields))
    text = f"INSERT INTO {_table(model)} ({names}) SELECT {given} FROM {_given(fields)}"  # noqa: S608  -- names of the model
    return fields, f"{text} RETURNING 1"


@functools.cache
def _insert_many(model: type[Model], left: tuple[str, ...]) -> tuple[_Fields, str]:
    fields = tuple(field for field in model._meta.concrete_fields if field.attname not in left)
    ordered = _ordered(model)
    names, given, values = [], [], []
    for field in fields:
        is_text, name = field.column in ordered, _column(field)
        names.append(name)
        given.append(f"{name} {'text' if is_text else field.db_type(connection)}")
        values.append(f"u.{name}::json" if is_text else f"u.{name}")
    return fields, (
        f"INSERT INTO {_table(model)} ({', '.join(names)}) SELECT {', '.join(values)}"  # noqa: S608  -- names of the model
        f" FROM jsonb_to_recordset({_MEMBER}) AS u({', '.join(given)}) RETURNING 1"
    )


def _given(fields: _Fields) -> str:
    """Return the member of the document, read as a row of these columns."""
    columns = ", ".join(f"{_column(field)} {field.db_type(connection)}" for field in fields)
    return f"jsonb_to_record({_MEMBER}) AS u({columns})"


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(field.column))
