"""Writing rows, by texts of statements that are built once.

Composing one by the ORM costs several times what running it costs, and a verb does nothing else as
often. No signal is sent. What is left to a default of the database is not read back.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

# A text and its values.
Statement = tuple[str, list[Any]]
_Fields = tuple["Field[Any, Any]", ...]


def update(row: Model, names: Iterable[str]) -> Statement:
    """Return what writes the named fields of a stored row as they are now."""
    fields, text = _update(type(row), tuple(dict.fromkeys(names)))
    return text, [*_values(row, fields), row.pk]


def insertion(row: Model) -> Statement:
    """Return what writes a new row, all that is not left to the database."""
    left = tuple(name for name, value in vars(row).items() if isinstance(value, DatabaseDefault))
    fields, text = _insert(type(row), left)
    # What Django's own `save` would leave.
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001  -- as Django names it
    return text, _values(row, fields)


def send_together(statements: Sequence[Statement]) -> None:
    """Write different rows at once. Raises DatabaseError when one is not there to be saved."""
    texts = [text for text, _values in statements]
    with connection.cursor() as cursor:
        cursor.execute(
            texts[0] if len(texts) == 1 else _together(tuple(texts)),
            [value for _text, values in statements for value in values],
        )
        written = cursor.rowcount if len(texts) == 1 else cursor.fetchone()[0]
    if written != len(texts):
        raise DatabaseError(f"of {len(texts)} rows to be saved only {written} were there")


@functools.lru_cache(maxsize=512)
def _together(texts: tuple[str, ...]) -> str:
    """Return one statement that runs them all, and counts the rows that they wrote."""
    parts = ", ".join(f"w{n} AS ({text} RETURNING 1)" for n, text in enumerate(texts))
    counts = " + ".join(f"(SELECT count(*) FROM w{n})" for n in range(len(texts)))  # noqa: S608  -- own names
    return f"WITH {parts} SELECT {counts}"


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
def _insert(model: type[Model], left: tuple[str, ...]) -> tuple[_Fields, str]:
    fields = tuple(field for field in model._meta.concrete_fields if field.attname not in left)
    columns = ", ".join(map(_column, fields))
    holders = ", ".join(["%s"] * len(fields))
    return fields, f"INSERT INTO {_table(model)} ({columns}) VALUES ({holders})"  # noqa: S608  -- names of the model


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _column(field: Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(field.column))
