"""Writing one row, by the text of a statement that is built once.

Composing it by the ORM costs several times what running it costs, and a verb does nothing else as
often. No signal is sent and no default of the database is used: every column gets its value here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Field, Model

_Fields = tuple["Field[Any, Any]", ...]


def update_row(row: Model, names: Iterable[str]) -> None:
    """Write the named fields of a stored row. Raises DatabaseError when it is not there."""
    fields, statement = _update(type(row), tuple(dict.fromkeys(names)))
    with connection.cursor() as cursor:
        cursor.execute(statement, [*_values(row, fields), row.pk])
        if cursor.rowcount != 1:
            raise DatabaseError(f"{row._meta.label} {row.pk} is not there to be saved")


def insert_row(row: Model) -> None:
    """Write a new row, whole."""
    fields, statement = _insert(type(row))
    with connection.cursor() as cursor:
        cursor.execute(statement, _values(row, fields))
    # What Django's own `save` would have left.
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001  -- as Django names it


def _values(row: Model, fields: _Fields) -> list[Any]:
    return [
        field.get_db_prep_save(getattr(row, field.attname), connection=connection)
        for field in fields
    ]


@functools.cache
def _update(model: type[Model], names: tuple[str, ...]) -> tuple[_Fields, str]:
    known = {field.name: field for field in model._meta.concrete_fields}
    fields = tuple(known[name] for name in names)
    columns = ", ".join(f"{_column(field)} = %s" for field in fields)
    key = _column(model._meta.pk)
    return fields, f"UPDATE {_table(model)} SET {columns} WHERE {key} = %s"  # noqa: S608  -- names of the model


@functools.cache
def _insert(model: type[Model]) -> tuple[_Fields, str]:
    fields = tuple(model._meta.concrete_fields)
    columns = ", ".join(map(_column, fields))
    holders = ", ".join(["%s"] * len(fields))
    return fields, f"INSERT INTO {_table(model)} ({columns}) VALUES ({holders})"  # noqa: S608  -- names of the model


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(field.column))
