"""What a line of a list has no room for is left out after a word."""

from __future__ import annotations

import pytest

from workitems.inbox_rows import shortened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The salary statement was not issued", "The salary…"),
        ("Short", "Short"),
        ("Two\nlines", "Two lines"),
        ("Unbrokenunbrokenunbroken", "Unbrokenunbrok…"),
        ("A Unbrokenunbrokenunbroken", "A Unbrokenunbr…"),
    ],
)
def test_a_text_ends_after_a_word_where_it_has_one(text: str, expected: str) -> None:
    assert shortened(text, 15) == expected
