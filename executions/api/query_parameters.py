"""Query parameters of lists. A value that cannot match is refused, not ignored.

Each returns what the parameter says and raises Invalid naming it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from ledger.errors import Invalid


def one_of(name: str, value: str, known: Iterable[str]) -> str:
    """Return a word of `known`."""
    if value not in known:
        raise Invalid.field(name, f"{name}: must be one of {', '.join(known)}")
    return value


def word_of(query: Mapping[str, str], name: str, known: Iterable[str]) -> str | None:
    """Return the word that a parameter says, None where it is not there."""
    return one_of(name, query[name], known) if name in query else None


def id_of(query: Mapping[str, str], name: str) -> uuid.UUID | None:
    """Return the id that a parameter says, None where it is not there."""
    try:
        return uuid.UUID(query[name]) if name in query else None
    except ValueError:
        raise Invalid.field(name, f"{name}: must be an id") from None
