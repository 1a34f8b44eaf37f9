"""Of how many cases it is asked at once whether an event is for them."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from cases.actions import event_rounds
from ledger.record import EntryRef

_FEW, _MANY = uuid.uuid4(), uuid.uuid4()


def sizes(*definitions: uuid.UUID) -> list[int]:
    step: Any = None
    heard = event_rounds._Heard(  # noqa: SLF001
        {}, EntryRef(uuid.uuid4(), b""), dt.datetime.now(dt.UTC),
        {_FEW: [step], _MANY: [step] * 25},
    )  # fmt: skip
    found = [(n, definition) for n, definition in enumerate(definitions)]
    portions = list(event_rounds._portions(heard, found))  # noqa: SLF001
    assert [row for each in portions for row in each] == found
    return [len(each) for each in portions]


@pytest.mark.parametrize(
    ("definitions", "expected"),
    [
        ([], []),
        ([_FEW] * 23, [10, 10, 3]),
        ([_MANY] * 3, [1, 1, 1]),
        # What one definition asks takes no time of another's.
        ([_FEW] * 5 + [_MANY, _FEW], [5, 1, 1]),
        ([_MANY] + [_FEW] * 12, [1, 10, 2]),
    ],
)
def test_no_more_than_one_exchange_can_tell(
    definitions: list[uuid.UUID], expected: list[int]
) -> None:
    assert sizes(*definitions) == expected
