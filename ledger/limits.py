"""Bounds on JSON that people and programs hand in: size, depth, and what PostgreSQL can keep."""

from __future__ import annotations

import json
from typing import Any

from ledger.errors import Invalid

PAYLOAD_BYTES = 256 * 1024
CONTEXT_BYTES = 1024 * 1024
MAX_DEPTH = 32


def check_json(value: Any, pointer: str, *, limit: int = PAYLOAD_BYTES) -> None:
    """Raise Invalid, naming `pointer`, when `value` is deeper than 32, larger than `limit` bytes as
    JSON, or holds a NUL character, which a jsonb column cannot keep."""
    if _deeper(value, MAX_DEPTH):
        raise Invalid.field(pointer, f"must not be nested deeper than {MAX_DEPTH}", code="too_deep")
    text = json.dumps(value, ensure_ascii=False)
    if "\\u0000" in text:
        raise Invalid.field(pointer, "must not contain NUL characters", code="nul")
    if len(text.encode("utf-8", "surrogatepass")) > limit:
        raise Invalid.field(pointer, f"must be at most {limit} bytes of JSON", code="too_large")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Invalid.field(pointer, "must be valid Unicode", code="not_unicode")


def _deeper(value: Any, allowed: int) -> bool:
    level = [value]
    for _ in range(allowed + 1):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True
