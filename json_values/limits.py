"""Bounds on JSON: on what people and programs hand in, and on what is made of that.

What is accepted is usable at its bound. A result is put into the context of its case, a context
becomes the input of a step, an undo is told all of it: what is put around an accepted value is not
measured by the bound of that value but by wider ones, which are there to end what never ends.
"""

from __future__ import annotations

import json
import re
from typing import Any

from json_values.pointers import FieldError

PAYLOAD_BYTES = 256 * 1024
CONTEXT_BYTES = 1024 * 1024
MAX_DEPTH = 32
#: What a context may grow to by what steps add to it, and with it what a step is given.
GROWN_BYTES = 2 * CONTEXT_BYTES
GROWN_DEPTH = 2 * MAX_DEPTH
#: What an expression, or the program of an undo, is told: a context, and with it everything about
#: the work that is undone (at most one grown input and three values of a payload's size).
TOLD_BYTES = 5 * CONTEXT_BYTES
TOLD_DEPTH = 3 * MAX_DEPTH
#: Values in one text of JSON that is sent: each of them costs time wherever it is walked.
MAX_VALUES = 20_000
#: Half of a surrogate pair: no form in UTF-8.
HALF_CHARACTER = re.compile("[\ud800-\udfff]")
# A NUL as JSON writes it; an escaped backslash before it makes it ordinary text.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def beyond_limits(
    value: Any, pointer: str, *, limit: int = PAYLOAD_BYTES, depth: int = MAX_DEPTH
) -> FieldError | None:
    """Return the bound that `value` breaks, if any: deeper than `depth`, larger than `limit` bytes
    of compact JSON, or holding a NUL character, which a jsonb column cannot keep."""
    if depth_exceeds(value, depth):
        return FieldError(pointer, f"must not be nested deeper than {depth}", "too_deep")
    try:
        text = compact(value)
    except ValueError:
        return FieldError(pointer, "must hold only numbers that JSON knows", "not_a_number")
    # First what is cheap: a short text of large numbers is a long one when it is written out.
    if _size(text) > limit:
        return FieldError(pointer, f"must be at most {limit} bytes of JSON", "too_large")
    if "\\u0000" in text and _NUL.search(text):
        return FieldError(pointer, "must not contain NUL characters", "nul")
    if HALF_CHARACTER.search(text):
        return FieldError(pointer, "must be valid Unicode", "not_unicode")
    return None


def compact(value: Any) -> str:
    """Return the JSON text of a value without a space in it. Raises ValueError for NaN."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def size_of(value: Any) -> int:
    """Return how many bytes of compact JSON a value takes: the measure of every bound."""
    return _size(compact(value))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def depth_exceeds(value: Any, limit: int) -> bool:
    """Return whether lists and maps are nested deeper than `limit`, without recursion."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def too_many_values(text: str, most: int = MAX_VALUES) -> bool:
    """Return whether a text of JSON holds more than `most` values, without reading it.

    A list or map with members has one more of them than commas. What is no JSON may be counted
    wrong: it is refused anyway.
    """
    if sum(map(text.count, ",[{")) < most:
        return False
    # What stands outside of quotes; a quote is left in the place of each text.
    bare = text.replace("\\\\", "").replace('\\"', "").split('"')[::2]
    marks = "".join('"'.join(bare).split())
    with_members = sum(map(marks.count, "[{")) - marks.count("[]") - marks.count("{}")
    return 1 + marks.count(",") + with_members > most
