"""Cursor pages (`?limit=&cursor=`): stable while rows are inserted, each at the same cost.

A cursor is the sort key of the row at the edge of a page, with a direction. A list sorts by one or
more fields in one direction; the last must be unique (`-created_at, -id` unless asked).
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest
from rest_framework.request import Request

from json_values.moments import checked
from ledger.clock import rfc3339
from ledger.errors import Invalid

NEWEST_FIRST = ("-created_at", "-id")
DEFAULT_LIMIT = 50
LONGEST_PAGE = 200
Row = TypeVar("Row", bound=Model)


@dataclasses.dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows of one page and the cursors of its neighbours (None where there is none)."""

    rows: list[Row]
    next: str | None
    previous: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Edge:
    backward: bool
    values: list[Any]


def page_of(
    request: Request | HttpRequest, rows: QuerySet[Any], *, order: Sequence[str] = NEWEST_FIRST
) -> Page[Any]:
    """Return the page of `rows` that the query asks for. Raises Invalid naming the parameter."""
    limit = parse_limit(request.GET.get("limit"))
    return cut(rows, cursor=request.GET.get("cursor"), limit=limit, order=order)


def links(request: Request | HttpRequest, page: Page[Any]) -> dict[str, str | None]:
    """Return the addresses of the `next` and the `previous` page, None where there is none."""
    query = {name: values for name, values in request.GET.lists() if name != "cursor"}

    def link(cursor: str | None) -> str | None:
        if cursor is None:
            return None
        return f"{request.path}?{urlencode({**query, 'cursor': cursor}, doseq=True)}"

    return {"next": link(page.next), "previous": link(page.previous)}


def cut(
    rows: QuerySet[Row],
    *,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
    order: Sequence[str] = NEWEST_FIRST,
) -> Page[Row]:
    """Return one page of `rows`. Raises Invalid (`invalid_cursor`) for a cursor not from here.

    `order` names fields of the rows, all ascending or all descending (`-`), the last one unique.
    """
    descending = order[0].startswith("-")
    names = [name.removeprefix("-") for name in order]
    edge = None if not cursor else _decode(cursor, rows, names)
    backward = edge is not None and edge.backward
    flipped = descending != backward
    wanted = rows.order_by(*[f"-{name}" if flipped else name for name in names])
    if edge is not None:
        wanted = wanted.filter(_beyond(names, edge.values, below=flipped))
    found = list(wanted[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    if backward:
        found.reverse()
    has_next = bool(found) and (more or backward)
    has_previous = bool(found) and (more if backward else edge is not None)
    return Page(
        rows=found,
        next=_encode(found[-1], names, backward=False) if has_next else None,
        previous=_encode(found[0], names, backward=True) if has_previous else None,
    )


def parse_limit(text: str | None) -> int:
    """Return the page length asked for. Raises Invalid (`invalid_limit`) outside 1 to 200."""
    if not text:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST_PAGE)):
        limit = int(text)
        if 1 <= limit <= LONGEST_PAGE:
            return limit
    raise Invalid.field(
        "limit", f"limit: a whole number from 1 to {LONGEST_PAGE}.", code="invalid_limit"
    )


def _beyond(names: Sequence[str], values: Sequence[Any], *, below: bool) -> Q:
    """Return the condition of rows strictly after the edge in lexicographic order."""
    compare = "lt" if below else "gt"
    condition = Q()
    for depth, name in enumerate(names):
        same = {names[index]: values[index] for index in range(depth)}
        condition |= Q(**same, **{f"{name}__{compare}": values[depth]})
    # Said once more without OR, so that an index on the first field bounds the scan.
    return Q(**{f"{names[0]}__{compare}e": values[0]}) & condition


def _encode(row: Model, names: Sequence[str], *, backward: bool) -> str:
    values = [_text(getattr(row, name)) for name in names]
    body = json.dumps(["p" if backward else "n", *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def _text(value: Any) -> str:
    return rfc3339(value) if isinstance(value, dt.datetime) else str(value)


def _decode(cursor: str, rows: QuerySet[Any], names: Sequence[str]) -> _Edge:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        direction, *texts = parts
        backward = {"n": False, "p": True}[direction]
        values = [_value(rows.model, name, text) for name, text in zip(names, texts, strict=True)]
    except (ValueError, TypeError, KeyError, binascii.Error, ValidationError, RecursionError):
        raise Invalid.field(
            "cursor", "cursor: not one that this list gave out.", code="invalid_cursor"
        ) from None
    return _Edge(backward, values)


def _value(model: type[Model], name: str, text: Any) -> Any:
    if not isinstance(text, str) or "\x00" in text:
        raise TypeError(name)
    field = model._meta.get_field(name)
    if not isinstance(field, Field):
        raise TypeError(name)
    value = field.to_python(text)
    if value is None or (isinstance(value, dt.datetime) and value.tzinfo is None):
        raise ValueError(name)
    return checked(value) if isinstance(value, dt.datetime) else value
