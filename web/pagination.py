"""Cursor pages (`?limit=&cursor=`): stable while rows are inserted, each at the same cost.

A cursor is the sort key of the row at the edge of a page, with a direction. A list sorts by one or
more fields in one direction; the last must be unique (`-created_at, -id` unless asked). Where
few of a long list are looked for, a page may be short, or empty, and still have a next one.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import json
import operator
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Field, Model, QuerySet, Value
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.request import Request

from json_values.moments import checked
from ledger.clock import rfc3339
from ledger.errors import Invalid
from web.counts import LOOKED_AT
from web.list_edges import beyond

NEWEST_FIRST = ("-created_at", "-id")
DEFAULT_LIMIT = 50
LONGEST_PAGE = 200
Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")


@dataclasses.dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Rows of one page and the cursors of its neighbours (None where there is none).

    `partial`: there may be more beyond the rows that were looked at, though the page is not full.
    `above`: what was asked for to stand above it.
    """

    rows: list[Item]
    next: str | None
    previous: str | None
    partial: bool = False
    above: list[Item] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class _Edge:
    backward: bool
    values: list[Any]


def page_of(
    request: Request | HttpRequest,
    rows: QuerySet[Any],
    *,
    order: Sequence[str] = NEWEST_FIRST,
    among: QuerySet[Any] | None = None,
    beside: QuerySet[Any] | None = None,
    above: Sequence[QuerySet[Any]] = (),
) -> Page[Any]:
    """Return the page of `rows` that the query asks for. Raises Invalid naming the parameter."""
    limit, cursor = parse_limit(request.GET.get("limit")), request.GET.get("cursor")
    return cut(
        rows, cursor=cursor, limit=limit, order=order, among=among, beside=beside, above=above
    )


def page_of_list(
    request: Request | HttpRequest, items: Sequence[Item], *, key: Callable[[Item], str]
) -> Page[Item]:
    """Return the page that the query asks for of what is a list already, by a key of each item.

    Raises Invalid (`invalid_cursor`) for a cursor of an item that is not in it.
    """
    limit, cursor = parse_limit(request.GET.get("limit")), request.GET.get("cursor")
    start = 0
    if cursor:
        backward, last = _edge_of_list(cursor)
        places = {key(item): at for at, item in enumerate(items)}
        if last not in places:
            raise _not_ours()
        start = max(0, places[last] - limit) if backward else places[last] + 1
        limit = min(limit, places[last]) if backward else limit
    found = list(items[start : start + limit])
    return Page(
        rows=found,
        next=_packed("n", [key(found[-1])]) if start + limit < len(items) else None,
        previous=_packed("p", [key(found[0])]) if start and found else None,
    )


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
    among: QuerySet[Any] | None = None,
    beside: QuerySet[Row] | None = None,
    above: Sequence[QuerySet[Row]] = (),
) -> Page[Row]:
    """Return one page of `rows`. Raises Invalid (`invalid_cursor`) for a cursor not from here.

    `order` names fields or annotations of the rows, all ascending or all descending (`-`), the last
    one unique. `among` is a list that has an index in this order, of which `rows` are those that
    somebody looks for: no more than `LOOKED_AT` of it are looked at for a page, however few are
    found. `beside` are further rows of the list, none of which is in `rows`: another index has
    them in this order. `above` is what stands above this page, read along with it.
    """
    descending = order[0].startswith("-")
    names = [name.removeprefix("-") for name in order]
    edge = None if not cursor else _decode(cursor, rows, names)
    backward = edge is not None and edge.backward
    flipped = descending != backward
    ordering = [f"-{name}" if flipped else name for name in names]
    bounds = [] if edge is None else [beyond(names, edge.values, below=flipped)]
    last = None
    if among is not None and not rows.query.is_empty():
        seen = among.prefetch_related(None).order_by(*ordering).filter(*bounds)
        last = next(iter(seen.values_list(*names)[LOOKED_AT - 1 : LOOKED_AT]), None)
    if last is not None:
        bounds.append(beyond(names, last, below=not flipped, or_equal=True))
    parts = [
        each.order_by(*ordering).filter(*bounds)[: limit + 1]
        for each in (rows, beside)
        if each is not None
    ]
    found, apart = _together(parts, above)
    if beside is not None:
        found.sort(key=operator.attrgetter(*names), reverse=flipped)
    more = len(found) > limit
    found = found[:limit]
    if backward and not found and last is None:
        # Before the first of them there is the beginning.
        return cut(rows, limit=limit, order=order, among=among, beside=beside, above=above)
    keys = [[getattr(row, name) for name in names] for row in found]
    onward = keys[-1] if more else last
    back = None if edge is None else keys[0] if keys else last
    if backward:
        found.reverse()
        onward, back = back, onward
    return Page(
        rows=found,
        next=None if onward is None else _encode(onward, backward=False),
        previous=None if back is None else _encode(back, backward=True),
        partial=last is not None and not more,
        above=apart,
    )


