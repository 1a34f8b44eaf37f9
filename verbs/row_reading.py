"""Rows of models, read by a text of our own: what the ORM's `raw` works out at each read, once."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState

from ledger.postgresql.session import Answer
from ledger.statements import answered, right_behind, server, soon


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape:
    """Where a text has the columns of its model, what reads them, and what else it has."""

    names: list[str]
    places: list[int]
    readers: list[tuple[int, Callable[..., Any]]]
    more: list[tuple[str, int]]


_shapes: dict[tuple[type[models.Model], str], _Shape] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Beside:
    """What is read beside each row `r` as the snapshot saw it: columns, and how they are joined."""

    columns: str
    join: str


NOTHING_BESIDE = Beside("", "")


def read(
    model: type[models.Model],
    where: str,
    given: Sequence[Any] | Mapping[str, Any],
    beside: Beside = NOTHING_BESIDE,
) -> list[Any]:
    """Return the rows `r` of a model that a condition chooses, and orders if it says so: for what
    is read at every step, where the ORM would compose the same text anew."""
    return load(model, _selection(model, where, beside), given)


def read_behind(
    model: type[models.Model],
    where: str,
    given: Sequence[Any] | Mapping[str, Any],
    beside: Beside = NOTHING_BESIDE,
) -> Callable[[], list[Any]]:
    """As `read`, right behind the next statement and in one exchange with it."""
    text = _selection(model, where, beside)
    answer = right_behind(text, given)
    return lambda: _rows(model, text, answer())


@functools.cache
def _selection(model: type[models.Model], where: str, beside: Beside) -> str:
    columns = ", ".join(f'r."{field.column}"' for field in model._meta.concrete_fields)
    return (
        f"SELECT {columns}{beside.columns}"  # noqa: S608  -- names of the model
        f" FROM {model._meta.db_table} r{beside.join} WHERE {where}"
    )


def literal(words: Collection[str]) -> str:
    """Return words of our own as a list in a text: only with them, and not with values that come
    later, can the planner tell that a partial index holds what is looked for."""
    return ", ".join(f"'{word}'" for word in sorted(words))


def load_before(
    model: type[models.Model], text: str, given: Sequence[Any] | Mapping[str, Any]
) -> Callable[[], list[Any]]:
    """As `load`, before the next statement and in one exchange with it."""
    answer = soon(text, given)
    return lambda: _rows(model, text, answer())


def load(
    model: type[models.Model], text: str, given: Sequence[Any] | Mapping[str, Any]
) -> list[Any]:
    """Run a read that has every column of `model` and return its rows; what else it reads is put
    on each row under its own name."""
    return _rows(model, text, answered(text, given))


def _rows(model: type[models.Model], text: str, answer: Answer) -> list[Any]:
    found, columns = answer
    if not found:
        return []
    shape = _shapes.get((model, text))
    if shape is None:
        shape = _shapes[model, text] = _shape_of(model, columns)
    here = server()
    return [_row(model, shape, values, here) for values in found]


def _row(
    model: type[models.Model], shape: _Shape, values: Sequence[Any], here: BaseDatabaseWrapper
) -> Any:
    own = [values[place] for place in shape.places]
    for index, read in shape.readers:
        own[index] = read(own[index], None, here)
    # What `from_db` would make: an initialiser that goes from field to field takes longer than the
    # server took for the row. No signal is sent for what is read here.
    row = model.__new__(model)
    row._state = ModelState()  # noqa: SLF001  -- as Django names it
    row._state.db, row._state.adding = here.alias, False  # noqa: SLF001
    row.__dict__.update(zip(shape.names, own, strict=True))
    for name, place in shape.more:
        row.__dict__[name] = values[place]
    return row


def _read_json(text: str | None, *_how: Any) -> Any:
    """Read what a JSON column of ours holds: mostly a list or an object without members, of which
    a row has a dozen."""
    if text is None:
        return None
    return [] if text == "[]" else {} if text == "{}" else json.loads(text)


def _shape_of(model: type[models.Model], columns: Sequence[str]) -> _Shape:
    fields = list(model._meta.concrete_fields)
    places = [columns.index(field.column) for field in fields]
    readers = [
        (index, _read_json if type(field) is models.JSONField else read)
        for index, field in enumerate(fields)
        for read in field.get_db_converters(connection)
    ]
    more = [(name, place) for place, name in enumerate(columns) if place not in places]
    return _Shape([field.attname for field in fields], places, readers, more)
