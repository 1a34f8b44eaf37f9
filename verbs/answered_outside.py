"""Transactions that need what jq says, and ask it while they hold nothing.

    attempt ── all is known ─────────────────────────────> commit
       └─ something is not ─> roll back ─> ask jq ─> attempt once more, from its first statement

An attempt is a whole transaction, with its locks and all its checks. Nothing of one that is put
back is left, in the database or in memory: it reads its rows itself. What it was given and what it
had asked are the same the next time. Of simple expressions nothing is ever unknown.

Each attempt may get further than the one before, and each question is asked once. One that did not
need what had been asked for it has been overtaken: what it reads has changed. That happens
`OVERTAKEN` times at most; then it is trouble of the moment, told so (503) or tried again later.
A process that dies while it asks has nothing open; whoever called tries again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from json_values.jq.known_answers import KnownAnswers, NotAskedYet
from ledger.dispatch.consumer_registry import Trouble

Result = TypeVar("Result")
OVERTAKEN = 3


class Overtaken(Trouble):
    """What an expression is about changed each time that it had been evaluated. Nobody is to blame
    and nothing is broken: it need only be tried again."""

    counts = False


def answered_outside(attempt: Callable[[], Result]) -> Result:
    """Make an attempt until it knows all that it needs of jq. `attempt` opens its own transaction.

    Raises Overtaken, and whatever the attempt raises.
    """
    known, overtaken = KnownAnswers(), 0
    while True:
        try:
            with known.without_asking():
                return attempt()
        except NotAskedYet as unknown:
            missing = unknown
        overtaken += known.was_overtaken
        if overtaken >= OVERTAKEN:
            raise Overtaken("what is asked about keeps changing")
        known.ask(missing)
