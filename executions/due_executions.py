"""Runs executions that are due: the dispatcher's source of this app.

Each run is two short transactions around the handler. A worker killed at any point leaves a lease
that runs out; another worker then calls the handler again with the same idempotency key. At least
one call happens here; the handler makes one effect of them.
"""

from __future__ import annotations

import logging
import threading

from executions.actions import execution_attempts
from executions.actions.execution_attempts import Attempt, LeaseLost
from executions.capability_registry import Result
from ledger import failpoints
from ledger.dispatch.consumer_registry import Due, Source
from ledger.dispatch.lease import kept_lease

log = logging.getLogger(__name__)
failpoints.declare("execution.dispatched", "execution.handled", "execution.settled")
#: One at a time, so that a slow capability holds up no other leased job.
_CLAIM_AT_ONCE = 1


def claim(limit: int) -> list[Due]:
    """Lease due executions for this worker."""
    return execution_attempts.claim(min(limit, _CLAIM_AT_ONCE))


def run(due: Due) -> None:
    """Run the next attempt of a leased execution and store how it ended."""
    attempt = execution_attempts.begin(due)
    if attempt is None:
        return
    failpoints.reach("execution.dispatched")
    with kept_lease(
        lambda: execution_attempts.extend(attempt), lease_seconds=attempt.capability.lease_seconds,
        max_seconds=attempt.capability.max_seconds, what=f"execution {due.id}",
    ):  # fmt: skip
        outcome = _outcome(attempt)
        failpoints.reach("execution.handled")
        try:
            status = execution_attempts.settle(attempt, outcome)
        except LeaseLost:
            log.warning("execution %s was taken over by another worker", due.id)
            return
    failpoints.reach("execution.settled")
    log.info(
        "execution %s of %s, attempt %s: %s",
        due.id, attempt.capability.name, attempt.call.attempt, status,
    )  # fmt: skip


def _outcome(attempt: Attempt) -> Result | BaseException:
    """Call the handler; what it raises is an outcome too, even a wish to end the program."""
    try:
        return attempt.capability.handler(attempt.call)
    except BaseException as fault:  # a handler may raise anything; all of it is stored
        at_the_keyboard = threading.current_thread() is threading.main_thread()
        if isinstance(fault, KeyboardInterrupt) and at_the_keyboard:
            raise
        return fault


SOURCE = Source("executions", claim, run)
