"""Until when finished work can be undone: so long after it was finished, until a moment, or until
what it belongs to is closed. Pure.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from json_values.moments import NotAMoment, read_moment
from ledger.clock import rfc3339
from ledger.durations import DURATION, format_duration, parse_duration

#: Said where a wider declaration sets a time, and this one takes it back: closing alone ends it.
UNTIL_CLOSED: Final = "until_closed"
#: What a window is: a length of time since the work was finished, a moment, or `UNTIL_CLOSED`.
WindowValue: TypeAlias = dt.timedelta | dt.datetime | Literal["until_closed"]
_RULE: Final = (
    "must be an ISO 8601 duration such as P30D, a moment such as 2030-01-31T12:00:00Z,"
    " or until_closed"
)


def _read(value: object) -> object:
    if isinstance(value, dt.timedelta | dt.datetime) or value == UNTIL_CLOSED:
        return value
    if isinstance(value, str) and value.startswith("P"):
        return parse_duration(value)
    try:
        return read_moment(value).astimezone(dt.UTC)
    except NotAMoment:
        raise ValueError(_RULE) from None


def _written(value: Any) -> str:
    """Return a window as it is stored: equal ones by equal words, whatever zone they came in."""
    if isinstance(value, dt.timedelta):
        return format_duration(value)
    return rfc3339(value) if isinstance(value, dt.datetime) else str(value)


#: A window, written and stored as text.
Window = Annotated[
    WindowValue,
    BeforeValidator(_read),
    PlainSerializer(_written),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": DURATION},
                {"type": "string", "format": "date-time"},
                {"const": UNTIL_CLOSED},
            ]
        }
    ),
]


def closes_at(window: WindowValue | None, finished: dt.datetime | None) -> dt.datetime | None:
    """Return the last moment at which work that was finished then can be undone; None where no time
    is set, or it was never finished."""
    if finished is None or window is None or isinstance(window, str):
        return None
    return finished + window if isinstance(window, dt.timedelta) else window
