"""Runs executions that are due: the dispatcher's source of this app.

Each run is two short transactions around the handler. A worker killed at any point leaves a lease
that runs out; another worker then calls the handler again with the same idempotency key, after the
capability was asked what became of the first call, where it can tell. At least one call happens
here; the handler makes one effect of them.
"""

from __future__ import annotations

import logging
import threading
import uuid

from executions.actions import execution_attempts
from executions.actions.execution_attempts import Attempt, LeaseLost, Outcome, Unrepeatable
from executions.capability_registry import NON_IDEMPOTENT
from executions.handler_contract import Failed, Handler, Later, Result, StatusHandler
from executions.lifecycle import JOBS_SOURCE
from ledger import failpoints
from ledger.dispatch.consumer_registry import Source
from ledger.dispatch.kept_lease import kept_lease

log = logging.getLogger(__name__)
failpoints.declare("execution.dispatched", "execution.handled", "execution.settled")


def work(tenant_id: uuid.UUID, execution_id: uuid.UUID) -> bool:
    """Run the next attempt of a due execution and store how it ended; whether there was one."""
    attempt = execution_attempts.begin(tenant_id, execution_id)
    if attempt is None:
        return False
    failpoints.reach("execution.dispatched")
    with kept_lease(
        lambda: execution_attempts.extend(attempt), lease_seconds=attempt.capability.lease_seconds,
        max_seconds=attempt.capability.max_seconds, what=f"execution {execution_id}",
    ):  # fmt: skip
        outcome = _outcome(attempt)
        failpoints.reach("execution.handled")
        try:
            status = execution_attempts.settle(attempt, outcome)
        except LeaseLost:
            log.warning("execution %s was taken over by another worker", execution_id)
            return True
    failpoints.reach("execution.settled")
    log.info(
        "execution %s of %s, attempt %s: %s",
        execution_id, attempt.capability.name, attempt.call.attempt, status,
    )  # fmt: skip
    return True


def _outcome(attempt: Attempt) -> Outcome:
    """Return what the attempt found out: first what became of a call of which nobody knows the end,
    then, unless that is known or no call is left, what the handler does now."""
    found = attempt.capability
    if attempt.call.ask:
        return _said(attempt, found.later)
    if attempt.doubtful:
        said = _said(attempt, found.status)
        if attempt.only_asks or isinstance(said, Result | Later):
            return said
        if found.side_effect == NON_IDEMPOTENT and not isinstance(said, Failed):
            return Unrepeatable()
    outcome = _said(attempt, found.handler)
    if attempt.is_last and not isinstance(outcome, Result | Later | Failed):
        said = _said(attempt, found.status)
        return said if isinstance(said, Result | Later | Failed) else outcome
    return outcome


def _said(attempt: Attempt, asked: Handler | StatusHandler | None) -> Outcome:
    """Call a handler; what it raises is an outcome too, even a wish to end the program."""
    if asked is None:
        return None
    try:
        return asked(attempt.call)
    except BaseException as fault:  # a handler may raise anything; all of it is stored
        at_the_keyboard = threading.current_thread() is threading.main_thread()
        if isinstance(fault, KeyboardInterrupt) and at_the_keyboard:
            raise
        return fault


SOURCE = Source(JOBS_SOURCE, execution_attempts.JOBS, work)
