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

from ledger.record_sql import together
from ledger.statements import fetched


@dataclasses.dataclass(frozen=True, slots=True)
class RowWrite:
    """A statement that writes one row from the document's member `{member}`, and that member: the
    values of columns by name."""

    text: str
    values: Mapping[str, Any]


def members(rows: Sequence[RowWrite]) -> dict[str, Any]:
    """Return what the rows add to the document, under the names `together` reads."""
    return {f"w{number}": row.values for number, row in enumerate(rows)}


def document(said: Mapping[str, Any]) -> str:
    """Return the document as text. Raises TypeError for what has no form in JSON."""
    return json.dumps(said, default=_plain, allow_nan=False, separators=(",", ":"))


def write(rows: Sequence[RowWrite]) -> int:
    """Write different rows by one statement. Returns how many of them were there."""
    text = together(tuple(row.text for row in rows))
    ((written,),) = fetched(text, [document(members(rows))])
    return int(written)


_FORMS: dict[type, Callable[[Any], str]] = {
    uuid.UUID: str,
    dt.datetime: dt.datetime.isoformat,
    bytes: lambda value: f"\\x{value.hex()}",
}


def _plain(value: object) -> str:
    form = _FORMS.get(type(value))
    if form is None:
        raise TypeError(f"{type(value).__name__} is no value of a column")
    return form(value)
