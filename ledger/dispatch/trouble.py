"""Trouble of our own: what it is, and waiting for a database that is away.

It is nobody's fault whose work it meets: that is tried again, and no attempt counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections

from ledger.dispatch.consumer_registry import Trouble
from ledger.faults import sqlstate_of

#: How long a worker that lost the database waits for it, to store what became of its work.
AWAY_SECONDS = 50.0
_PAUSE_SECONDS = 0.2
# Of errors by their SQLSTATE: no connection, a transaction to be tried again, no resources, the
# server stopped or starting, a lock that was not to be had.
_STATES = ("08", "40", "53", "57P", "55P03")
_Answer = TypeVar("_Answer")


def is_trouble(error: BaseException) -> bool:
    """Whether it is trouble of our own, which no news is to blame for. A statement that takes too
    long is not: the next try may take as long."""
    if isinstance(error, OperationalError | InterfaceError):
        state = sqlstate_of(error)
        return state is None or state.startswith(_STATES)
    return isinstance(error, Trouble)


def once_it_answers(act: Callable[[], _Answer]) -> _Answer:
    """Do what is one transaction of its own, and again while the database gives it trouble, for
    `AWAY_SECONDS` at most. It may have been committed by a try whose answer was lost: it has to
    find that out by itself. Raises what the last try raised, and at once whatever is no trouble."""
    until = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError) as error:
            if not is_trouble(error) or time.monotonic() > until:
                raise
        close_old_connections()
        time.sleep(_PAUSE_SECONDS)
