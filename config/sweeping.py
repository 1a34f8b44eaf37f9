"""Threads that run due work, woken by a bell or once a second. They never touch the broker."""

from __future__ import annotations

import logging
import threading
import time

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

from ledger.dispatch.runner import run_due

log = logging.getLogger(__name__)
SWEEP_SECONDS = 1.0
#: How long one is silent about a database that does not answer.
_COMPLAIN_EVERY_SECONDS = 30.0


class Sweepers:
    """A few threads that look for due work until they are told to stop.

    A slow capability occupies one of them; the others go on. `bell` set by anybody makes them look
    at once; otherwise one of those that are free looks every second. Each has a database connection
    of its own, opened again after the server was away.
    """

    def __init__(self, count: int, bell: threading.Event) -> None:
        self._bell = bell
        self._stopping = threading.Event()
        self._found_nothing_at = float("-inf")
        self._threads = [
            threading.Thread(target=self._sweep, name=f"sweep-{number + 1}", daemon=True)
            for number in range(count)
        ]

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each thread finish the batch it is at, and no other."""
        self._stopping.set()
        self._bell.set()

    def join(self, seconds: float) -> bool:
        """Wait for the threads, `seconds` at most for all together; whether all have ended."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _sweep(self) -> None:
        complained = float("-inf")
        while not self._stopping.is_set():
            ran = 0
            try:
                ran = run_due()
            except DatabaseError as error:
                if time.monotonic() - complained > _COMPLAIN_EVERY_SECONDS:
                    complained = time.monotonic()
                    log.warning("the database does not answer, trying on: %s", error)
                connection.close()
            except BaseException:
                # Also a handler that would end the program: the thread is not its to end, and a
                # worker without sweeps would look alive and do nothing.
                log.exception("a sweep failed; the next one follows")
                close_old_connections()
            if not ran:
                self._found_nothing_at = time.monotonic()
                self._wait()
        connection.close()

    def _wait(self) -> None:
        """Wait for the bell, or until nobody has looked for a second."""
        while not self._stopping.is_set():
            if self._bell.wait(SWEEP_SECONDS):
                if not self._stopping.is_set():
                    self._bell.clear()
                return
            if time.monotonic() - self._found_nothing_at >= SWEEP_SECONDS * 0.9:
                return


def sweep_once() -> int:
    """Run what is due now, until nothing is. Returns how many runs that took."""
    total = 0
    while ran := run_due():
        total += ran
    return total
