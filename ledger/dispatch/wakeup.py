"""The doorbell: tells a worker, after commit, that there is work. Only a hint; the sweep is the
guarantee.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction


def _silent() -> None:
    """Without a broker nobody is woken; the sweep comes within a second."""


_poke: Callable[[], None] = _silent


def set_poke(poke: Callable[[], None]) -> None:
    """Install what rings the bell. Called once, by `config`, which alone knows the broker."""
    global _poke  # noqa: PLW0603  -- one process-wide doorbell, set at start
    _poke = poke


def wake_on_commit() -> None:
    """Ring once the current transaction has committed; a failure to ring never hurts the caller."""
    transaction.on_commit(_poke, robust=True)
