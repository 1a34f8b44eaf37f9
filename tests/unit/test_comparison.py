"""When two JSON values are the same value."""

from __future__ import annotations

from typing import Any

import pytest

from json_values.comparison import comparable, same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0, -0.0),
        (10**23, 1e23),
        (1e-7, 0.0000001),
        ({"a": 1, "b": [None, True]}, {"b": [None, True], "a": 1.0}),
        ("é", "\u00e9"),
    ],
)
def test_the_same_value(one: Any, other: Any) -> None:
    assert same(one, other)
    assert same(other, one)
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1.0, True),
        ([1, 0], [True, False]),
        ({"a": {"b": 1}}, {"a": {"b": True}}),
        (None, False),
        ("", None),
        ("1", 1),
        ([], {}),
        ([1, 2], [2, 1]),
        (9007199254740993, 9007199254740992),
        (9007199254740993, 9007199254740992.0),
        (0.1, 0.10000000000000002),
        ({"a": None}, {}),
        ("e\u0301", "\u00e9"),
    ],
)
def test_other_values(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert not same(other, one)
