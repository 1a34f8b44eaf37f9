"""Every Celery task: each takes the lease of what its message names, or goes away."""

from __future__ import annotations

import contextlib
import logging
import signal
import time
import uuid
from collections.abc import Iterator

from django.db import Error as DatabaseError
from django.db import close_old_connections

from config.celery import app
from config.publishing import LANE_TASK, ROW_TASK
from ledger.dispatch import runner
from ledger.dispatch.hints import LaneWork, RowWork, Work
from ledger.dispatch.lanes import Lane
from ledger.dispatch.lease_table import QUEUES

log = logging.getLogger(__name__)
#: How often a process looks whether another tenant waits behind a flood, and for how long one must
#: have waited to be let in before it.
_LOOK_SECONDS = 0.25
_looked_at = 0.0


@app.task(name=LANE_TASK)
def lane(tenant_id: str, name: str, shard: str) -> None:
    """Do all that is due in one lane."""
    try:
        at = Lane(uuid.UUID(tenant_id), str(name), uuid.UUID(shard))
    except (ValueError, AttributeError, TypeError):
        log.warning("dropped a message that names no lane")
        return
    try:
        with _killed_at_once():
            runner.work_lane(at, goes_on=_is_ours)
            for work in _waiting_elsewhere(at.tenant_id):
                if isinstance(work, LaneWork):
                    runner.work_lane(work.lane, goes_on=_is_ours)
    except DatabaseError as error:
        _gave_up(error)


@app.task(name=ROW_TASK)
def row(source: str, tenant_id: str, id_: str, seconds: float) -> None:
    """Do the work of one due row, or of another tenant's that has waited longer: then the sweep
    finds this one again."""
    try:
        named = RowWork("", str(source), uuid.UUID(tenant_id), uuid.UUID(id_), float(seconds))
    except (ValueError, AttributeError, TypeError):
        log.warning("dropped a message that names no row")
        return
    try:
        fits = (
            each
            for each in _waiting_elsewhere(named.tenant_id)
            if isinstance(each, RowWork) and each.seconds <= named.seconds
        )
        with _killed_at_once():
            for work in (*fits, named):
                if runner.work_row(work.source, work.tenant_id, work.id):
                    return
    except LookupError as error:
        log.warning("dropped a message: %s", error)
    except DatabaseError as error:
        _gave_up(error)


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
    found = runner.find_due(queues, limit=20, untaken=_LOOK_SECONDS)
    first: dict[uuid.UUID, Work] = {}
    for work in found:
        of = work.lane.tenant_id if isinstance(work, LaneWork) else work.tenant_id
        if of != tenant_id:
            first.setdefault(of, work)
    return list(first.values())


def _gave_up(error: DatabaseError) -> None:
    """The database does not answer: the work stays due, and the sweep tells of it again."""
    log.warning("the database does not answer: %s", error)
    close_old_connections()
