"""Bounds on JSON that people and programs hand in: size, depth, and what PostgreSQL can keep."""

from __future__ import annotations

import json
import re
from typing import Any

from json_values.pointers import FieldError

PAYLOAD_BYTES = 256 * 1024
CONTEXT_BYTES = 1024 * 1024
MAX_DEPTH = 32
# A NUL as JSON writes it; an escaped backslash before it makes it ordinary text.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def beyond_limits(value: Any, pointer: str, *, limit: int = PAYLOAD_BYTES) -> FieldError | None:
    """Return the bound that `value` breaks, if any: deeper than 32, larger than `limit` bytes of
    compact JSON, or holding a NUL character, which a jsonb column cannot keep."""
    if depth_exceeds(value, MAX_DEPTH):
        return FieldError(pointer, f"must not be nested deeper than {MAX_DEPTH}", "too_deep")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return FieldError(pointer, "must hold only numbers that JSON knows", "not_a_number")
    if _NUL.search(text):
        return FieldError(pointer, "must not contain NUL characters", "nul")
    if len(text.encode("utf-8", "surrogatepass")) > limit:
        return FieldError(pointer, f"must be at most {limit} bytes of JSON", "too_large")
    if any("\ud800" <= char <= "\udfff" for char in text):
        return FieldError(pointer, "must be valid Unicode", "not_unicode")
    return None


def depth_exceeds(value: Any, limit: int) -> bool:
    """Return whether lists and maps are nested deeper than `limit`, without recursion."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)
