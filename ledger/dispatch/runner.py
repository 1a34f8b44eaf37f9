"""Does due work: a lane, a row, or everything there is.

A lane is worked batch by batch: leased (committed), handled and marked done (one transaction). The
transaction that ends a batch may lease the next lane that the same worker goes on with. A batch
that fails is handled one by one, so that only what failed counts an attempt.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    transaction,
)

from ledger import failpoints
from ledger.dispatch import hints, lanes, row_trouble
from ledger.dispatch.consumer_registry import (
    Consumer,
    LeftToOthers,
    Trouble,
    consumer_named,
    source_named,
    sources,
)
from ledger.dispatch.hints import LaneWork, RowWork, Work
from ledger.dispatch.kept_lease import kept_lease
from ledger.dispatch.lanes import Batch, Lane, LeaseLost
from ledger.dispatch.lease_table import QUEUES, TROUBLE_PAUSE_SECONDS, taking
from ledger.dispatch.trouble import is_trouble, once_it_answers
from ledger.faults import words_of
from ledger.tenancy import set_tenant

log = logging.getLogger(__name__)
failpoints.declare("dispatch.leased", "dispatch.handled", "dispatch.before_done", "row.done")
#: How long a worker stays at one lane and what follows from it before it lets others have a turn.
TURN_SECONDS = 10.0
_LOOK = 50
Chosen = Callable[[Work], bool]


def work_lane(
    lane: Lane,
    *,
    goes_on: Chosen = lambda _work: False,
    until: float | None = None,
    gives_way: Callable[[], bool] = lambda: False,
) -> int:
    """Do all that is due in a lane, and then of what that has left the work that `goes_on` chooses;
    others are told of the rest. Returns how much was handled.

    At `until`, by the monotonic clock, or when `TURN_SECONDS` are over, what is left is told to
    others too; and once something has been handled whenever `gives_way` says so.
    """
    until = time.monotonic() + TURN_SECONDS if until is None else until
    handled = 0
    waiting: collections.deque[Lane | Batch] = collections.deque([lane])
    while waiting:
        at = waiting.popleft()
        over = time.monotonic() > until or (handled > 0 and gives_way())
        if over and isinstance(at, Lane):
            # Queued as it is urgent: an undo in a lane that carries cases on too stays before them.
            queue = lanes.queue_of(at)
            hints.publish([] if queue is None else [LaneWork(queue, at)])
            continue
        batch = lanes.take(at) if isinstance(at, Lane) else at
        if batch is None:
            continue
        turn = _Turn(batch, goes_on, until)
        handled += turn.run()
        # What is leased already goes first: nobody keeps its lease while it waits.
        for each in turn.then:
            if isinstance(each, Batch):
                waiting.appendleft(each)
            else:
                waiting.append(each)
        hints.publish(turn.others)
    return handled


def work_row(source: str, tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Do the work of one due row; whether there was any. Raises LookupError for no such source."""
    found = source_named(source)
    if found is None:
        raise LookupError(f"no source named {source!r} is registered")
    with taking() as taken:
        try:
            done = found.work(tenant_id, id_)
        except Exception as error:
            # It becomes due again; one bad row stops no other.
            log.exception("source %s failed on %s", source, id_)
            row_trouble.met(found, tenant_id, id_, taken, error)
            return True
    failpoints.reach("row.done")
    if taken.troubled:
        row_trouble.is_over(found, tenant_id, id_)
    return done


def find_due(
    queues: Sequence[str] = QUEUES, *, limit: int = _LOOK, untaken: float = 0.0, **which: Any
) -> list[Work]:
    """Return work that has been due and not taken for `untaken` seconds: queue by queue, and
    within each the tenants take turns, whether it is lanes or rows that they wait with. `which`:
    see `lanes.due`."""
    found: list[list[Work]] = [
        [
            LaneWork(queue, lane)
            for queue, lane in lanes.due(queues, limit=limit, untaken=untaken, **which)
        ]
    ]
    for source in sources():
        rows = source.table.due(queues, limit=limit, untaken=untaken, **which)
        found.append(
            [
                RowWork(queue, source.name, tenant_id, id_, seconds)
                for queue, tenant_id, id_, seconds in rows
            ]
        )
    return _in_turn(found)


def longest_waiting(source: str, queues: Sequence[str], *, limit: int = 20) -> list[Work]:
    """Return of each queue the row of a source that waits longest, of each of its tenants: one may
    not be done now, where another may. Of more tenants than `limit` of some."""
    found = source_named(source)
    wanted = [queue for queue in QUEUES if queue in queues]
    rows = [] if found is None else found.table.due(wanted, limit=limit, each=1)
    return [RowWork(queue, source, tenant, id_, seconds) for queue, tenant, id_, seconds in rows]


