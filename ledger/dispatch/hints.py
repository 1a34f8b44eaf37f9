"""Hints: after a commit that left work, whoever can do it is told what, once.

A hint names a lane or a row, never the work itself. It may be lost, doubled, late or wrong: the
sweep finds what is due without it, and whoever gets it takes the lease or goes away.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.db import transaction

from ledger.dispatch.lanes import Lane
from ledger.statements import server


@dataclasses.dataclass(frozen=True, slots=True)
class LaneWork:
    """A lane in which something is due, and the queue of the most urgent of it. `overtakes`: as of
    a row."""

    queue: str
    lane: Lane
    overtakes: bool = False

    @property
    def tenant_id(self) -> uuid.UUID:
        """Whose it is."""
        return self.lane.tenant_id


@dataclasses.dataclass(frozen=True, slots=True)
class RowWork:
    """A row of a source that is due. `seconds`: how long its work may take. `overtakes`: it has
    waited behind a flood of another tenant's, and those who are told of it take it next."""

    queue: str
    source: str
    tenant_id: uuid.UUID
    id: uuid.UUID
    seconds: float
    overtakes: bool = False


Work = LaneWork | RowWork
Publish = Callable[[Sequence[Work]], None]


def _silent(_left: Sequence[Work]) -> None:
    """Nobody is told; the sweep comes within a second."""


_publish: Publish = _silent
_here = threading.local()


def set_publisher(publish: Publish) -> None:
    """Install what tells others. Called once, by `config`, which alone knows the broker."""
    global _publish  # noqa: PLW0603  -- one process-wide publisher, set at start
    _publish = publish


def publish(left: Sequence[Work]) -> None:
    """Tell others of work."""
    if left:
        _publish(left)


class _AtCommit:
    """What one transaction has left, told when it has committed."""

    def __init__(self) -> None:
        self.left: dict[Work, None] = {}
        self.more: list[Callable[[], Iterable[Work]]] = []

    def __call__(self) -> None:
        for each in self.more:
            self.left.update(dict.fromkeys(each()))
        collector: dict[Work, None] | None = getattr(_here, "collector", None)
        if collector is None:
            publish(list(self.left))
        else:
            collector.update(self.left)


def leave(works: Iterable[Work], more: Callable[[], Iterable[Work]] | None = None) -> None:
    """Tell of `works` once the current transaction has committed, and of what `more` returns then:
    one hint for all that it leaves, without what a rolled back savepoint had left. Needs that
    transaction."""
    here = server()
    depth = set(here.savepoint_ids)
    waiting: list[Any] = list(here.run_on_commit)
    known = [func for savepoints, func, _robust in waiting if savepoints == depth]
    hint = next((func for func in known if isinstance(func, _AtCommit)), None)
    if hint is None:
        hint = _AtCommit()
        transaction.on_commit(hint)
    hint.left.update(dict.fromkeys(works))
    if more is not None:
        hint.more.append(more)


def pending() -> list[Work]:
    """Return what the current transaction has left so far."""
    found = [each[1] for each in server().run_on_commit if isinstance(each[1], _AtCommit)]
    return [work for hint in found for work in hint.left]


@contextlib.contextmanager
def collected() -> Iterator[dict[Work, None]]:
    """Gather what this thread's commits leave instead of telling others, in their order."""
    before = getattr(_here, "collector", None)
    found: dict[Work, None] = {}
    _here.collector = found
    try:
        yield found
    finally:
        _here.collector = before
