"""The payload of an undo task obeys the bound of payloads, and says what it leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from json_values.limits import PAYLOAD_BYTES, size_of
from workitems.undo_payload import NOTE, within_bound

BIG = "x" * PAYLOAD_BYTES


def test_what_fits_is_left_alone() -> None:
    payload = {"a": "x" * (PAYLOAD_BYTES - len('{"a":""}'))}
    assert size_of(payload) == PAYLOAD_BYTES
    assert within_bound(payload) is payload


def test_the_largest_parts_are_left_out_and_named() -> None:
    original = {"name": "approve", "outcome": "OK", "payload": {"text": BIG}, "resolution": [BIG]}
    given = {"original": original, "context": {"n": 1, "text": BIG}, "reason": "forged"}
    found = within_bound(given)
    note = found.pop(NOTE)
    assert found == {
        "original": {"name": "approve", "outcome": "OK"}, "context": {"n": 1}, "reason": "forged",
    }  # fmt: skip
    assert note["parts"] == ["context/text", "original/payload", "original/resolution"]
    assert note["why"].startswith("Too large")
    assert original["payload"] == {"text": BIG}


@pytest.mark.parametrize(
    "payload",
    [
        {f"k{n:06}": n for n in range(200_000)},
        {"context": {f"k{n:06}": "é" for n in range(100_000)}},
        {f"{n}" + "é" * 5_000: {"a": BIG, "b": BIG} for n in range(40)},
        {"\u0001" * 100_000: BIG},
        {"a": {}, "b": [[]] * 200_000},
        {f"k{n:06}": {} for n in range(50_000)},
        {f"k{n:06}": {"a": 1} for n in range(50_000)},
    ],
    ids=["many", "many-inside", "long-names", "escaped", "list", "empties", "ones"],
)
def test_whatever_it_holds_it_fits(payload: dict[str, Any]) -> None:
    found = within_bound(payload)
    assert size_of(found) <= PAYLOAD_BYTES
    assert found[NOTE]["parts"]
