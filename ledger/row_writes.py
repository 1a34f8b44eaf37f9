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
from typing import Any

from ledger.record_sql import writing
from ledger.statements import soon


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
    rows: Sequence[RowWrite], others: Mapping[str, Sequence[Any]], said: Mapping[str, Any]
) -> tuple[str, dict[str, str]]:
    # Whether there are more tasks than it knows of, is found out where there is any news.
    news = others.get("events")
    there = {name: each for name, each in others.items() if each or (news and name == "tasks")}
    text = writing(tuple(row.text for row in rows), tuple(there))
    members: dict[str, Any] = {f"w{number}": row.values for number, row in enumerate(rows)}
    members["rows"] = sum(row.rows for row in rows)
    return text, {"said": _document({**members, **there, **said})}


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
