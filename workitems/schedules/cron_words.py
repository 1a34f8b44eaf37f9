"""A cron expression as people say it, where there are plain words for it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from cronsim import CronSim, CronSimError
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

#: More times of a day than these are no longer read at a glance.
_TIMES = 3
_DAYS, _MONTHS, _LAST = 31, 12, -1000
_WEEK, _WORKDAYS = frozenset(range(7)), frozenset(range(5))


def cron_words(text: str) -> str:
    """Return when an expression comes: "Monday to Friday at 08:00"; "" where that would take more
    words than the expression."""
    try:
        found = CronSim(text, dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    except (CronSimError, AssertionError, ValueError):
        return ""
    times = [f"{hour:02}:{minute:02}" for hour in found.hours for minute in found.minutes]
    days = _days(found)
    if not days or len(times) > _TIMES or len(found.months) < _MONTHS:
        return ""
    return _("%(days)s at %(times)s") % {"days": days, "times": ", ".join(sorted(times))}


def _days(found: Any) -> str:
    # As the expression counts them Sunday is 0 or 7; places in the month are pairs.
    if any(isinstance(each, tuple) for each in found.weekdays):
        return ""
    week = frozenset((each - 1) % 7 for each in found.weekdays)
    if len(found.days) == _DAYS:
        names = ", ".join(str(WEEKDAYS[each]) for each in sorted(week))
        return {_WEEK: _("Every day"), _WORKDAYS: _("Monday to Friday")}.get(week, names)
    if week != _WEEK or len(found.days) > 1:
        return ""
    if found.days == {_LAST}:
        return _("On the last day of the month")
    return _("On day %(n)s of the month") % {"n": min(found.days)}
