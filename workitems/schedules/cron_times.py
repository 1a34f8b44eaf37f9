"""The moments of a cron expression in a time zone. Pure.

Five fields, as cron on Debian reads them: what runs at a fixed time and falls into the hour that is
skipped in spring runs right after it, and runs once in the hour that comes twice in autumn; what
runs every hour or minute runs by the clock that is shown.
"""

from __future__ import annotations

import datetime as dt
import itertools
import zoneinfo
from collections.abc import Callable
from typing import Final

from cronsim import CronSim, CronSimError

FIELDS: Final = 5
LONGEST: Final = 100
#: More than one hour that comes twice has of them: of these some lie on the wrong side.
_MOST_TRIED: Final = 200


class CronError(ValueError):
    """An expression cannot be read, or its moment never comes."""


def check_cron(text: str) -> None:
    """Raise CronError for what is no expression, or has no moment."""
    next_moment(text, "UTC", dt.datetime(2000, 1, 1, tzinfo=dt.UTC))


def next_moment(text: str, zone: str, after: dt.datetime) -> dt.datetime:
    """Return the first moment after another, in UTC. Raises CronError."""
    return _first(text, zone, after, lambda found: found > after)


def last_moment(text: str, zone: str, until: dt.datetime) -> dt.datetime:
    """Return the last moment that is not after another, in UTC. Raises CronError."""
    # From after an hour that comes twice: the clock there has been at what is looked for already.
    start = until + dt.timedelta(hours=2)
    return _first(text, zone, start, lambda found: found <= until, reverse=True)


def _first(
    text: str,
    zone: str,
    start: dt.datetime,
    is_right: Callable[[dt.datetime], bool],
    *,
    reverse: bool = False,
) -> dt.datetime:
    if len(text.split()) != FIELDS:
        raise CronError("must have five fields: minute, hour, day of the month, month, weekday")
    try:
        found = CronSim(text, start.astimezone(zoneinfo.ZoneInfo(zone)), reverse=reverse)
        # In the hour that comes twice some lie on the wrong side of where one starts.
        for moment in itertools.islice(found, _MOST_TRIED):
            if is_right(in_utc := moment.astimezone(dt.UTC)):
                return in_utc
    except (CronSimError, AssertionError, ValueError, OverflowError) as wrong:
        said = str(wrong).removeprefix("Bad ")
        raise CronError(f"cannot be read: {said}" if said else "cannot be read") from None
    raise CronError("has no moment within fifty years")
