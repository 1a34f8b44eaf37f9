"""How far a list is looked through and counted: a page must not cost more the more there is.

Counts beside links and tabs are exact up to a bound; nobody reads the difference beyond.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

# Of a long list a page looks at so many rows for what is asked for; the next one looks further.
LOOKED_AT = 5_000
# From here on it is only said that there is more.
COUNTED = 100


def bounded_count(rows: QuerySet[Any]) -> int:
    """Return how many rows there are, at most `COUNTED`."""
    return rows.order_by()[:COUNTED].count()


def shown_count(number: int) -> str:
    """Return a count as it is shown: from `COUNTED` on only that there is more."""
    return str(number) if number < COUNTED else f"{COUNTED - 1}+"
