"""What may need approval: verbs of the apps above, by the names they register here.

An app that lets its verb wait says how it is taken up again. `ready(row, approval, by)` is asked
with the thing locked when the last step is granted: it raises a Refusal where the world has moved
since it was asked for, NotNow where something is in the way that passes, and writes nothing; else
it returns what then happens, in the transaction of the grant. `ended` is called where it is
refused, expires, is out of date or withdrawn, in the same transaction. `label` is the verb as a
sentence about a thing: "Undo %(what)s".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from governance.models import Approval
from ledger.errors import Refusal
from ledger.record import ActorRef, EntryRef
from verbs.move import Moves
from verbs.subject import Locked
from verbs.words import Text


class NotNow(Exception):
    """What was asked for may not begin at this moment, for a reason that passes by itself: whoever
    grants it is refused with that, and the approval waits on. Raised by `ready`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.in_words)
        self.refusal = refusal


#: Does what was approved: (the entry that grants it, what is written with it).
Granted = Callable[[EntryRef, Moves], None]
Ready = Callable[[Any, Approval, ActorRef], Granted]


@dataclasses.dataclass(frozen=True, slots=True)
class NotGranted:
    """The end of an approval that was not granted: which, who ended it, by which entry, and what is
    written with that."""

    approval: Approval
    by: ActorRef
    entry: EntryRef
    moves: Moves


@dataclasses.dataclass(frozen=True, slots=True)
class Governed:
    """One verb that may wait for approval."""

    ready: Ready
    label: Text
    # What becomes of the thing, locked with what belongs to it, where it is not granted.
    ended: Callable[[Locked, NotGranted], None] | None = None


_governed: dict[str, Governed] = {}


def register_governed(action: str, governed: Governed) -> None:
    """Say how a verb goes on that waited. Registering a name again replaces it."""
    _governed[action] = governed


def governed(action: str) -> Governed:
    """Return a verb that may wait. Raises KeyError for one that nobody registered."""
    return _governed[action]
