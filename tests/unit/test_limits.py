"""What JSON people and programs may hand in."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

from json_values.limits import MAX_DEPTH, PAYLOAD_BYTES, beyond_limits, too_many_values
from json_values.reader import loads, unstorable
from ledger.errors import Invalid, check_json


def nested(depth: int) -> Any:
    """Return lists inside lists, `depth` deep."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def compact(size: int) -> dict[str, Any]:
    """Return an object that takes `size` bytes as JSON without a space between its parts."""
    return {"a": [1, 2], "b": "x" * (size - len('{"a":[1,2],"b":""}'))}


@pytest.mark.parametrize(
    "value",
    [{"text": "\\u0000"}, {"text": "\\\\u0000"}, nested(MAX_DEPTH), compact(PAYLOAD_BYTES)],
    ids=["written-out", "escaped", "deep", "large"],
)
def test_what_fits_passes(value: Any) -> None:
    check_json(value, "/payload")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"text": "a\x00b"}, "nul"),
        ({"text": "\\\x00"}, "nul"),
        ({"\x00": 1}, "nul"),
        (nested(MAX_DEPTH + 1), "too_deep"),
        (compact(PAYLOAD_BYTES + 1), "too_large"),
        ({"text": "\ud800"}, "not_unicode"),
        ({"number": float("nan")}, "not_a_number"),
    ],
)
def test_what_does_not_is_refused_by_name(value: Any, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_json(value, "/payload")
    assert [(error.pointer, error.code) for error in refused.value.errors] == [("/payload", code)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1", 1),
        ("[]", 1),
        ("[1, 2]", 3),
        ('{"a": {"b": [ ]}}', 3),
        ('["", "[,{", "\\"", "\\\\", ["a"]]', 7),
        ('{"a,b": "c,d", "e": {}}', 3),
    ],
)
def test_values_are_counted_without_reading_them(text: str, values: int) -> None:
    assert not too_many_values(text, values)
    assert too_many_values(text, values - 1)


@pytest.mark.parametrize("number", ["1e308", "1.5e-300", "-1E+30"])
def test_numbers_that_are_long_when_written_out_cost_no_more_than_others(number: str) -> None:
    text = f'{{"a": [{", ".join([number] * 19_000)}]}}'
    taken = []
    for _ in range(3):
        gc.collect()
        before = time.process_time()
        value = loads(text)
        assert unstorable({"payload": value}) == []
        broken = beyond_limits(value, "/payload")
        taken.append(time.process_time() - before)
    # Alone it takes a fifth of a second: a margin of three, without what others left to collect.
    assert min(taken) < 0.6
    large = number != "1.5e-300"
    assert (broken and broken.code) == ("too_large" if large else None)
