"""Durations: one canonical form, and every refused unit named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.durations import LONGEST, DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "length", "canonical"),
    [
        ("P30D", timedelta(days=30), "P30D"),
        ("PT48H", timedelta(days=2), "P2D"),
        ("PT90M", timedelta(minutes=90), "PT1H30M"),
        ("P1DT2H3M", timedelta(days=1, hours=2, minutes=3), "P1DT2H3M"),
        ("PT0M", timedelta(0), "PT0M"),
        ("P0D", timedelta(0), "PT0M"),
    ],
    ids=str,
)
def test_reads_days_hours_and_minutes(text: str, length: timedelta, canonical: str) -> None:
    assert parse_duration(text) == length
    assert format_duration(length) == canonical


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("P1Y", "uses years"),
        ("P1M", "uses months"),
        ("P2W", "uses weeks"),
        ("PT30S", "uses seconds"),
        ("PT0.5H", "has a fraction"),
        ("-P1D", "has a sign"),
        ("P", "is not a duration"),
        ("PT", "is not a duration"),
        ("P1DT", "is not a duration"),
        ("", "is not a duration"),
        ("1 day", "is not a duration"),
        ("P1D ", "is not a duration"),
        ("P\u0661D", "is not a duration"),
        ("P36501D", "longer than 36500 days"),
    ],
    ids=lambda value: str(value) or "empty",
)
def test_refuses_everything_else_by_name(text: str, named: str) -> None:
    with pytest.raises(DurationError, match=named):
        parse_duration(text)


@pytest.mark.parametrize(
    "value", [timedelta(minutes=-1), timedelta(seconds=30)], ids=["negative", "half a minute"]
)
def test_writes_only_whole_minutes_from_zero(value: timedelta) -> None:
    with pytest.raises(ValueError, match="whole, non-negative number of minutes"):
        format_duration(value)


@given(st.integers(min_value=0, max_value=LONGEST // timedelta(minutes=1)))
def test_what_is_written_is_read_back(minutes: int) -> None:
    length = timedelta(minutes=minutes)

    assert parse_duration(format_duration(length)) == length


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        length = parse_duration(text)
    except DurationError:
        return
    assert length >= timedelta(0)
