"""Keeps a lease while its work runs: beats from a thread of its own, but not for ever."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

from django.db import Error as DatabaseError
from django.db import connection

log = logging.getLogger(__name__)
_BEATS_PER_LEASE = 3


@contextlib.contextmanager
def kept_lease(
    extend: Callable[[], bool], *, lease_seconds: float, max_seconds: float, what: str
) -> Iterator[None]:
    """Call `extend` three times a lease for as long as the body runs, `max_seconds` at most.

    `extend` commits by itself and answers whether the lease is still ours. Work that hangs loses
    its lease after `max_seconds`, so that another worker can take it over; whatever the hanging one
    stores later is refused as not its own. `what` names the work in the log.
    """
    over = threading.Event()
    beat = threading.Thread(
        target=_beat, args=(extend, lease_seconds, max_seconds, what, over), name="lease",
        daemon=True,
    )  # fmt: skip
    beat.start()
    try:
        yield
    finally:
        over.set()
        beat.join()


def _beat(
    extend: Callable[[], bool],
    lease_seconds: float,
    max_seconds: float,
    what: str,
    over: threading.Event,
) -> None:
    until = time.monotonic() + max_seconds
    try:
        while not over.wait(lease_seconds / _BEATS_PER_LEASE):
            if time.monotonic() >= until:
                log.error(
                    "%s ran for more than %s s: its lease is left to run out", what, max_seconds
                )
                return
            try:
                kept = extend()
            except DatabaseError as error:
                # The next beat may get through; if none does, the lease runs out, which is safe.
                log.warning("the lease of %s could not be extended: %s", what, error)
                connection.close()
                continue
            if not kept:
                return
    finally:
        connection.close()
