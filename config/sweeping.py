"""The sweep: finds what is due and not taken, and sees to it that somebody does it.

With a broker it publishes what has been due for a moment and not been taken: the hint was lost, or
never sent. Where there is no broker, none answers, or due work stays untaken for some seconds, it
is done by the embedded pools, which are Celery workers whose broker is their own memory.
"""

from __future__ import annotations

import collections
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence

from django.db import Error as DatabaseError
from django.db import connection

from ledger.dispatch import runner
from ledger.dispatch.consumer_registry import is_short, runs_programs
from ledger.dispatch.hints import RowWork, Work

log = logging.getLogger(__name__)
SWEEP_SECONDS = 1.0
#: How soon one looks again after finding work: more of it is likely.
BUSY_SECONDS = 0.1
#: How long work is left to those whom a hint may have told of it.
PUBLISH_AFTER_SECONDS = 1.0
#: How long due work may stay untaken before the embedded pools do it beside the workers.
EMBEDDED_AFTER_SECONDS = 3.0
#: At most so much is told at one look.
AT_ONCE = 100
#: So much of each queue is looked at, at least: more tenants than have a program under way.
_LOOK = 20
#: How long something that was told is not told again: where a broker may have a backlog, and where
#: what is told is soon taken.
TOLD_SECONDS = 10.0
TOLD_BRIEFLY_SECONDS = 1.0
_COMPLAIN_EVERY_SECONDS = 30.0


class Looker:
    """Looks for due work again and again, and hands what it finds to `tell`.

    `untaken` says for how long it must have been due. What was told is not told again for
    `told_for` seconds, and no more is told than there is `room` for: of each queue its share, and
    then by urgency. Of a tenant's rows no more are told than would find one of its `slots` (of its
    programs, or of what else takes long): what nobody could do now would only be in the way of what
    somebody can.
    """

    def __init__(
        self,
        queues: Sequence[str],
        tell: Callable[[Sequence[Work]], None],
        *,
        untaken: Callable[[], float],
        told_for: float = TOLD_SECONDS,
        room: Callable[[], int] = lambda: AT_ONCE,
        slots: Callable[[uuid.UUID, bool], int] = lambda _tenant_id, _program: AT_ONCE,
    ) -> None:
        self._queues = list(queues)
        self._tell = tell
        self._untaken = untaken
        self._told_for = told_for
        self._room = room
        self._slots = slots
        self._told: dict[Work, float] = {}
        self._complained = float("-inf")
        self._looks = 0

    def look(self) -> int:
        """Look once. Returns how much was told."""
        moment = time.monotonic()
        self._told = {work: at for work, at in self._told.items() if moment - at < self._told_for}
        room = self._room()
        if room <= 0:
            return 0
        try:
            found = runner.find_due(
                self._queues, limit=max(room, _LOOK) + len(self._told), untaken=self._untaken()
            )
        except DatabaseError as error:
            self._complain(error)
            connection.close()
            return 0
        fresh = [work for work in found if work not in self._told]
        fresh = self._shared(self._that_find_slots(fresh), room)
        self._tell(fresh)
        self._told.update(dict.fromkeys(fresh, moment))
        return len(fresh)

    def _that_find_slots(self, works: Sequence[Work]) -> list[Work]:
        """Return what finds a slot. For those of a tenant its queues take turns from look to look:
        mail that hangs does not keep its upkeep waiting for ever."""
        left: dict[tuple[uuid.UUID, bool], int] = {}
        none: set[Work] = set()
        for work in sorted(works, key=lambda each: self._place(each.queue)):
            if not isinstance(work, RowWork) or is_short(work.source):
                continue
            at = work.tenant_id, runs_programs(work.source)
            if at not in left:
                left[at] = self._slots(*at)
            left[at] -= 1
            if left[at] < 0:
                none.add(work)
        return [work for work in works if work not in none]

    def _place(self, queue: str) -> int:
        return (self._queues.index(queue) - self._looks) % len(self._queues)

    def _shared(self, works: Sequence[Work], room: int) -> list[Work]:
        """Return as much as there is room for: a flood in one queue leaves the others theirs. What
        does not go round is each time another queue's."""
        share, more = divmod(room, len(self._queues))
        self._looks += 1
        turn = [self._queues[(self._looks + n) % len(self._queues)] for n in range(more)]
        seen: collections.Counter[str] = collections.Counter()
        first: list[Work] = []
        others: list[Work] = []
        for work in works:
            seen[work.queue] += 1
            fits = seen[work.queue] <= share + (work.queue in turn)
            (first if fits else others).append(work)
        return (first + others)[:room]

    def run(self, stopping: threading.Event) -> None:
        """Look every second, and sooner after finding something, until `stopping` is set."""
        while not stopping.is_set():
            found = 0
            try:
                found = self.look()
            except Exception:
                log.exception("a look for due work failed; the next one follows")
            stopping.wait(BUSY_SECONDS if found else SWEEP_SECONDS)
        connection.close()

    def _complain(self, error: DatabaseError) -> None:
        if time.monotonic() - self._complained > _COMPLAIN_EVERY_SECONDS:
            self._complained = time.monotonic()
            log.warning("the database does not answer, trying on: %s", error)
