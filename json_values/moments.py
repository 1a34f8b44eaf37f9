"""Moments and days as people write them (RFC 3339), within the calendar that everything keeps.

A moment lies between the years 1900 and 9000, in UTC too: beyond the edges of the calendar one can
be stored that nothing can read again, and then every list that holds it is broken.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

EARLIEST: Final = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
#: The first moment that is too late.
BEYOND: Final = dt.datetime(9001, 1, 1, tzinfo=dt.UTC)
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,12})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE,
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class NotAMoment(ValueError):
    """The text, or the value, is no moment that is kept. `code` says how."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_moment(text: object, *, zone: dt.tzinfo | None = None) -> dt.datetime:
    """Return the moment that a text says; without a zone of its own it is said in `zone`.

    Raises NotAMoment: `invalid`, also for a moment in no zone, or `overflow`.
    """
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        raise _unreadable()
    try:
        found = dt.datetime.fromisoformat(text.upper())
    except ValueError:
        raise _unreadable() from None
    if found.tzinfo is None and zone is None:
        raise NotAMoment("invalid", "Needs a time zone, as in 2030-01-31T12:00:00Z.")
    return checked(found if found.tzinfo is not None else found.replace(tzinfo=zone))


def checked(moment: dt.datetime) -> dt.datetime:
    """Return a moment in a zone. Raises NotAMoment `overflow` for one that is not kept."""
    # As written first: what lies at the edge of the calendar cannot be turned into UTC.
    if not EARLIEST.year <= moment.year < BEYOND.year or not EARLIEST <= moment < BEYOND:
        raise NotAMoment("overflow", "Must lie between the years 1900 and 9000.")
    return moment


def read_day(text: str) -> dt.date:
    """Return the day that a text says. Raises ValueError for one that is not kept."""
    if not _DAY.fullmatch(text):
        raise ValueError("a day is written as YYYY-MM-DD")
    found = dt.date.fromisoformat(text)
    if not EARLIEST.year <= found.year < BEYOND.year:
        raise ValueError("a day lies between the years 1900 and 9000")
    return found


def _unreadable() -> NotAMoment:
    return NotAMoment("invalid", "Must be a moment, as in 2030-01-31T12:00:00Z.")
