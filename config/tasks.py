"""Every Celery task: each takes the lease of what its message names, or goes away."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import signal
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import Error as DatabaseError
from django.db import close_old_connections

from config import row_slots
from config.celery import app
from config.publishing import LANE_TASK, ROW_TASK
from ledger.dispatch import hints, runner
from ledger.dispatch.consumer_registry import (
    consumers_in,
    is_short,
    runs_programs,
    source_named,
    sources,
)
from ledger.dispatch.hints import LaneWork, RowWork, Work
from ledger.dispatch.lanes import Lane
from ledger.dispatch.lease_table import QUEUES

log = logging.getLogger(__name__)
#: How often a process looks whether another tenant waits behind a flood, and for how long one must
#: have waited to be let in before it.
_LOOK_SECONDS = 0.25
_looked_at = 0.0
_told_at = 0.0


@app.task(name=LANE_TASK)
def lane(*said: Any) -> None:
    """Do all that is due in one lane, and then what another tenant has waited with, for which it
    gives way."""
    try:
        tenant_id, name, shard = said
        at = Lane(uuid.UUID(tenant_id), name, uuid.UUID(shard))
    except (ValueError, AttributeError, TypeError):
        at = None
    if at is None or not consumers_in(at.name):
        log.warning("dropped a message that names no lane")
        return
    # One turn for all of it: the time limit of the message is that of one handler more.
    until = time.monotonic() + runner.TURN_SECONDS
    waiting: list[LaneWork] = []

    def others_wait() -> bool:
        waiting.extend(
            work for work in _waiting_elsewhere(at.tenant_id) if isinstance(work, LaneWork)
        )
        return any(_is_as_urgent(work, lane) for work in waiting)

    try:
        with _killed_at_once():
            runner.work_lane(at, goes_on=_is_ours, until=until, gives_way=others_wait)
            others_wait()
            for work in dict.fromkeys(waiting):
                if time.monotonic() < until:
                    runner.work_lane(work.lane, goes_on=_is_ours, until=until)
                elif _is_as_urgent(work, lane):
                    # What took so long may have more messages, which stand before this.
                    hints.publish([dataclasses.replace(work, overtakes=True)])
    except DatabaseError as error:
        _gave_up(error)


@app.task(name=ROW_TASK)
def row(*said: Any) -> None:
    """Do the work of one due row, or of another tenant's that has waited longer; then others are
    told of this one again."""
    named = _row_of(said)
    if named is None:
        log.warning("dropped a message that names no row")
        return
    try:
        with _killed_at_once():
            for work in _waiting_elsewhere(named.tenant_id):
                if not isinstance(work, RowWork):
                    continue
                if work.seconds > named.seconds:
                    # Under this message it would be killed before its time: who is free next does.
                    if _is_as_urgent(work, row):
                        hints.publish([dataclasses.replace(work, overtakes=True)])
                elif _work_row(work):
                    hints.publish([dataclasses.replace(named, queue=work.queue)])
                    return
            _work_row(named)
    except DatabaseError as error:
        _gave_up(error)


def _row_of(said: Sequence[Any]) -> RowWork | None:
    """Return the row that a message names, if it names one."""
    try:
        source, tenant_id, id_, seconds = said
        named = RowWork("", source, uuid.UUID(tenant_id), uuid.UUID(id_), float(seconds))
        return named if source_named(source) is not None else None
    except (ValueError, AttributeError, TypeError, OverflowError):
        return None


def _is_as_urgent(work: Work, task: Any) -> bool:
    """Whether work is no less urgent than the message of a task: what is less so waits for all of
    that queue."""
    queue = (task.request.delivery_info or {}).get("routing_key")
    return queue in QUEUES and QUEUES.index(work.queue) <= QUEUES.index(queue)


def _work_row(work: RowWork) -> bool:
    """Do the work of a row; whether there was any, and a slot if it takes one. Where there was none
    the other processes of this pool are at programs, or this tenant has as many as it may, and what
    is free is for others: the sweep tells of the row again."""
    with _slot(work) as free:
        done = free and runner.work_row(work.source, work.tenant_id, work.id)
    if done and _takes_slot(work):
        _tell_who_found_none(work)
    return done


def _tell_who_found_none(work: RowWork) -> None:
    """Tell of what may have found no slot while a row had one, and gone away without a word: of the
    same kind, and of every other kind of that tenant, which else would never come before it."""
    queues = list(app.amqp.queues.consume_from)
    hints.publish(runner.longest_waiting(work.source, queues))
    for source in _beside(work.source):
        found = runner.longest_waiting(source, queues)
        theirs = [each for each in found if each.tenant_id == work.tenant_id]
        hints.publish([dataclasses.replace(each, overtakes=True) for each in theirs])


def _beside(source: str) -> list[str]:
    """Return the other sources whose rows find their slots among the same, not more often than
    `_LOOK_SECONDS`: rows that are done quickly are in nobody's way."""
    global _told_at  # noqa: PLW0603  -- one a process
    moment = time.monotonic()
    if moment - _told_at < _LOOK_SECONDS:
        return []
    _told_at = moment
    program = runs_programs(source)
    alike = (each for each in sources() if not each.short and each.programs == program)
    return [each.name for each in alike if each.name != source]


def _takes_slot(work: RowWork) -> bool:
    return not is_short(work.source) and set(app.amqp.queues.consume_from) != {"work"}


@contextlib.contextmanager
def _slot(work: RowWork) -> Iterator[bool]:
    """Whether this process may be at a row now; in a pool that hears more than `work`, not all of
    them may be at what is not short."""
    if not _takes_slot(work):
        yield True
        return
    slot = row_slots.take(
        app.conf.worker_concurrency or 1, work.tenant_id, program=runs_programs(work.source)
    )
    try:
        yield slot is not None
    finally:
        if slot is not None:
            row_slots.give_back(slot)


@contextlib.contextmanager
def _killed_at_once() -> Iterator[None]:
    """Let a process that is killed at its time limit die without a word, as it would on a machine
    that loses power: an exception in the middle of a handler would be taken for its answer."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_ours(work: Work) -> bool:
    """Whether this worker goes on with what its own commit has left: it hears that queue."""
    return isinstance(work, LaneWork) and work.queue in app.amqp.queues.consume_from


def _waiting_elsewhere(tenant_id: uuid.UUID) -> list[Work]:
    """Return the oldest work of each other tenant in this worker's queues that has waited behind a
    flood; not more often than `_LOOK_SECONDS`."""
    global _looked_at  # noqa: PLW0603  -- one a process
    moment = time.monotonic()
    if moment - _looked_at < _LOOK_SECONDS:
        return []
    _looked_at = moment
    queues = [name for name in QUEUES if name in app.amqp.queues.consume_from]
    return runner.find_due(queues, limit=20, untaken=_LOOK_SECONDS, each=1, but=tenant_id)


def _gave_up(error: DatabaseError) -> None:
    """The database does not answer: the work stays due, and the sweep tells of it again."""
    log.warning("the database does not answer: %s", error)
    close_old_connections()
