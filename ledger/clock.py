"""The one source of domain time. Tests move it with time-machine; nothing else asks the system."""

from __future__ import annotations

import datetime as dt


def now() -> dt.datetime:
    """Return the current moment in UTC, to the microsecond."""
    return dt.datetime.now(dt.UTC)


def rfc3339(moment: dt.datetime) -> str:
    """Return `moment` as RFC 3339 in UTC, always with six digits of fraction and a Z."""
    return f"{moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
