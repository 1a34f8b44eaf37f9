"""At how many programs the processes of one worker may be at once.

A pool that serves more than `work` keeps a process free: as many hanging undo capabilities as it
has processes would otherwise stop every rollback, and every case. A slot is a byte of a file that
the worker opens before its children are forked; whatever ends a child gives its lock back.
"""

from __future__ import annotations

import fcntl
import tempfile
from typing import IO

_slots: list[IO[bytes]] = []


def prepare() -> None:
    """Open the slots, in the parent process."""
    if not _slots:
        _slots.append(tempfile.TemporaryFile())  # noqa: SIM115  -- open for as long as the worker


def take(processes: int) -> int | None:
    """Take one of the slots of so many processes, of which one is kept free. Returns its number,
    or None when all are taken; where there is but one process, it does everything."""
    for number in range(max(1, processes - 1)):
        try:
            fcntl.lockf(_slots[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError:
            continue
        return number
    return None


def give_back(number: int) -> None:
    """Give a slot back."""
    fcntl.lockf(_slots[0], fcntl.LOCK_UN, 1, number)
