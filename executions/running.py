"""Runs executions that are due: the dispatcher's source of this app.

Each run is two short transactions around the handler. A worker killed at any point leaves a lease
that runs out; another worker then calls the handler again with the same idempotency key. At least
one call happens here; the handler makes one effect of them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

from django.db import Error as DatabaseError
from django.db import connection

from executions.actions import attempts
from executions.actions.attempts import Attempt, LeaseLost
from executions.registry import Result
from ledger import failpoints
from ledger.dispatch.registry import Due, Source

log = logging.getLogger(__name__)
failpoints.declare("execution.dispatched", "execution.handled", "execution.settled")
#: One at a time, so that a slow capability holds up no other leased job.
_CLAIM_AT_ONCE = 1
_BEATS_PER_LEASE = 3


def claim(limit: int) -> list[Due]:
    """Lease due executions for this worker."""
    return attempts.claim(min(limit, _CLAIM_AT_ONCE))


def run(due: Due) -> None:
    """Run the next attempt of a leased execution and store how it ended."""
    attempt = attempts.begin(due)
    if attempt is None:
        return
    failpoints.reach("execution.dispatched")
    with _kept_lease(attempt):
        outcome = _outcome(attempt)
        failpoints.reach("execution.handled")
        try:
            status = attempts.settle(attempt, outcome)
        except LeaseLost:
            log.warning("execution %s was taken over by another worker", due.id)
            return
    failpoints.reach("execution.settled")
    log.info(
        "execution %s of %s, attempt %s: %s",
        due.id, attempt.capability.name, attempt.call.attempt, status,
    )  # fmt: skip


def _outcome(attempt: Attempt) -> Result | Exception:
    """Call the handler; what it raises is an outcome too."""
    try:
        return attempt.capability.handler(attempt.call)
    except Exception as fault:  # noqa: BLE001  -- a handler may raise anything; all of it is stored
        return fault


@contextlib.contextmanager
def _kept_lease(attempt: Attempt) -> Iterator[None]:
    """Extend the lease from a thread of its own for as long as the body runs."""
    over = threading.Event()
    beat = threading.Thread(target=_beat, args=(attempt, over), name="lease", daemon=True)
    beat.start()
    try:
        yield
    finally:
        over.set()
        beat.join()


def _beat(attempt: Attempt, over: threading.Event) -> None:
    pause = attempt.capability.lease_seconds / _BEATS_PER_LEASE
    try:
        while not over.wait(pause):
            try:
                kept = attempts.extend(attempt)
            except DatabaseError as error:
                # The next beat may get through; if none does, the lease runs out, which is safe.
                log.warning("the lease of %s could not be extended: %s", attempt.due.id, error)
                connection.close()
                continue
            if not kept:
                return
    finally:
        connection.close()


SOURCE = Source("executions", claim, run)
