"""What is stored of a fault, or of an undo task's ending, as people read it."""

from __future__ import annotations

import pytest

from compensation.sentences import humane
from web.labels import fault_words


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("ConnectionError: the bank is away", "the bank is away"),
        ("TimeoutError: ", "It broke off without saying why."),
        ("SystemExit (its message cannot be read)", "(its message cannot be read)"),
        ("Error in the amount: 12", "Error in the amount: 12"),
        ("No answer: ValueError is its own word", "No answer: ValueError is its own word"),
        ("Errors: two", "Errors: two"),
        ("", ""),
    ],
)
def test_a_fault_is_told_without_its_programs_name(stored: str, shown: str) -> None:
    assert fault_words(stored) == shown


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("The undo task ended CANNOT_REVERSE. Sent\nalready.",
         "Cannot be reversed: “Sent\nalready.”"),
        ("The undo task ended REJECTED.", "Rejected"),
        ("Approval · The undo task ended PARTIALLY_REVERSED. Half",
         "Approval · Partly reversed: “Half”"),
        ("RuntimeError: no", "no"),
        ("nothing of ours", "nothing of ours"),
    ],
)  # fmt: skip
def test_an_ending_is_told_as_one_would_say_it(stored: str, shown: str) -> None:
    assert humane(stored) == shown