def _in_turn(found: Iterable[Sequence[Work]]) -> list[Work]:
    """Return what several searches have found, queue by queue; in each queue any tenant's first
    comes before another's second. Which of the first is first is drawn by lot."""
    # Of one tenant what the searches have found takes turns too.
    of_searches = [each for works in found for each in _numbered(works)]
    of_searches.sort(key=lambda each: each[0])
    turns = _numbered(work for _turn, work in of_searches)
    random.shuffle(turns)
    turns.sort(key=lambda each: (QUEUES.index(each[1].queue), each[0]))
    return [work for _turn, work in turns]


def _numbered(works: Iterable[Work]) -> list[tuple[int, Work]]:
    """Return each with the number of its turn, among those of its tenant in its queue."""
    seen: collections.Counter[tuple[str, uuid.UUID]] = collections.Counter()
    numbered: list[tuple[int, Work]] = []
    for work in works:
        at = (work.queue, work.tenant_id)
        numbered.append((seen[at], work))
        seen[at] += 1
    return numbered


def do(work: Iterable[Work], *, goes_on: Chosen = lambda _work: True) -> int:
    """Do work in this process. Returns how much was handled."""
    count = 0
    for each in work:
        if isinstance(each, LaneWork):
            count += work_lane(each.lane, goes_on=goes_on)
        else:
            count += work_row(each.source, each.tenant_id, each.id)
    return count


def run_until_idle(
    first: Iterable[Work] = (), *, limit: int = 10_000, seconds: float = 60.0
) -> int:
    """Do everything that is due, in this process, until nothing is; `first` what is known to be.
    Returns how much was handled.

    Raises RuntimeError past `limit` or `seconds`, so that a loop of news cannot spin for ever.
    """
    total, deadline = 0, time.monotonic() + seconds
    with hints.collected() as left:
        left.update(dict.fromkeys(first))
        while True:
            found = list(left) or find_due()
            left.clear()
            ran = do(found)
            total += ran
            if not found or (not ran and not left and not find_due(limit=1)):
                return total
            if total > limit or time.monotonic() > deadline:
                raise RuntimeError(f"still busy after {total} runs")


class _Turn:
    """One batch being handled: `then` is what this worker does next, `others` what others may.
    Past `until`, by the monotonic clock, nothing more is leased or begun."""

    def __init__(self, batch: Batch, goes_on: Chosen, until: float) -> None:
        self.batch = batch
        self._until = until
        self._apart = False
        self.then: list[Lane | Batch] = []
        self.others: list[Work] = []
        self._goes_on = goes_on

    def run(self) -> int:
        """Handle the batch. Returns how many of its tasks were tried."""
        failpoints.reach("dispatch.leased")
        batch = self.batch
        consumer = consumer_named(batch.consumer)
        if consumer is None:
            self._fail(batch, f"no consumer named {batch.consumer!r} is registered")
            return len(batch.tasks)
        with self._kept(consumer):
            tried = self._try(batch, consumer)
        return tried if tried is not None else self._one_by_one(consumer)

    def _kept(self, consumer: Consumer) -> contextlib.AbstractContextManager[None]:
        """Keep the lease of all of it, for as long as one call of the handler may take."""
        return kept_lease(
            lambda: lanes.extend(self.batch), lease_seconds=lanes.LEASE_SECONDS,
            max_seconds=consumer.max_seconds, what=f"{len(self.batch.tasks)} of {consumer.name}",
        )  # fmt: skip

    def _one_by_one(self, consumer: Consumer) -> int:
        """Handle its tasks alone, until one fails or its time is over; the others are put back.
        Returns how many were tried."""
        self._apart = True
        for number, task in enumerate(self.batch.tasks, start=1):
            with self._kept(consumer):
                failed = self._try(self.batch.alone(task), consumer) == 0
            left = self.batch.tasks[number:]
            if failed or (left and self._is_over()):
                if left:
                    lanes.put_back(self.batch, left)
                if not failed and self.batch.lane not in self.then:
                    self.then.append(self.batch.lane)
                return number
        return len(self.batch.tasks)

    def _is_over(self) -> bool:
        return time.monotonic() > self._until

    def _try(self, batch: Batch, consumer: Consumer) -> int | None:
        """Handle a batch. Returns how many were done, 0 for a failure that was stored, None where
        it is not known which of several failed."""
        with hints.collected() as left:
            try:
                more, taken = _handle(batch, consumer, self._takes_next)
            except (Exception, SystemExit) as error:  # noqa: BLE001  -- a handler may raise anything
                return self._ended_otherwise(batch, error)
        self._after(batch, list(left), more=more, taken=taken)
        return len(batch.tasks)

    def _ended_otherwise(self, batch: Batch, error: BaseException) -> int | None:
        if isinstance(error, LeaseLost):
            log.warning("%s of %s were taken over", batch.ids, batch.consumer)
        elif is_trouble(error):
            _put_back_in_trouble(batch, error)
        elif len(batch.tasks) > 1:
            return None
        elif isinstance(error, LeftToOthers):
            lanes.leave(batch, batch.tasks[0])
        else:
            log.error("task %s of %s failed", batch.ids, batch.consumer, exc_info=error)
            self._fail(batch, words_of(error, lanes.ERROR_LENGTH))
        return 0

    def _takes_next(self, work: Work) -> bool:
        """Whether the lane of `work` is leased with what it rests on: it is worked at once then. It
        is not where the tasks of a batch are handled apart: nobody would keep its lease."""
        return self._goes_on(work) and not self._apart and not self._is_over()

    def _after(self, batch: Batch, left: list[Work], *, more: bool, taken: Batch | None) -> None:
        if taken is not None:
            self.then.append(taken)
        for work in left:
            at = work.lane if isinstance(work, LaneWork) else None
            if at == batch.lane or (taken is not None and at == taken.lane):
                continue
            if at is not None and self._goes_on(work):
                self.then.append(at)
            else:
                self.others.append(work)
        if more and batch.lane not in self.then:
            self.then.append(batch.lane)

    def _fail(self, batch: Batch, error: str) -> None:
        with hints.collected() as left, transaction.atomic(durable=True):
            set_tenant(batch.lane.tenant_id)
            for task in batch.tasks:
                died = lanes.fail(batch, task, error)
        if died:
            # It may be stepped over.
            self.then.append(batch.lane)
        self.others += left


