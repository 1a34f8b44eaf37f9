"""Counts beside links and tabs: exact up to a bound, because counting on costs more the more there
is, and nobody reads the difference."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

# From here on it is only said that there is more.
COUNTED = 100


def bounded_count(rows: QuerySet[Any]) -> int:
    """Return how many rows there are, at most `COUNTED`."""
    return rows.order_by()[:COUNTED].count()


def shown_count(number: int) -> str:
    """Return a count as it is shown: from `COUNTED` on only that there is more."""
    return str(number) if number < COUNTED else f"{COUNTED - 1}+"
