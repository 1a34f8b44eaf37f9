"""Bounds on JSON that people and programs hand in: size, depth, and what PostgreSQL can keep."""

from __future__ import annotations

import json
import re
from typing import Any

from ledger.errors import Invalid

PAYLOAD_BYTES = 256 * 1024
CONTEXT_BYTES = 1024 * 1024
MAX_DEPTH = 32
# A NUL as JSON writes it; an escaped backslash before it makes it ordinary text.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def check_json(value: Any, pointer: str, *, limit: int = PAYLOAD_BYTES) -> None:
    """Raise Invalid, naming `pointer`, when `value` is deeper than 32, larger than `limit` bytes of
    compact JSON, or holds a NUL character, which a jsonb column cannot keep."""
    if _deeper(value, MAX_DEPTH):
        raise Invalid.field(pointer, f"must not be nested deeper than {MAX_DEPTH}", code="too_deep")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        message = "must hold only numbers that JSON knows"
        raise Invalid.field(pointer, message, code="not_a_number") from error
    if _NUL.search(text):
        raise Invalid.field(pointer, "must not contain NUL characters", code="nul")
    if len(text.encode("utf-8", "surrogatepass")) > limit:
        raise Invalid.field(pointer, f"must be at most {limit} bytes of JSON", code="too_large")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Invalid.field(pointer, "must be valid Unicode", code="not_unicode")


def _deeper(value: Any, allowed: int) -> bool:
    """Whether lists and objects are nested in each other more than `allowed` deep."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(allowed):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
    return bool(level)
