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
from django.db.models import Field, JSONField, Model
from django.db.models.expressions import DatabaseDefault

from ledger.ordered_json import OrderedJSONField
from ledger.record_sql import SAID, Shape
from ledger.row_writes import RowWrite
from ledger.statements import server

_Fields = tuple["Field[Any, Any]", ...]
# Which one it is, is known when the statement is put together: see `record_sql.writing`.
_MEMBER = f"{SAID}->'{{member}}'"


def update(row: Model, names: Iterable[str]) -> RowWrite:
    """Return what writes the named fields of a stored row as they are now."""
    fields, shape = _update(type(row), tuple(dict.fromkeys(names)))
    return RowWrite(shape, [_values(row, fields)])


def insertion(row: Model) -> RowWrite:
    """Return what writes a new row, all that is not left to the database."""
    return insertions([row])


def insertions(rows: Sequence[Model]) -> RowWrite:
    """Return what writes new rows of one model."""
    fields, shape = _insert(type(rows[0]), _left(rows[0]))
    return RowWrite(shape, [_stored(row, fields) for row in rows])


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


@functools.cache
def _update(model: type[Model], names: tuple[str, ...]) -> tuple[_Fields, Shape]:
    known = {field.name: field for field in model._meta.concrete_fields}
    fields, pk = tuple(known[name] for name in names), model._meta.pk
    names_ = [_column(field) for field in fields]
    # Of several rows each is a write of its own: they need not have changed in the same fields.
    one = f"({_MEMBER}->0)"
    columns, values = _read(fields)
    # Compared with one value, not joined: a plan made while the table was small stays a good one.
    key = f"({one}->>'{pk.column}')::{pk.db_type(connection)}"
    update = f"UPDATE {_table(model)} AS r SET "  # noqa: S608  -- names of the model
    where = f" WHERE r.{_column(pk)} = "
    document = (
        f"{update}{', '.join(map(' = '.join, zip(names_, values, strict=True)))}"
        f" FROM jsonb_to_record({one}) AS u({columns}){where}{key} RETURNING 1"
    )
    given = update + ", ".join(f"{name} = %s" for name in names_) + where
    shape = Shape(
        document, given, "%s", " RETURNING 1", (*_names(fields), str(pk.column)), _json(fields),
        may_miss=True,
    )  # fmt: skip
    return (*fields, pk), shape


@functools.cache
def _insert(model: type[Model], left: tuple[str, ...]) -> tuple[_Fields, Shape]:
    fields = tuple(field for field in model._meta.concrete_fields if field.attname not in left)
    columns, values = _read(fields)
    into = f"INSERT INTO {_table(model)} ({', '.join(map(_column, fields))})"
    document = (
        f"{into} SELECT {', '.join(values)}"  # noqa: S608  -- names of the model
        f" FROM jsonb_to_recordset({_MEMBER}) AS u({columns})"
    )
    row = f"({', '.join(['%s'] * len(fields))})"
    return fields, Shape(document, f"{into} VALUES ", row, "", _names(fields), _json(fields))


def _read(fields: _Fields) -> tuple[str, list[str]]:
    """Return the columns of a row that is read from the document, and the value of each."""
    columns, values = [], []
    for field in fields:
        is_text, name = isinstance(field, OrderedJSONField), _column(field)
        columns.append(f"{name} {'text' if is_text else field.db_type(connection)}")
        values.append(f"u.{name}::json" if is_text else f"u.{name}")
    return ", ".join(columns), values


def _names(fields: _Fields) -> tuple[str, ...]:
    return tuple(str(field.column) for field in fields)


def _json(fields: _Fields) -> tuple[int, ...]:
    """Return the places of those that are JSON, and not the text of it yet."""
    return tuple(
        place
        for place, field in enumerate(fields)
        if isinstance(field, JSONField) and not isinstance(field, OrderedJSONField)
    )


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(field.column))
