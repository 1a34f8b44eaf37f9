"""Moments and days as people write them."""

from __future__ import annotations

import datetime as dt

import pytest

from json_values.moments import NotAMoment, checked, read_day, read_moment

NOON = dt.datetime(2030, 1, 31, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2030-01-31T12:00:00Z",
        "2030-01-31t12:00:00z",
        "2030-01-31 12:00Z",
        "2030-01-31T13:00:00.000+01:00",
        "2030-01-31T13:00:00.000000000+0100",
    ],
)
def test_what_is_read(text: str) -> None:
    assert read_moment(text) == NOON


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2030-01-31T12:00:00", "invalid"),
        ("2030-01-31", "invalid"),
        ("30-01-31T12:00:00Z", "invalid"),
        ("12030-01-31T12:00:00Z", "invalid"),
        ("+2030-01-31T12:00:00Z", "invalid"),
        ("\uff12\uff10\uff13\uff10-01-31T12:00:00Z", "invalid"),
        ("2030-W05-4T12:00:00Z", "invalid"),
        ("20300131T120000Z", "invalid"),
        ("2030-02-30T12:00:00Z", "invalid"),
        ("2030-01-31T12:00:00Z\x00", "invalid"),
        ("", "invalid"),
        (12, "invalid"),
        ("0000-01-31T12:00:00Z", "invalid"),
        ("0001-01-01T00:00:00+14:00", "overflow"),
        ("1899-12-31T23:59:59Z", "overflow"),
        ("1900-01-01T00:30:00+01:00", "overflow"),
        ("9000-12-31T23:59:59-01:00", "overflow"),
        ("9999-12-31T23:59:59-01:00", "overflow"),
    ],
)
def test_what_is_refused(text: object, code: str) -> None:
    with pytest.raises(NotAMoment) as refused:
        read_moment(text)
    assert refused.value.code == code


def test_the_edges_are_kept() -> None:
    first = read_moment("1900-01-01T00:00:00Z")
    assert checked(first) == first
    last = read_moment("9000-12-31T23:59:59.999999Z")
    assert checked(last) == last


def test_a_page_says_its_zone() -> None:
    assert read_moment("2030-01-31T12:00", zone=dt.UTC) == NOON


@pytest.mark.parametrize("text", ["1899-12-31", "9001-01-01", "20300131", "2030-W05-4", "30-01-31"])
def test_no_day(text: str) -> None:
    with pytest.raises(ValueError, match=r"YYYY-MM-DD|1900 and 9000"):
        read_day(text)


def test_a_day() -> None:
    assert read_day("2030-01-31") == NOON.date()
