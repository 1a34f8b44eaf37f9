"""Moments of cron expressions, across the days on which clocks change, in three zones."""

from __future__ import annotations

import datetime as dt

import pytest

from workitems.schedules.cron_times import CronError, check_cron, last_moment, next_moment


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def following(cron: str, zone: str, after: str, number: int) -> list[str]:
    """Return the moments that follow one, in UTC."""
    found, moment = [], at(after)
    for _ in range(number):
        moment = next_moment(cron, zone, moment)
        found.append(f"{moment:%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "after", "moments"),
    [
        ("0 8 * * MON", "UTC", "2026-11-26T17:00", ["11-30 08:00", "12-07 08:00"]),
        ("0 8 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 06:00", "03-30 06:00"]),
        ("0 8 * * *", "Europe/Berlin", "2026-10-24T12:00", ["10-25 07:00", "10-26 07:00"]),
        # 02:30 is skipped in spring: it comes right after, and once.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 01:00", "03-30 00:30"]),
        # 02:30 comes twice in autumn: the first one counts.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["10-25 00:30", "10-26 01:30"]),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00", ["11-01 05:30", "11-02 06:30"]),
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00", ["03-08 07:00", "03-09 06:30"]),
        # Half an hour there.
        ("0 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", ["10-03 15:30", "10-04 15:00"]),
        # What runs every hour runs by the clock that passes.
        (
            "0 * * * *", "Europe/Berlin", "2026-10-24T23:30",
            ["10-25 00:00", "10-25 01:00", "10-25 02:00"],
        ),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-30 00:00", "03-30 00:30"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00", ["02-29 00:00"]),
        ("0 9 L * *", "UTC", "2026-02-01T00:00", ["02-28 09:00", "03-31 09:00"]),
    ],
)  # fmt: skip
def test_the_moments_that_follow(cron: str, zone: str, after: str, moments: list[str]) -> None:
    assert following(cron, zone, after, len(moments)) == moments


def test_no_moment_comes_again_in_the_hour_that_comes_twice() -> None:
    twice = at("2026-10-25T01:10")  # 02:10 in Berlin, the second time
    assert next_moment("30 2 * * *", "Europe/Berlin", twice) == at("2026-10-26T01:30")
    assert last_moment("30 2 * * *", "Europe/Berlin", twice) == at("2026-10-25T00:30")


def test_the_last_moment_is_found_however_long_ago_one_looked() -> None:
    assert last_moment("* * * * *", "UTC", at("2026-11-26T17:00:30")) == at("2026-11-26T17:00")
    assert last_moment("0 8 * * MON", "UTC", at("2026-11-30T08:00")) == at("2026-11-30T08:00")
    assert last_moment("0 8 1 1 *", "Europe/Berlin", at("2026-11-30T08:00")) == at(
        "2026-01-01T07:00"
    )


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("", "must have five fields: minute, hour, day of the month, month, weekday"),
        ("0 8 * *", "must have five fields: minute, hour, day of the month, month, weekday"),
        ("0 0 8 * * *", "must have five fields: minute, hour, day of the month, month, weekday"),
        ("60 8 * * *", "cannot be read: minute"),
        ("0 8 * * MOON", "cannot be read: day-of-week"),
        ("0 8 30 2 *", "cannot be read: day-of-month"),
        ("@daily @daily @daily a b", "cannot be read: minute"),
        ("*/0 8 * * *", "cannot be read: minute"),
        ("0 8 ٣ * *", "cannot be read: day-of-month"),
    ],
)
def test_what_cannot_be_read_says_which_field(cron: str, said: str) -> None:
    with pytest.raises(CronError) as refused:
        check_cron(cron)
    assert str(refused.value) == said
