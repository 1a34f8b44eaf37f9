"""Canonical bytes are those of RFC 8785, whichever way they were made."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import canonical

_NUMBERS = st.integers(-(2**60), 2**60) | st.floats()
# Half characters included, which are no Unicode and in no canonical form.
_TEXTS = st.text(st.characters(exclude_categories=[]))
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXTS, inner),
    max_leaves=12,
)


def _by_the_library(value: Any) -> bytes | type[Exception]:
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeEncodeError) as error:
        return type(error)


@given(_VALUES)
def test_they_are_what_the_library_makes_or_refuses(value: Any) -> None:
    expected = _by_the_library(value)
    if isinstance(expected, bytes):
        assert canonical(value) == expected
    else:
        with pytest.raises(expected):
            canonical(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": "é€😀"}, '{"a":"é€😀","b":1}'),
        ({'\x0b\x7f/\\"': "\b\t\n\f\r"}, '{"\\u000b\x7f/\\\\\\"":"\\b\\t\\n\\f\\r"}'),
        # Sorted as UTF-16, in which the second of these comes first.
        ({"\ufb33": 1, "😀": 2}, '{"😀":2,"\ufb33":1}'),
        ({"n": 1.0, "m": 1e21}, '{"m":1e+21,"n":1}'),
        (2**53 - 1, "9007199254740991"),
    ],
)
def test_by_example(value: Any, expected: str) -> None:
    assert canonical(value) == expected.encode()


@pytest.mark.parametrize("value", [2**53, float("nan"), "\ud800", {"a": {1, 2}}])
def test_what_has_no_such_form_is_refused(value: Any) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical(value)