def _together(
    parts: Sequence[QuerySet[Row]], above: Sequence[QuerySet[Row]]
) -> tuple[list[Row], list[Row]]:
    """Read the parts of a page, and apart from them what stands above it, in one statement."""
    first, *others = [
        each.annotate(is_above=Value(place, BooleanField()))
        for place, some in ((False, parts), (True, above))
        for each in some
    ]
    found: list[Any] = list(first.union(*others, all=True) if others else first)
    return [row for row in found if not row.is_above], [row for row in found if row.is_above]


def parse_limit(text: str | None) -> int:
    """Return the page length asked for. Raises Invalid (`invalid_limit`) outside 1 to 200."""
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) <= len(str(LONGEST_PAGE)):
        limit = int(text)
        if 1 <= limit <= LONGEST_PAGE:
            return limit
    said = _("limit: a whole number from 1 to %(most)d.") % {"most": LONGEST_PAGE}
    raise Invalid.field("limit", said, code="invalid_limit")


def _encode(key: Sequence[Any], *, backward: bool) -> str:
    return _packed("p" if backward else "n", [_text(value) for value in key])


def _packed(direction: str, values: Sequence[str]) -> str:
    body = json.dumps([direction, *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def _text(value: Any) -> str:
    return rfc3339(value) if isinstance(value, dt.datetime) else str(value)


def _decode(cursor: str, rows: QuerySet[Any], names: Sequence[str]) -> _Edge:
    try:
        backward, texts = _unpacked(cursor)
        values = [_value(rows, name, text) for name, text in zip(names, texts, strict=True)]
    except (ValueError, TypeError, KeyError, binascii.Error, ValidationError, RecursionError):
        raise _not_ours() from None
    return _Edge(backward, values)


def _edge_of_list(cursor: str) -> tuple[bool, str]:
    try:
        backward, [last] = _unpacked(cursor)
    except (ValueError, TypeError, KeyError, binascii.Error, RecursionError):
        raise _not_ours() from None
    return backward, str(last)


def _unpacked(cursor: str) -> tuple[bool, list[Any]]:
    padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
    direction, *texts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    return {"n": False, "p": True}[direction], texts


def _not_ours() -> Invalid:
    return Invalid.field(
        "cursor", _("cursor: not one that this list gave out."), code="invalid_cursor"
    )


def _value(rows: QuerySet[Any], name: str, text: Any) -> Any:
    if not isinstance(text, str) or "\x00" in text:
        raise TypeError(name)
    made = rows.query.annotations.get(name)
    field = rows.model._meta.get_field(name) if made is None else made.output_field
    if not isinstance(field, Field):
        raise TypeError(name)
    value = field.to_python(text)
    if value is None or (isinstance(value, dt.datetime) and value.tzinfo is None):
        raise ValueError(name)
    return checked(value) if isinstance(value, dt.datetime) else value
