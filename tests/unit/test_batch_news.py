"""What carries a batch on: every way in which one of its calls may be over."""

from __future__ import annotations

import pytest

from executions.lifecycle import UNSUCCESSFUL
from executions.models import Execution
from executions.subject import _ends_a_call

#: The action by which a call gets to each of these.
WAYS = {
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "SUPERSEDED": "superseded",
}


def test_every_unsuccessful_end_is_heard() -> None:
    assert WAYS.keys() == {str(status) for status in UNSUCCESSFUL}
    assert [_ends_a_call(Execution(), action) for action in WAYS.values()] == [True] * len(WAYS)


@pytest.mark.parametrize("action", ["compensation_completed", "compensation_attested"])
def test_a_call_in_doubt_is_over_once_it_is_undone_by_whose_word_ever(action: str) -> None:
    assert _ends_a_call(Execution(outcome_unknown=True), action)
    assert not _ends_a_call(Execution(outcome_unknown=False), action)
