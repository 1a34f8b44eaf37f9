"""The doorbell: tells a worker, after commit, that there is work. Only a hint; the sweep is the
guarantee.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class OnCommit(Protocol):
    """The shape of `django.db.transaction.on_commit`."""

    def __call__(self, func: Callable[[], object], *, robust: bool) -> None: ...


def _silent() -> None:
    """Without a broker nobody is woken; the sweep comes within a second."""


_poke: Callable[[], None] = _silent


def set_poke(poke: Callable[[], None]) -> None:
    """Install what rings the bell. Called once, by `config`, which alone knows the broker."""
    global _poke  # noqa: PLW0603  -- one process-wide doorbell, set at start
    _poke = poke


def ring() -> None:
    """Ring now."""
    _poke()


def wake_on_commit(on_commit: OnCommit) -> None:
    """Ring once the current transaction has committed; a failure to ring never hurts the caller."""
    on_commit(ring, robust=True)
