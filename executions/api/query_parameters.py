"""Query parameters of lists. A value that cannot match is refused, not ignored.

Each returns what the parameter says and raises Invalid naming it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from ledger.errors import Invalid


def one_of(name: str, value: str, known: Iterable[str]) -> str:
    """Return a word of `known`."""
    if value not in known:
        raise Invalid.field(name, f"{name}: must be one of {', '.join(known)}")
    return value


def id_of(name: str, value: str) -> uuid.UUID | None:
    """Return an id, None where there is no value."""
    try:
        return uuid.UUID(value) if value else None
    except ValueError:
        raise Invalid.field(name, f"{name}: must be an id") from None
