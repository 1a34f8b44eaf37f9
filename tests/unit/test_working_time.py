"""Working time in three zones, over holidays and over the days on which clocks change."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from json_values.pointers import FieldError
from ledger.errors import Invalid
from verbs.input import Input, read
from workitems.deadline_input import Calendar, Deadlines
from workitems.working_time import (
    NeverOpen,
    WorkingCalendar,
    stored_calendar,
    working_length,
)

WEEK = {day: ["09:00-12:00", "13:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
AROUND_THE_CLOCK = {
    day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
}
DAYS_OFF = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Days off//EN
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20260302
DTEND;VALUE=DATE:20260304
SUMMARY:Stocktaking
END:VEVENT
END:VCALENDAR
"""


class Asked(Input):
    """A calendar alone."""

    calendar: Calendar


def calendar(zone: str = "Europe/Berlin", **said: Any) -> WorkingCalendar:
    return Calendar.model_validate({"zone": zone, "hours": WEEK, **said}).calendar()


def later(days: WorkingCalendar, start: str, length: str) -> str:
    """Return when so much working time has passed, on the wall clock of the calendar."""
    zone = ZoneInfo(days.zone)
    begin = dt.datetime.fromisoformat(start).replace(tzinfo=zone)
    found = days.later(begin, working_length(length))
    assert found.tzinfo is dt.UTC
    return found.astimezone(zone).isoformat(timespec="minutes")[:16]


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        # 2026-03-06 is a Friday.
        ("2026-03-06T10:00", "PT1H", "2026-03-06T11:00"),
        ("2026-03-06T11:30", "PT1H", "2026-03-06T13:30"),
        ("2026-03-06T16:30", "PT1H", "2026-03-09T09:30"),
        ("2026-03-06T16:00", "PT1H", "2026-03-06T17:00"),
        ("2026-03-07T12:00", "PT2H", "2026-03-09T11:00"),
        ("2026-03-06T10:00", "PT14H", "2026-03-10T10:00"),
        ("2026-03-06T10:00", "P1D", "2026-03-09T10:00"),
        ("2026-03-06T10:00", "P5D", "2026-03-13T10:00"),
        ("2026-03-07T10:00", "P1D", "2026-03-09T10:00"),
        ("2026-03-06T16:00", "P1DT2H", "2026-03-10T10:00"),
        # Hours are counted as such, however many they are: five days of seven.
        ("2026-03-06T10:00", "PT35H", "2026-03-13T10:00"),
        ("2026-03-06T10:00", "PT24H", "2026-03-11T14:00"),
    ],
)
def test_it_counts_while_the_calendar_is_open(start: str, length: str, end: str) -> None:
    assert later(calendar(), start, length) == end


@pytest.mark.parametrize(
    ("zone", "start", "length", "end"),
    [
        # Clocks go forward: the day has 23 hours, and nobody works for one of them.
        ("Europe/Berlin", "2026-03-28T20:00", "PT23H", "2026-03-29T20:00"),
        ("America/New_York", "2026-03-07T20:00", "PT23H", "2026-03-08T20:00"),
        # Clocks go back: 25 hours.
        ("Europe/Berlin", "2026-10-24T20:00", "PT23H", "2026-10-25T18:00"),
        ("America/New_York", "2026-10-31T20:00", "PT23H", "2026-11-01T18:00"),
        # South of the equator the other way round, and by half an hour.
        ("Australia/Lord_Howe", "2026-10-03T20:00", "PT23H", "2026-10-04T19:30"),
        ("Australia/Lord_Howe", "2026-04-04T20:00", "PT23H", "2026-04-05T18:30"),
        # A working day on is the same time of the wall clock, whatever clocks do in between.
        ("Europe/Berlin", "2026-03-28T20:00", "P1D", "2026-03-29T20:00"),
        ("America/New_York", "2026-10-31T20:00", "P1D", "2026-11-01T20:00"),
    ],
)
def test_hours_are_those_of_the_wall_clock(zone: str, start: str, length: str, end: str) -> None:
    assert later(calendar(zone, hours=AROUND_THE_CLOCK), start, length) == end


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Tokyo"])
def test_office_hours_are_the_same_before_and_after_the_clocks_change(zone: str) -> None:
    days = calendar(zone)
    assert later(days, "2026-03-27T16:00", "PT2H") == "2026-03-30T10:00"
    assert later(days, "2026-10-30T16:00", "PT2H") == "2026-11-02T10:00"


