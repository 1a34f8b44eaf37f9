"""Runs executions that are due: the dispatcher's source of this app.

Each run is two short transactions around the handler. A worker killed at any point leaves a lease
that runs out; another worker then calls the handler again with the same idempotency key, after the
capability was asked what became of the first call, where it can tell. At least one call happens
here; the handler makes one effect of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any

from executions.actions import execution_attempts
from executions.actions.execution_attempts import (
    Attempt,
    LeaseLost,
    Outcome,
    StateMoved,
    Unrepeatable,
)
from executions.capability_registry import NON_IDEMPOTENT
from executions.handler_contract import (
    Failed,
    Handler,
    Invocation,
    Later,
    NotDone,
    Result,
    StatusHandler,
)
from executions.lifecycle import JOBS_SOURCE
from ledger import failpoints
from ledger.dispatch.consumer_registry import Source
from ledger.dispatch.kept_lease import kept_lease
from ledger.dispatch.settling import stored_once_it_answers
from ledger.dispatch.trouble import once_it_answers
from ledger.faults import storable
from ledger.read_only import only_reading
from verbs.input import MAX_TEXT

log = logging.getLogger(__name__)
failpoints.declare(
    "execution.dispatched", "execution.state_compared", "execution.call_marked",
    "execution.handled", "execution.settled",
)  # fmt: skip

#: Nothing is known yet: the handler is to be called.
_CALL = NotDone("")


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
        # What only tries something out does not write, whichever of its handlers is asked.
        tried_out = attempt.call.mode != "commit"
        with only_reading() if tried_out else contextlib.nullcontext():
            outcome = _outcome(attempt)
        failpoints.reach("execution.handled")
        try:
            # The call is made: it is not made again because the database is away.
            status = stored_once_it_answers(lambda: _settled(attempt, outcome))
        except LeaseLost:
            log.warning("execution %s was taken over by another worker", execution_id)
            return True
    failpoints.reach("execution.settled")
    log.info(
        "execution %s of %s, attempt %s: %s",
        execution_id, attempt.capability.name, attempt.call.attempt, status,
    )  # fmt: skip
    return True


def _settled(attempt: Attempt, outcome: Outcome) -> str:
    if isinstance(outcome, StateMoved):
        return execution_attempts.settle_moved(attempt, outcome.found)
    return execution_attempts.settle(attempt, outcome)


def _outcome(attempt: Attempt) -> Outcome:
    """Return what the attempt found out: first what became of a call of which nobody knows the end,
    then, unless that is known or no call is left, what the handler does now."""
    found = attempt.capability
    if attempt.call.ask:
        return _outcome_of(attempt, found.later)
    known = _known_before(attempt)
    if known is not _CALL:
        return known
    outcome = _called(attempt)
    if attempt.is_last and not isinstance(outcome, Result | Later | Failed):
        said = _outcome_of(attempt, found.status)
        return said if isinstance(said, Result | Later | Failed) else outcome
    return outcome


def _known_before(attempt: Attempt) -> Outcome:
    """Return what is known without calling the handler: what became of an earlier call, or why no
    other may be made; `_CALL` where it is to be called."""
    found, untouched = attempt.capability, not attempt.doubtful
    if attempt.doubtful:
        said = _outcome_of(attempt, found.status)
        if attempt.only_asks or isinstance(said, Result | Later):
            return said
        untouched = isinstance(said, Failed)
        if found.side_effect == NON_IDEMPOTENT and not untouched:
            return Unrepeatable()
    # Where a call may have been made, it is its own effect that would be found in the state.
    return _compared(attempt) if untouched and attempt.call.expected_state_version else _CALL


def _compared(attempt: Attempt) -> Outcome:
    """Return why no call is made: the state is not the expected one, cannot be asked for, or
    another worker has taken the attempt over. `_CALL` where it is made, and marked as made."""
    found = _version(attempt)
    if not isinstance(found, str):
        return NotDone(f"its state version could not be asked for: {found}")
    if found != attempt.call.expected_state_version:
        return StateMoved(found)
    failpoints.reach("execution.state_compared")
    if not once_it_answers(lambda: execution_attempts.about_to_call(attempt)):
        return None
    failpoints.reach("execution.call_marked")
    return _CALL


def _version(attempt: Attempt) -> str | BaseException:
    """Return at which version the state is, "" where nobody can tell, or why that is not known."""
    if attempt.capability.state_version is None:
        return ""
    said = _said(attempt, attempt.capability.state_version)
    if isinstance(said, str) and len(said) <= MAX_TEXT:
        return storable(said, MAX_TEXT)
    wrong = TypeError(f"a state version is a text of at most {MAX_TEXT} characters")
    return said if isinstance(said, BaseException) else wrong


def _called(attempt: Attempt) -> Outcome:
    """Make the call that its mode means, and learn what the state is after it."""
    mode, found = attempt.call.mode, attempt.capability
    if mode == "validate":
        return Result({}, state_version=attempt.call.expected_state_version)
    if mode == "simulate":
        return _outcome_of(attempt, found.simulation)
    outcome = _outcome_of(attempt, found.handler)
    if not isinstance(outcome, Result) or outcome.state_version:
        return outcome
    version = _version(attempt)
    if isinstance(version, str):
        return dataclasses.replace(outcome, state_version=version)
    # What was done is done: that its version is not known changes nothing.
    log.warning("the state after execution %s is not known", attempt.call.execution_id)
    return outcome


def _outcome_of(attempt: Attempt, asked: Handler | StatusHandler | None) -> Outcome:
    said: Outcome = _said(attempt, asked)
    return said


def _said(attempt: Attempt, asked: Callable[[Invocation], Any] | None) -> Any:
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


SOURCE = Source(JOBS_SOURCE, execution_attempts.JOBS, work, programs=True)
