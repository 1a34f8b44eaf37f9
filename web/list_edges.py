"""Where in a list a part of it ends: conditions on the rows beyond such an edge, or up to it.

Each compares several columns as one row, which an index on them finds at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, Func, Lookup, Model, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.lookups import (
    GreaterThan,
    GreaterThanOrEqual,
    LessThan,
    LessThanOrEqual,
)

# By whether it is below the edge, and whether the edge itself counts.
_COMPARISONS: dict[tuple[bool, bool], type[Lookup[bool]]] = {
    (False, False): GreaterThan,
    (False, True): GreaterThanOrEqual,
    (True, False): LessThan,
    (True, True): LessThanOrEqual,
}


class _Columns(Func):
    """Several columns, or values, as one row."""

    template = "(%(expressions)s)"
    output_field = BooleanField()


class _Last(Subquery):
    """The last row of the beginning of a list, by `last_first`; no row where the list is empty."""

    template = "(SELECT %(names)s FROM (%(subquery)s) seen ORDER BY %(last_first)s LIMIT 1)"


def beyond(
    names: Sequence[str], values: Sequence[Any], *, below: bool, or_equal: bool = False
) -> Lookup[bool]:
    """Return the condition of rows after the edge in lexicographic order, or at it."""
    return _compared(names, _Columns(*map(Value, values)), below=below, or_equal=or_equal)


def among_first(
    every: QuerySet[Model], rows: QuerySet[Model], order: Sequence[str], most: int
) -> QuerySet[Any]:
    """Return those of `rows` that are among the first `most` of the list `every`: no more of it is
    looked through. `order` is as for a page, and the rows are to be read in it, too."""
    descending = order[0].startswith("-")
    names = [name.removeprefix("-") for name in order]
    first = every.prefetch_related(None).order_by(*order).values(*names)[:most]
    ways = (f'"{name}" {"ASC" if descending else "DESC"}' for name in names)
    last = _Last(
        first, output_field=BooleanField(),
        names=", ".join(f'"{name}"' for name in names), last_first=", ".join(ways),
    )  # fmt: skip
    return rows.filter(_compared(names, last, below=not descending, or_equal=True))


def _compared(
    names: Sequence[str], edge: Combinable, *, below: bool, or_equal: bool
) -> Lookup[bool]:
    compare = _COMPARISONS[below, or_equal]
    return compare(_Columns(*names), edge)
