"""Lanes: the tasks of one group of consumers about one shard, worked by one worker at a time.

Leasing, finishing, failing and putting back. Everything is on the database's clock. A lane's tasks
are leased together, as many as one transaction may handle, and finished by one statement whose
count must be theirs.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import DatabaseError, connection, transaction

from ledger.dispatch import lane_sql
from ledger.dispatch.consumer_registry import (
    Event,
    consumer_named,
    consumer_names,
    consumers_in,
    holding_consumers,
)
from ledger.dispatch.lease_table import (
    QUEUES,
    TROUBLE_SECONDS,
    parameters,
    search,
)
from ledger.faults import sqlstate_of, storable
from ledger.ids import new_token
from ledger.statements import soon
from ledger.tenancy import set_tenant, system_scope

LEASE_SECONDS = 10
BACKOFF_CAP_SECONDS = 60
#: How long a task waits for a program that knows its consumer before it is given up.
STRANGE_SECONDS = 24 * 60 * 60
#: How long a task that was left to others rests before anybody looks at it again.
LEAVE_SECONDS = 5
ERROR_LENGTH = 2000
_SEARCH = search(
    "ledger_outboxtask", keys="t.lane, t.shard", due_at="due_at", waiting=lane_sql.WAITING,
    order="t.id", ready=lane_sql.READY,
)  # fmt: skip


class LeaseLost(RuntimeError):
    """Another worker took the lane over; whatever this one did must not be committed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Lane:
    """One lane of one tenant. `name` is that of its consumer, or of those that share it."""

    tenant_id: uuid.UUID
    name: str
    shard: uuid.UUID


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """One leased task with its event."""

    id: int
    attempts: int
    event: Event


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """What was leased of a lane: tasks of one consumer, in their order, under one token.
    `troubled`: the first of them has been dead or in trouble before."""

    lane: Lane
    consumer: str
    token: uuid.UUID
    tasks: tuple[Task, ...]
    troubled: bool = False

    @property
    def ids(self) -> list[int]:
        """The ids of its tasks."""
        return [task.id for task in self.tasks]

    @property
    def events(self) -> list[Event]:
        """The events of its tasks."""
        return [task.event for task in self.tasks]

    def alone(self, task: Task) -> Batch:
        """Return one of its tasks under the same lease."""
        return dataclasses.replace(self, tasks=(task,))


def due(
    queues: Sequence[str],
    *,
    limit: int,
    untaken: float = 0.0,
    each: int | None = None,
    but: uuid.UUID | None = None,
) -> list[tuple[str, Lane]]:
    """Return (queue, lane) of up to `limit` lanes of each queue with work that has been due and
    unleased for `untaken` seconds: queue by queue, and within each the tenants take turns. At most
    `each` of one tenant in a queue, and none of the tenant `but`."""
    said: dict[str, Any] = {"known": consumer_names(), "strange": STRANGE_SECONDS}
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(
            _SEARCH,
            {**parameters(queues, limit=limit, untaken=untaken, each=each, but=but), **said},
        )
        found = [(row[0], Lane(row[1], row[2], row[3])) for row in cursor.fetchall()]
    return list(dict.fromkeys(found))


def queue_of(lane: Lane) -> str | None:
    """Return the queue of the most urgent that waits in a lane; None where nothing does."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        set_tenant(lane.tenant_id)
        cursor.execute(
            f"SELECT t.queue FROM ledger_outboxtask t WHERE {lane_sql.WAITING}"  # noqa: S608  -- own words
            " AND t.tenant_id = %s AND t.lane = %s AND t.shard = %s"
            " ORDER BY array_position(%s, t.queue::text) LIMIT 1",
            [lane.tenant_id, lane.name, lane.shard, list(QUEUES)],
        )
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def take(lane: Lane) -> Batch | None:
    """Lease what is due of a lane and commit the lease; None where nothing is, or another has it.

    What has used up its attempts without ever failing killed its workers: it is buried here.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a lease is committed before its work begins")
    while True:
        # A transaction of its own, which is begun and committed with the one statement.
        batch = take_within(lane, flush=False)()
        spent = [] if batch is None else _spent(batch)
        if batch is None or not spent:
            return batch
        _bury(batch, spent)


def take_within(lane: Lane, *, flush: bool = True) -> Callable[[], Batch | None]:
    """Lease what is due of a lane in the caller's transaction, whose commit is the lease's: with
    the next statement there, or with that commit. Returns what says what was leased.

    For what the same worker will do next anyway. Without `flush` the commit does not wait for the
    disk: a lease that a crash loses is one that nobody holds any more.
    """
    token = new_token()
    sharing = consumers_in(lane.name)
    most = min((each.at_once for each in sharing), default=1)
    given = [
        lane.tenant_id, lane.name, lane.shard, token, LEASE_SECONDS, most,
        consumer_names(), holding_consumers(), STRANGE_SECONDS, flush,
    ]  # fmt: skip
    answer = soon(lane_sql.TAKE, given)

    def taken() -> Batch | None:
        rows = answer().rows
        if not rows:
            return None
        tasks = tuple(Task(row[0], row[2], _event(row[4:])) for row in rows)
        return Batch(lane, rows[0][1], token, tasks, troubled=rows[0][3])

    return taken