def test_opening_at_a_time_that_the_wall_clock_leaves_out() -> None:
    days = calendar(hours={"sun": ["02:30-04:00"]})
    # 02:30 is shown by no clock on that day: an hour later it is 03:30.
    assert later(days, "2026-03-29T00:00", "PT15M") == "2026-03-29T03:45"


@pytest.mark.parametrize(
    ("said", "end"),
    [
        ({"holidays": ["2026-12-24", "2026-12-25"]}, "2026-12-28T10:00"),
        ({"country": "DE"}, "2026-12-24T10:00"),
        ({"country": "DE", "holidays": ["2026-12-24"]}, "2026-12-28T10:00"),
        ({}, "2026-12-24T10:00"),
    ],
)
def test_nobody_works_on_holidays(said: dict[str, Any], end: str) -> None:
    assert later(calendar(**said), "2026-12-23T16:00", "PT2H") == end


def test_holidays_of_a_part_of_a_country() -> None:
    # Epiphany, a Tuesday: in Bavaria only.
    assert later(calendar(country="DE"), "2026-01-05T16:00", "PT2H") == "2026-01-06T10:00"
    bavaria = calendar(country="DE", subdivision="BY")
    assert later(bavaria, "2026-01-05T16:00", "PT2H") == "2026-01-07T10:00"


def test_days_off_from_an_icalendar_text() -> None:
    days = calendar(icalendar=DAYS_OFF)
    assert sorted(days.closed) == [dt.date(2026, 3, 2), dt.date(2026, 3, 3)]
    assert later(days, "2026-02-27T16:00", "PT2H") == "2026-03-04T10:00"


def test_an_event_has_a_length_or_an_end_or_was_cancelled() -> None:
    end = "DTEND;VALUE=DATE:20260304"
    assert len(calendar(icalendar=DAYS_OFF.replace(end, "DURATION:P7D")).closed) == 7
    assert len(calendar(icalendar=DAYS_OFF.replace(end + "\n", "")).closed) == 1
    assert not calendar(icalendar=DAYS_OFF.replace(end, f"{end}\nSTATUS:CANCELLED")).closed


def test_how_much_working_time_lies_between() -> None:
    days, zone = calendar(), ZoneInfo("Europe/Berlin")
    friday = dt.datetime(2026, 3, 6, 16, tzinfo=zone)
    monday = dt.datetime(2026, 3, 9, 10, tzinfo=zone)
    assert days.between(friday, monday) == dt.timedelta(hours=2)
    assert days.between(monday, friday) == dt.timedelta()


def test_it_is_kept_and_read_again() -> None:
    days = calendar(country="DE", subdivision="BY", icalendar=DAYS_OFF, holidays=["2026-12-24"])
    assert stored_calendar(days.to_json()) == days


def test_a_calendar_that_never_opens_again() -> None:
    closed = [f"{year}-02-29" for year in (2028, 2032, 2036)]
    once = calendar(hours={"mon": ["09:00-09:01"]}, holidays=closed)
    with pytest.raises(NeverOpen):
        once.later(dt.datetime(2026, 3, 6, tzinfo=dt.UTC), working_length("PT23H"))


REPEATS = DAYS_OFF.replace("SUMMARY", "RRULE:FREQ=SECONDLY\nSUMMARY")
TIMED = DAYS_OFF.replace(";VALUE=DATE:20260302", ":20260302T090000Z")
TWICE = DAYS_OFF.replace("UID:1", "DTSTART;VALUE=DATE:20260301")
PERIOD = DAYS_OFF.replace(";VALUE=DATE:20260302", ";VALUE=PERIOD:20260302T090000Z/PT1H")
CENTURIES = DAYS_OFF.replace("20260304", "99991231")


