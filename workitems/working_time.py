"""Working time: when a calendar is open, and the moment at which so much of it has passed. Pure.

A calendar says in which zone people work, from when to when on each day of the week, and on which
days not at all. Hours are those of the wall clock there: on the day the clocks change, a day that
is open around the clock has 23 or 25 of them. A day of working time (`P1D`) is the same time of the
next working day, as people count days; hours and minutes count while the calendar is open.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
import re
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import holidays
import icalendar

from ledger.durations import parse_duration

#: How far ahead is looked for working time: beyond that a calendar is as good as closed.
HORIZON_DAYS: Final = 3_660
MOST_HOLIDAYS: Final = 1_000
MOST_RANGES: Final = 4
MOST_LINES: Final = 2_000
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE: Final = re.compile(
    r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)"
)
_RULES: Final = ("RRULE", "RDATE", "EXRULE")
#: For each weekday from Monday on, ranges in minutes of the day.
Week = tuple[tuple[tuple[int, int], ...], ...]
_DAY: Final = dt.timedelta(days=1)
_UTC: Final = dt.UTC


class NeverOpen(ValueError):
    """A calendar has not as much working time as is asked for in the next ten years."""


@dataclasses.dataclass(frozen=True, slots=True)
class WorkingLength:
    """So much working time: `days` as people count them, and then time on the `clock`, of which
    `PT40H` is five days of eight hours, and not a day and a half."""

    days: int
    clock: dt.timedelta


def working_length(text: str) -> WorkingLength:
    """Read a length of working time. Raises DurationError, as `parse_duration` does."""
    whole = parse_duration(text)
    days, _, clock = text.removeprefix("P").partition("T")
    if not clock:
        return WorkingLength(whole.days, dt.timedelta())
    on_clock = parse_duration(f"PT{clock}")
    return WorkingLength((whole - on_clock).days if days else 0, on_clock)


@dataclasses.dataclass(frozen=True)
class WorkingCalendar:
    """When people work. `closed` are days on which nobody does, beside the public holidays of
    `country` (ISO 3166-1) and its `subdivision`."""

    zone: str
    hours: Week
    closed: frozenset[dt.date] = frozenset()
    country: str = ""
    subdivision: str = ""

    def later(self, start: dt.datetime, length: WorkingLength) -> dt.datetime:
        """Return the moment, in UTC, when `length` of working time has passed since `start`.

        Whole days are counted first, then the hours. Raises NeverOpen.
        """
        moment = self._working_days_on(start, length.days) if length.days else start
        return self.after(moment, length.clock)

    def after(self, start: dt.datetime, length: dt.timedelta) -> dt.datetime:
        """Return the moment, in UTC, when it has been open for `length` since `start`, however many
        days that takes. Raises NeverOpen."""
        if not length:
            return start.astimezone(_UTC)
        rest = length
        for opens, closes in self._open_from(start):
            if closes - opens >= rest:
                return opens + rest
            rest -= closes - opens
        raise NeverOpen(f"has no {length} of working time within ten years")

    def between(self, start: dt.datetime, end: dt.datetime) -> dt.timedelta:
        """Return how much working time lies between two moments."""
        total = dt.timedelta()
        for opens, closes in self._open_from(start):
            if opens >= end:
                break
            total += min(closes, end) - opens
        return total

    def _working_days_on(self, start: dt.datetime, days: int) -> dt.datetime:
        local = start.astimezone(self._zone)
        for day in self._working_days(local.date() + _DAY):
            days -= 1
            if days == 0:
                return self._at(day, local.hour * 60 + local.minute) + dt.timedelta(
                    seconds=local.second, microseconds=local.microsecond
                )
        raise NeverOpen("has not so many working days within ten years")

    def _open_from(self, start: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
        """Return when it is open from `start` on, as pairs of moments in UTC."""
        for day in self._working_days(start.astimezone(self._zone).date()):
            for begin, end in self.hours[day.weekday()]:
                opens, closes = (
                    max(start.astimezone(_UTC), self._at(day, begin)),
                    self._at(day, end),
                )
                if opens < closes:
                    yield opens, closes

    def _working_days(self, first: dt.date) -> Iterator[dt.date]:
        for number in range(HORIZON_DAYS):
            day = first + dt.timedelta(days=number)
            if self.hours[day.weekday()] and day not in self.closed and not self._is_public(day):
                yield day

    def _is_public(self, day: dt.date) -> bool:
        return bool(self.country) and day in _public(self.country, self.subdivision, day.year)

    @functools.cached_property
    def _zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.zone)

    def _at(self, day: dt.date, minute: int) -> dt.datetime:
        """Return when the wall clock of the zone shows a time, in UTC: of two such moments the
        first; where it shows none, as much after the jump as the time lies after its beginning."""
        midnight = dt.datetime.combine(day, dt.time())
        return (midnight + dt.timedelta(minutes=minute)).replace(tzinfo=self._zone).astimezone(_UTC)

    def to_json(self) -> dict[str, Any]:
        """Return it as rows keep it."""
        return {
            "zone": self.zone,
            "hours": {
                name: [f"{_clock(begin)}-{_clock(end)}" for begin, end in ranges]
                for name, ranges in zip(WEEKDAYS, self.hours, strict=True)
                if ranges
            },
            "holidays": [day.isoformat() for day in sorted(self.closed)],
            "country": self.country,
            "subdivision": self.subdivision,
        }


@functools.lru_cache(maxsize=1024)
def _public(country: str, subdivision: str, year: int) -> frozenset[dt.date]:
    """Return the public holidays of a country in a year, worked out whole before anybody sees them:
    the library's own calendars fill themselves while others may be reading."""
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=year, expand=False)
    return frozenset(found)


