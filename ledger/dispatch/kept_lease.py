"""Keeps leases while their work runs: one thread a process beats for all, but not for ever."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator

from django.db import connection

log = logging.getLogger(__name__)
_BEATS_PER_LEASE = 3


@dataclasses.dataclass(eq=False, slots=True)
class _Kept:
    """One lease that is kept: how, how often, until when at most, and what for."""

    extend: Callable[[], bool]
    every: float
    until: float
    what: str
    next: float


class _Heart:
    """The beating thread of one process. It has a database connection of its own, while it beats,
    and ends when nothing is kept any more for a while."""

    _IDLE_SECONDS = 5.0

    def __init__(self) -> None:
        self.process = os.getpid()
        self._changed = threading.Condition()
        self._kept: set[_Kept] = set()
        self._beats = False
        # When it looks again by itself.
        self._wakes = 0.0

    def keep(self, lease: _Kept) -> None:
        """Beat for a lease from now on."""
        with self._changed:
            self._kept.add(lease)
            if not self._beats:
                self._beats = True
                threading.Thread(target=self._beat, name="leases", daemon=True).start()
            elif lease.next < self._wakes:
                # Else it comes in time. Waking it for each lease cost as much as a statement.
                self._changed.notify()

    def let_go(self, lease: _Kept) -> None:
        """Beat for it no more."""
        with self._changed:
            self._kept.discard(lease)

    def _beat(self) -> None:
        idle_since = time.monotonic()
        try:
            while True:
                with self._changed:
                    moment = time.monotonic()
                    if self._kept:
                        idle_since = moment
                    elif moment - idle_since > self._IDLE_SECONDS:
                        self._beats = False
                        return
                    self._wakes = min((each.next for each in self._kept), default=moment + 1)
                    self._changed.wait(max(0.0, self._wakes - moment))
                    due = [each for each in self._kept if each.next <= time.monotonic()]
                for each in due:
                    self._once(each)
        finally:
            connection.close()

    def _once(self, each: _Kept) -> None:
        each.next = time.monotonic() + each.every
        if time.monotonic() >= each.until:
            log.error("%s runs for too long: its lease is left to run out", each.what)
            self.let_go(each)
            return
        try:
            kept = each.extend()
        except Exception as error:  # noqa: BLE001  -- whatever it was, the others' leases are kept
            # The next beat may get through; if none does, the lease runs out, which is safe.
            log.warning("the lease of %s could not be extended: %s", each.what, error)
            connection.close()
            return
        if not kept:
            self.let_go(each)


_heart = _Heart()


def _own_heart() -> _Heart:
    global _heart  # noqa: PLW0603  -- one a process: a forked one has no thread of its parent's
    if _heart.process != os.getpid():
        _heart = _Heart()
    return _heart


@contextlib.contextmanager
def kept_lease(
    extend: Callable[[], bool], *, lease_seconds: float, max_seconds: float, what: str
) -> Iterator[None]:
    """Call `extend` three times a lease for as long as the body runs, `max_seconds` at most.

    `extend` commits by itself and answers whether the lease is still ours. Work that hangs loses
    its lease after `max_seconds`, so that another worker can take it over; whatever the hanging one
    stores later is refused as not its own. `what` names the work in the log.
    """
    moment, every = time.monotonic(), lease_seconds / _BEATS_PER_LEASE
    kept = _Kept(extend, every, moment + max_seconds, what, moment + every)
    heart = _own_heart()
    heart.keep(kept)
    try:
        yield
    finally:
        heart.let_go(kept)