@pytest.mark.parametrize(
    ("said", "pointer", "message"),
    [
        ({"zone": "Berlin"}, "/zone", "no time zone is called 'Berlin'"),
        ({"hours": {"mon": ["9-5"]}}, "/hours/mon/0", "must be written as in 09:00-17:30"),
        ({"hours": {"mon": ["17:00-09:00"]}}, "/hours/mon/0", "must end after it begins"),
        (
            {"hours": {"mon": ["09:00-12:00", "11:00-17:00"]}}, "",
            "hours: on mon a range begins before the one before it ends",
        ),
        ({"hours": {}}, "", "hours: must be open at some time of the week"),
        ({"holidays": ["25.12.2026"]}, "/holidays/0", "must be a day, as in 2026-12-25"),
        ({"country": "XX"}, "/country", "no holidays are known for 'XX'"),
        ({"country": "DE", "subdivision": "ZZ"}, "", "subdivision: DE has no 'ZZ'"),
        ({"icalendar": "tomorrow"}, "/icalendar", "cannot be read as iCalendar (RFC 5545)"),
        ({"icalendar": REPEATS}, "/icalendar", "an event repeats by RRULE; name each of its days"),
        ({"icalendar": TIMED}, "/icalendar",
         "an event has times of the day; only whole days can be days off"),
        ({"icalendar": TWICE}, "/icalendar",
         "an event has times of the day; only whole days can be days off"),
        ({"icalendar": PERIOD}, "/icalendar",
         "an event has times of the day; only whole days can be days off"),
        ({"icalendar": "A:1\n" * 2_001}, "/icalendar", "must be at most 2000 lines"),
        ({"holidays": ["20261225"]}, "/holidays/0", "must be a day, as in 2026-12-25"),
        ({"zone": "localtime"}, "/zone", "no time zone is called 'localtime'"),
        ({"icalendar": CENTURIES}, "/icalendar", "must cover at most 1000 days"),
    ],
)  # fmt: skip
def test_a_calendar_that_cannot_be_read_is_refused_at_its_place(
    said: dict[str, Any], pointer: str, message: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(Asked, {"calendar": {"zone": "Europe/Berlin", "hours": WEEK, **said}})
    assert [(each.pointer, each.message) for each in refused.value.errors] == [
        (f"/calendar{pointer}", message)
    ]


def _faults(said: dict[str, Any]) -> list[FieldError]:
    with pytest.raises(Invalid) as refused:
        read(Deadlines, said)
    return list(refused.value.errors)


@pytest.mark.parametrize(
    ("said", "pointer", "message"),
    [
        ({"claim": {}}, "/claim", "one of at, within and working says when"),
        (
            {"claim": {"within": "PT1H", "at": "2030-01-01T00:00:00Z"}}, "/claim",
            "one of at, within and working says when",
        ),
        ({"claim": {"within": "PT0M"}}, "/claim", "one of at, within and working says when"),
        ({"claim": {"working": "P367D"}}, "/claim/working", "must be at most P366D"),
        (
            {"claim": {"within": "PT1H", "breach": [{"do": "extend", "by": "P4000D"}]}},
            "/claim/breach/0/by", "must be at most P366D",
        ),
        ({"claim": {"working": "PT1H"}}, "", "calendar: working time needs one"),
        (
            {"claim": {"within": "PT1H", "breach": [{"do": "extend"}]}}, "/claim/breach/0",
            "by: extend needs to say how much time that gives",
        ),
        (
            {"claim": {"within": "PT1H", "breach": [{"do": "notify", "by": "PT1H"}]}},
            "/claim/breach/0", "by: notify gives no time",
        ),
        (
            {"claim": {"within": "PT1H", "breach": [{"do": "reassign", "by": "PT1H"}]}},
            "/claim/breach/0", "groups: those of a reassign, and of no other step",
        ),
        (
            {"claim": {"within": "PT1H", "breach": [{"do": "expire"}, {"do": "notify"}]}},
            "/claim", "breach/0: nothing follows after expire",
        ),
        (
            {"follow_up": {"within": "PT1H", "breach": [{"do": "expire"}]}}, "",
            "follow_up/breach: a follow-up only tells people; use notify",
        ),
        (
            {"claim": {"within": "P1Y"}}, "/claim/within",
            "the duration 'P1Y' uses years; write it in days",
        ),
    ],
)  # fmt: skip
def test_a_deadline_that_cannot_be_kept_is_refused(
    said: dict[str, Any], pointer: str, message: str
) -> None:
    assert [(each.pointer, each.message) for each in _faults(said)] == [(pointer, message)]