def _event(row: Sequence[Any]) -> Event:
    return Event(row[0], bytes(row[1]), *row[2:])


def _bury(batch: Batch, spent: Sequence[Task]) -> None:
    left = [task for task in batch.tasks if task not in spent]
    with transaction.atomic(durable=True):
        set_tenant(batch.lane.tenant_id)
        for task in spent:
            # The lease counted an attempt that nobody made.
            words = f"the worker died during the last of {task.attempts - 1} attempts"
            end_attempt(batch, task, words, pause=0, dead=True)
        with connection.cursor() as cursor:
            cursor.execute(lane_sql.UNCOUNT, [[task.id for task in spent]])
    if left:
        put_back(batch, left)


def _spent(batch: Batch) -> list[Task]:
    known = consumer_named(batch.consumer)
    if known is None:
        # It is the runner that says so, with its reason.
        return []
    return [task for task in batch.tasks if task.attempts > known.max_attempts]


def extend(batch: Batch) -> bool:
    """Extend the lease, committed at once. False: it was taken over, or is done."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        set_tenant(batch.lane.tenant_id)
        cursor.execute(lane_sql.EXTEND, [LEASE_SECONDS, batch.ids, batch.token])
        # Those of a batch that is handled one by one are done one after the other.
        return int(cursor.rowcount) > 0


def finish(batch: Batch) -> Callable[[], bool]:
    """Mark all of it done in the caller's transaction, with the next statement there or with its
    commit. Returns what says whether the lane has more that is due.

    Where the lease of any of it is gone, that statement or the commit fails (`is_lost`).
    """
    lane = batch.lane
    said: dict[str, Any] = {"tenant": lane.tenant_id, "lane": lane.name, "shard": lane.shard}
    said |= {"ids": batch.ids, "token": batch.token}
    answer = soon(lane_sql.FINISH, said)
    return lambda: bool(answer().rows[0][0])


def is_lost(error: DatabaseError) -> bool:
    """Whether the database has said that a lease is not what it was."""
    return sqlstate_of(error) == lane_sql.LOST


def put_back(batch: Batch, tasks: Sequence[Task], *, pause: float = 0) -> None:
    """Put tasks back without counting the attempt."""
    with transaction.atomic(durable=True):
        set_tenant(batch.lane.tenant_id)
        put_back_within(batch, tasks, pause=pause)


def put_back_within(batch: Batch, tasks: Sequence[Task], *, pause: float = 0) -> None:
    """The same in the caller's transaction."""
    with connection.cursor() as cursor:
        ids = [task.id for task in tasks]
        cursor.execute(lane_sql.PUT_BACK, [pause, ids, batch.token])


def leave(batch: Batch, task: Task) -> None:
    """Put a task back for a program that knows what it is about, without counting the attempt.

    It is given up when none has come within a day.
    """
    words = f"nobody knows {task.event.subject_type!r}"
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        set_tenant(batch.lane.tenant_id)
        cursor.execute(
            lane_sql.LEAVE,
            [LEAVE_SECONDS, STRANGE_SECONDS, words, STRANGE_SECONDS, task.id, batch.token],
        )
        row = cursor.fetchone()
        consumer = consumer_named(batch.consumer)
        if row is not None and row[0] and consumer is not None and consumer.holds:
            consumer.stopped(task.event, words)


def troubled(batch: Batch, error: str) -> bool:
    """Note trouble of our own at the first task, in the caller's transaction; whether it has lasted
    for so long that people must know."""
    with connection.cursor() as cursor:
        text = storable(error, ERROR_LENGTH)
        cursor.execute(lane_sql.TROUBLED, [text, batch.tasks[0].id, TROUBLE_SECONDS])
        row = cursor.fetchone()
    return row is not None and bool(row[0])


def fail(batch: Batch, task: Task, error: str) -> bool:
    """Put a task back with back-off, or bury it after its last attempt, in the caller's
    transaction. Whether it died."""
    consumer = consumer_named(batch.consumer)
    dead = consumer is None or task.attempts >= consumer.max_attempts
    pause = min(2 ** min(task.attempts - 1, 16), BACKOFF_CAP_SECONDS)
    end_attempt(batch, task, error, pause=pause, dead=dead)
    return dead


def end_attempt(batch: Batch, task: Task, error: str, *, pause: float, dead: bool) -> None:
    """Store how an attempt ended, in the caller's transaction. A dead task of a consumer that holds
    its lane is told to whom it concerns by the same transaction: nothing stops unseen."""
    text = storable(error, ERROR_LENGTH)
    with connection.cursor() as cursor:
        cursor.execute(lane_sql.FAIL, [pause, text, dead, task.id, batch.token])
        ours = cursor.rowcount == 1
    consumer = consumer_named(batch.consumer)
    if ours and dead and consumer is not None and consumer.holds:
        consumer.stopped(task.event, text)
