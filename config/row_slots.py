"""At how many programs, and at how much else that takes long, a worker may be at once.

A pool that serves more than `work` keeps a process free: as many hanging undo capabilities as it
has processes would otherwise stop every rollback, and every case. What is no program (a message
that is sent, a ledger that is checked for an hour) has a third of the others, and not one tenant
all of those. All of that and one tenant's programs together leave a slot, so that another tenant's
undo finds one; and where there are enough, programs leave one too. A slot is a byte of a file that
the worker opens before its children are forked; whatever ends a child gives its locks back.
"""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from typing import IO

_slots: list[IO[bytes]] = []
#: The first byte is held while slots are looked at; then come the slots, and far behind them those
#: of each tenant. Locks may lie beyond the end of a file.
_GUARD, _COMMON, _TENANTS, _MOST = 0, 1, 2**20, 2**12
#: The last bits of an id are drawn by lot: two tenants hardly ever meet.
_DIFFERENT = 2**40
#: Of so few slots, one that programs leave would be one tenant too few; and of more, what is no
#: program has two, so that another tenant's finds one.
_FEW, _SOME = 2, 3
Slot = tuple[int, int]


def prepare() -> None:
    """Open the slots, in the parent process."""
    if not _slots:
        _slots.append(tempfile.TemporaryFile())  # noqa: SIM115  -- open for as long as the worker


def take(processes: int, tenant_id: uuid.UUID, *, program: bool = True) -> Slot | None:
    """Take one of the slots of so many processes for a program of a tenant, or for what else takes
    long. None when all are taken, or all that one tenant may have; where there is but one process,
    it does everything."""
    common, own = _places(processes, tenant_id, program=program)
    with _guarded():
        mine = next((place for place in own if _lock(place)), None)
        if mine is None:
            return None
        number = next((place for place in common if _lock(place)), None)
        if number is None:
            _unlock(mine)
            return None
    return number, mine


def give_back(slot: Slot) -> None:
    """Give a slot back."""
    for place in slot:
        _unlock(place)


def free(processes: int, tenant_id: uuid.UUID, *, program: bool = True) -> int:
    """Return how many slots a tenant would find, asked by the parent of those that take them."""
    with _guarded():
        return min(_count_free(places) for places in _places(processes, tenant_id, program=program))


def _places(processes: int, tenant_id: uuid.UUID, *, program: bool) -> tuple[range, range]:
    """Return the slots of all, and those of one tenant. Programs take the first that is free, and
    whatever else takes long the last: they meet in the middle only. Fewer than four processes are
    too few to keep them apart, and fewer than five to keep the tenants of what is no program so."""
    slots = max(1, processes - 1)
    others = max(1 if slots <= _SOME else 2, slots // 3)
    first = _TENANTS + tenant_id.int % _DIFFERENT * _MOST + (0 if program else _MOST // 2)
    if program:
        common = range(_COMMON, _COMMON + (slots if slots <= _FEW else slots - 1))
        return common, range(first, first + max(1, slots - others - 1))
    common = range(_COMMON + slots - 1, _COMMON + slots - others - 1, -1)
    return common, range(first, first + max(1, others - 1))


@contextlib.contextmanager
def _guarded() -> Iterator[None]:
    """Look at slots alone: who asks whether one is free takes it for a moment, and nobody must
    find it taken then."""
    fcntl.lockf(_slots[0], fcntl.LOCK_EX, 1, _GUARD)
    try:
        yield
    finally:
        _unlock(_GUARD)


def _count_free(places: Iterable[int]) -> int:
    found = [place for place in places if _lock(place)]
    for place in found:
        _unlock(place)
    return len(found)


def _lock(place: int) -> bool:
    try:
        fcntl.lockf(_slots[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except OSError:
        return False
    return True


def _unlock(place: int) -> None:
    fcntl.lockf(_slots[0], fcntl.LOCK_UN, 1, place)
