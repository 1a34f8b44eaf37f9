"""When two JSON values are the same value (RFC 8259 §3). The one answer; `==` is Python's.

To Python `1 == True` and `0 == False`, which JSON knows as values of different kinds. Numbers are
the same when they write the same number: JSON has no whole numbers beside others, so `1`, `1.0` and
`10e-1` are one value, and so are `0` and `-0.0`; `9007199254740993` and `9007199254740992` are two.
The order of an object's members says nothing; the order of a list does.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same value."""
    return one is other or comparable(one) == comparable(other)


def comparable(value: Any) -> str:
    """Return a text that two JSON values share exactly when they are the same value."""
    plain = _plain(value)
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """Return the value with every whole number written as one."""
    if isinstance(value, float):
        return whole(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def whole(number: float) -> int:
    """Return a whole number by the digits it is written with: 1e23 is a one and 23 zeros, which is
    not what the nearest binary fraction is."""
    return int(Decimal(repr(number)))
