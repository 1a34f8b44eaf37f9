"""Conditions of outcomes: which rest on no answer, and how people say them."""

from __future__ import annotations

import pytest

from workitems.condition_words import words_of
from workitems.outcome_standing import is_known_before


@pytest.mark.parametrize(
    "when",
    [
        ".payload.amount <= 1000",
        '.case.score.value >= 5.5 and (.payload.country != "US" or .payload.checked)',
        "(.payload.items | length) > 2",
        "true",
        '.payload.text == "a .resolution in a text"',
    ],
)
def test_what_the_item_says_is_known_before(when: str) -> None:
    assert is_known_before(when)


@pytest.mark.parametrize(
    "when",
    [
        ".resolution.sum <= .payload.limit",
        ".",
        '.["resolution"]',
        "length > 3",
        "to_entries | length > 2",
        "any(.payload[]; . > 2)",
        ".payload.items[0] == 1",
        ".payloads == 1",
        ".resolution.payload.sum == 1",
        "[.payload | .. | numbers] | add > 3",
        "def f: f; f",
        "[range(1000000000)] | length",
        '"\\(.resolution)" == "x"',
        "$__loc__ == 1",
        "keys",
        ".payload.a? == 1",
        # What a text is repeated by decides what it costs to read the item.
        '.payload.text * 200000000 == "x"',
    ],
)
def test_what_an_answer_may_change_is_not_known_before(when: str) -> None:
    assert not is_known_before(when)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (".payload.max_amount <= 1000", "“Max amount” is at most 1000"),
        (
            ".resolution.sum<=.payload.limit and .case.checked == true",
            "“Sum” of your answer is at most “Limit” and “Checked” of the case is yes",
        ),
        ('.payload.country != "US and A"', "“Country” is not “US and A”"),
        (".payload.a == null", "“A” is empty"),
        (".payload.a > -1.5", "“A” is more than -1.5"),
        (".payload.a == 1 or .payload.b == 2", ""),
        (".payload.a == 1 and", ""),
        (".payload.a == 1 | not", ""),
        (".payload.a", ""),
        (".payload.a == 1 and (.payload.b == 2)", ""),
    ],
)
def test_comparisons_are_said_in_words(when: str, said: str) -> None:
    assert words_of(when) == said
