"""Rows that are written beside their entries, by the same statement.

All that one statement writes is one JSON document. The server reads a member of it as a row of the
table it belongs to, so a value has the type of its column and needs none of its own on the way.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.record_sql import writing
from ledger.statements import fetched


@dataclasses.dataclass(frozen=True, slots=True)
class RowWrite:
    """A statement that writes rows from the document's member `{member}`, and that member: the
    values of columns by name, of one row or of each of several."""

    text: str
    values: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    rows: int = 1


def _document(said: Mapping[str, Any]) -> str:
    """Return the document as text. Raises TypeError for what has no form in JSON."""
    return _ENCODER.encode(said)


class Written(NamedTuple):
    """How many rows were there to be written, and the news that is wanted in their tenant beside:
    type, consumer, lane and queue of each."""

    rows: int
    wanted: list[list[str]]


def write(rows: Sequence[RowWrite], others: Mapping[str, Sequence[Any]], **said: Any) -> Written:
    """Write different rows by one statement, and by the same what `others` and `said` say besides:
    see `record_sql.writing`."""
    there = {name: member for name, member in others.items() if member}
    text = writing(tuple(row.text for row in rows), tuple(there))
    members = {f"w{number}": row.values for number, row in enumerate(rows)}
    ((written, wanted),) = fetched(text, {"said": _document(members | there | said)})
    return Written(int(written), [each.split() for each in wanted.split(",")] if wanted else [])


_FORMS: dict[type, Callable[[Any], str]] = {
    # Without its dashes, which cost more than all the rest.
    uuid.UUID: lambda value: f"{value.int:032x}",
    dt.datetime: dt.datetime.isoformat,
    bytes: lambda value: f"\\x{value.hex()}",
}


def _plain(value: object) -> str:
    form = _FORMS.get(type(value))
    if form is None:
        raise TypeError(f"{type(value).__name__} is no value of a column")
    return form(value)


# Made once: `json.dumps` would make one for each document.
_ENCODER = json.JSONEncoder(default=_plain, allow_nan=False, separators=(",", ":"))