def stored_calendar(said: Mapping[str, Any]) -> WorkingCalendar:
    """Return the calendar that `to_json` wrote."""
    return WorkingCalendar(
        zone=said["zone"],
        hours=week_of({name: list(map(range_of, each)) for name, each in said["hours"].items()}),
        closed=frozenset(map(dt.date.fromisoformat, said["holidays"])),
        country=said["country"],
        subdivision=said["subdivision"],
    )


def week_of(hours: Mapping[str, Sequence[tuple[int, int]]]) -> Week:
    """Return when it is open on each day of the week. Raises ValueError for a week without any
    time, and for ranges of a day that overlap or stand in another order."""
    week = tuple(tuple(hours.get(name, ())) for name in WEEKDAYS)
    if not any(week):
        raise ValueError("must be open at some time of the week")
    for name, ranges in zip(WEEKDAYS, week, strict=True):
        if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(ranges)):
            raise ValueError(f"on {name} a range begins before the one before it ends")
    return week


def range_of(text: str) -> tuple[int, int]:
    """Return from which to which minute of the day `09:00-17:30` is. Raises ValueError."""
    shape = _RANGE.fullmatch(text)
    if shape is None:
        raise ValueError("must be written as in 09:00-17:30")
    begin = int(shape[1]) * 60 + int(shape[2])
    end = 24 * 60 if shape[3] is None else int(shape[3]) * 60 + int(shape[4])
    if begin >= end:
        raise ValueError("must end after it begins")
    return begin, end


@functools.lru_cache(maxsize=16)
def days_of_events(text: str) -> frozenset[dt.date]:
    """Return the days that the events of an iCalendar text cover (RFC 5545 §3.6.1).

    An event's end is not part of it; what was cancelled closes nothing. Raises ValueError: also for
    an event that repeats by a rule, or has times of the day, since nobody would see which days that
    closes.
    """
    if text.count("\n") > MOST_LINES:
        raise ValueError(f"must be at most {MOST_LINES} lines")
    try:
        events = icalendar.Calendar.from_ical(text).walk("VEVENT")
        found = [_days_of(event) for event in events if event.get("STATUS") != "CANCELLED"]
    except _Unclear as unclear:
        raise ValueError(str(unclear)) from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
        raise ValueError("cannot be read as iCalendar (RFC 5545)") from None
    days = frozenset(itertools.chain.from_iterable(found))
    if len(days) > MOST_HOLIDAYS:
        raise ValueError(f"must cover at most {MOST_HOLIDAYS} days")
    return days


class _Unclear(Exception):
    """An event that can be read, but not kept."""


def _days_of(event: Any) -> list[dt.date]:
    for rule in _RULES:
        if rule in event:
            raise _Unclear(f"an event repeats by {rule}; name each of its days")
    first = event.decoded("DTSTART")
    end = event.decoded("DTEND", None)
    if end is None:
        end = first + event.decoded("DURATION", dt.timedelta(days=1))
    if type(first) is not dt.date or type(end) is not dt.date:
        raise _Unclear("an event has times of the day; only whole days can be days off")
    length = max((end - first).days, 1)
    if length > MOST_HOLIDAYS:
        raise _Unclear(f"must cover at most {MOST_HOLIDAYS} days")
    return [first + dt.timedelta(days=number) for number in range(length)]


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