def _handle(batch: Batch, consumer: Consumer, goes_on: Chosen) -> tuple[bool, Batch | None]:
    """Handle a batch and mark it done. Returns whether its lane has more that is due, and what was
    leased on the way: the first lane it has left work in that this worker goes on with."""
    marked: list[tuple[Callable[[], bool], Callable[[], Batch | None]]] = []

    def done() -> None:
        failpoints.reach("dispatch.before_done")
        if batch.troubled:
            consumer.goes_on(batch.events[0])
        more = lanes.finish(batch)
        marked.append((more, _take_next(batch, goes_on)))

    try:
        consumer.handle(batch.events, done)
        failpoints.reach("dispatch.handled")
        if not marked:
            with transaction.atomic(durable=True):
                set_tenant(batch.lane.tenant_id)
                done()
    except DatabaseError as error:
        if lanes.is_lost(error):
            raise LeaseLost(f"tasks {batch.ids} of {batch.consumer} were taken over") from error
        raise
    more, taken = marked[-1]
    return more(), taken()


def _take_next(batch: Batch, goes_on: Chosen) -> Callable[[], Batch | None]:
    for work in hints.pending():
        if isinstance(work, LaneWork) and work.lane != batch.lane and goes_on(work):
            return lanes.take_within(work.lane)
    return lambda: None


def _note_trouble(batch: Batch, consumer: Consumer | None, words: str) -> None:
    """Put a batch back. Trouble that lasts is told where it holds something up; where it does not,
    it counts from then on, so that others in the lane are stepped over to."""
    first, *others = batch.tasks
    lasts = lanes.troubled(batch, words)
    if lasts and consumer is not None and not consumer.holds:
        lanes.fail(batch, first, words)
    else:
        others = list(batch.tasks)
    if lasts and consumer is not None and consumer.holds:
        consumer.stopped(first.event, words)
    lanes.put_back_within(batch, others, pause=TROUBLE_PAUSE_SECONDS)


def _put_back_in_trouble(batch: Batch, error: BaseException) -> None:
    """Put a batch back uncounted, and note since when there is trouble, if it counts. The database
    may be away itself: it is waited for as long as the lease may last."""
    words = words_of(error, lanes.ERROR_LENGTH)
    log.warning("trouble while handling %s of %s: %s", batch.ids, batch.consumer, words)
    consumer = consumer_named(batch.consumer)
    counts = not isinstance(error, Trouble) or error.counts

    def put_back() -> None:
        if not counts:
            lanes.put_back(batch, batch.tasks, pause=TROUBLE_PAUSE_SECONDS)
            return
        with transaction.atomic(durable=True):
            set_tenant(batch.lane.tenant_id)
            _note_trouble(batch, consumer, words)

    close_old_connections()
    # Where it stays away, the lease runs out.
    with contextlib.suppress(OperationalError, InterfaceError):
        once_it_answers(put_back)
