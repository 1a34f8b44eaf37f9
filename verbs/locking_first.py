"""Transactions that find out, while they hold rows, that they need what is locked before these.

    attempt ── what it needs is free, or its own ──> commit
       └─ somebody else has it ─> roll back ─> attempt once more, that lock first

Only who finds such a lock taken pays for it: nobody waits for it while holding what comes later in
the lock order, so nobody waits in a circle. An attempt is a whole transaction and reads its rows
itself, as in `answered_outside`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")
#: Takes all that turned out to be needed first, in one order for all.
First = Callable[[], None]


class LockFirst(Exception):
    """What is locked by `lock`, known by `key`, is needed before all that the attempt holds."""

    def __init__(self, key: Any, lock: Callable[[], None]) -> None:
        super().__init__(key)
        self.key = key
        self.lock = lock


def locking_first(attempt: Callable[[First], Result]) -> Result:
    """Make an attempt until it has the locks that it needs first: `attempt` opens its transaction
    and then calls what it is given. Each lock is found missing once at most."""
    wanted: dict[Any, Callable[[], None]] = {}

    def first() -> None:
        for key in sorted(wanted):
            wanted[key]()

    while True:
        try:
            return attempt(first)
        except LockFirst as missing:
            wanted[missing.key] = missing.lock
