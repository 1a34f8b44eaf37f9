"""Words about a fault that can be stored, whatever code the fault came from; and what the database
said of it."""

from __future__ import annotations

import re

import psycopg

# What neither a text column nor UTF-8 can keep: NUL, and halves of surrogate pairs.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def storable(text: str, limit: int) -> str:
    """Return `text` cut to `limit` characters, what cannot be stored replaced by U+FFFD."""
    return _UNSTORABLE.sub(_REPLACEMENT, text[:limit])


def words_of(fault: BaseException, limit: int) -> str:
    """Return the fault's type and message, storable. A message that cannot be had is left out."""
    name = type(fault).__name__
    try:
        text = f"{name}: {fault}"
    except Exception:  # noqa: BLE001  -- the fault's own code raises while it is asked
        text = f"{name} (its message cannot be read)"
    return storable(text, limit)


def sqlstate_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error of django.db; None where the server has said nothing."""
    cause = error.__cause__
    return cause.sqlstate if isinstance(cause, psycopg.Error) else None
