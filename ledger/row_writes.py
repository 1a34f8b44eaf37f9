"""Rows that are written beside their entries, by the same statement.

A few rows are given value by value. All that many need is one JSON document: the server reads a
member of it as a row of the table it belongs to, so a value has the type of its column and needs
none of its own on the way, and the text is the same for any number.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ledger.postgresql.statement_texts import Given
from ledger.record_sql import PARTS, TASK, Shape, writing, writing_values
from ledger.statements import soon

#: A statement is given the values of so many rows of one table at most: for each number there is
#: another text that a connection has to learn.
MOST_ROWS: Final = 12
_Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class RowWrite:
    """How rows of one table are written, and the values of their columns, by name."""

    shape: Shape
    rows: Sequence[_Row]


def _document(said: Mapping[str, Any]) -> str:
    """Return the document as text. Raises TypeError for what has no form in JSON."""
    return _ENCODER.encode(said)


def write(
    rows: Sequence[RowWrite], others: Mapping[str, Sequence[Any]], **said: Any
) -> Callable[[], list[list[str]]]:
    """Write different rows by one statement, and by the same what `others` and `said` say besides:
    see `record_sql.writing`. It goes with the next statement of the transaction, or with its
    commit: raises DatabaseError there, also when a row is not there to be written.

    Returns what returns, when it has gone, which tasks were made because their news is wanted in
    the tenant: queue, lane and shard of each.
    """
    answer = soon(*_statement(rows, others, said))

    def more() -> list[list[str]]:
        ((found,),) = answer().rows
        return [each.split() for each in found.split(",")] if found else []

    return more


def _statement(
    rows: Sequence[RowWrite], others: Mapping[str, Sequence[_Row]], said: Mapping[str, Any]
) -> tuple[str, Given]:
    # Whether there are more tasks than it knows of, is found out where there is any news.
    news = others.get("events")
    there = {name: each for name, each in others.items() if each or (news and name == "tasks")}
    if all(len(each.rows) <= MOST_ROWS for each in rows) and all(
        len(each) <= MOST_ROWS for each in there.values()
    ):
        return _with_values(rows, there, said)
    text = writing(tuple(row.shape for row in rows), tuple(there))
    members: dict[str, Any] = {f"w{n}": write.rows for n, write in enumerate(rows)}
    members["rows"] = sum(len(row.rows) for row in rows if row.shape.may_miss)
    return text, {"said": _document({**members, **there, **said})}


def _with_values(
    rows: Sequence[RowWrite], others: Mapping[str, Sequence[_Row]], said: Mapping[str, Any]
) -> tuple[str, list[Any]]:
    values: list[Any] = []
    for write in rows:
        for row in write.rows:
            _add(values, write.shape, row)
    for name, members in others.items():
        shape = PARTS.get(name)
        for row in members:
            values.append(said["tenant"])
            if shape is None:
                values += [row[column] for column in TASK]
            else:
                _add(values, shape, row)
    if "tasks" in others:
        for event in others["events"]:
            values += (event["id"], event["type"], event["shard"])
        values.append(said["tenant"])
    counts = tuple((name, len(members)) for name, members in others.items())
    return writing_values(tuple((row.shape, len(row.rows)) for row in rows), counts), values


def _add(values: list[Any], shape: Shape, row: _Row) -> None:
    """Add the values of a row. Raises TypeError for one of a JSON column that has no form there."""
    start = len(values)
    values += [row[column] for column in shape.columns]
    for place in shape.json:
        value = values[start + place]
        if value is not None:
            values[start + place] = _ENCODER.encode(value)


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
