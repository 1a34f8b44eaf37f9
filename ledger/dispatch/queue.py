"""Claiming, finishing and failing outbox tasks. Leases use the database's clock."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection

from ledger.clock import now
from ledger.dispatch.consumer_registry import (
    Event,
    consumer_named,
    consumer_names,
    holding_consumers,
    lane_sharers,
)
from ledger.faults import storable
from ledger.ids import new_token
from ledger.tenancy import system_scope

LEASE_SECONDS = 10
BACKOFF_CAP_SECONDS = 60

#: How many more lanes are looked at than are wanted: other workers may be claiming the first ones.
_LOOK_FURTHER = 24
#: How long a task waits for a program that knows its consumer before it is given up.
STRANGE_SECONDS = 24 * 60 * 60
#: How long a task that was left to others rests before anybody looks at it again.
LEAVE_SECONDS = 5
ERROR_LENGTH = 2000

# A task is due when nothing older of its lane is unfinished and nothing else of it is leased. One
# whose consumer this program does not know is left to those that do (while versions are exchanged,
# a new one's news must not die with an old worker), unless it has been due for a day.
_DUE = """
    t.done_at IS NULL AND t.dead_at IS NULL AND t.next_attempt_at <= now()
    AND (t.leased_until IS NULL OR t.leased_until < now())
    AND (t.consumer = ANY(%(known)s)
         OR t.next_attempt_at < now() - make_interval(secs => %(strange)s))
    AND NOT EXISTS (
        SELECT 1 FROM ledger_outboxtask e
        WHERE e.consumer = ANY(CASE WHEN t.consumer = ANY(%(sharing)s) THEN %(sharing)s
                               ELSE ARRAY[t.consumer] END)
          AND e.shard = t.shard AND e.done_at IS NULL
          AND ((e.id < t.id AND (e.dead_at IS NULL OR e.consumer = ANY(%(holding)s)))
               OR (e.id <> t.id AND e.leased_until >= now())))
"""
# The lanes are locked outside the bounded search: a lock in its WHERE would be taken for each row
# that is sorted, tens of thousands where many are due at one instant.
_CANDIDATES = f"""
WITH due AS MATERIALIZED (
    SELECT t.id, t.consumer, t.shard FROM ledger_outboxtask t WHERE {_DUE}
    ORDER BY t.next_attempt_at, t.id LIMIT %(look)s)
SELECT id FROM due
WHERE pg_try_advisory_xact_lock(hashtextextended(
    CASE WHEN consumer = ANY(%(sharing)s) THEN 'shared' ELSE consumer END || shard::text, 0))
LIMIT %(limit)s
"""  # noqa: S608  -- built of constants
# Asked again, in a statement of its own and therefore on a newer snapshot, under the lane's
# advisory lock: a worker that leased another task of the lane between the two has committed by now.
_LEASE = f"""
UPDATE ledger_outboxtask t
SET leased_until = now() + make_interval(secs => %(lease)s), lease_token = %(token)s,
    attempts = t.attempts + 1
WHERE t.id = ANY(%(ids)s) AND {_DUE}
RETURNING t.id, t.consumer, t.attempts, t.event_id
"""  # noqa: S608  -- built of constants
_EXTEND = """
UPDATE ledger_outboxtask SET leased_until = now() + make_interval(secs => %s)
WHERE id = %s AND lease_token = %s AND done_at IS NULL
"""
_LEAVE = """
UPDATE ledger_outboxtask
SET leased_until = NULL, lease_token = NULL, attempts = attempts - 1,
    next_attempt_at = now() + make_interval(secs => %s)
WHERE id = %s AND lease_token = %s AND done_at IS NULL
"""
_BURY = """
UPDATE ledger_outboxtask
SET dead_at = now(), attempts = attempts - 1, leased_until = NULL, lease_token = NULL,
    last_error = %s
WHERE id = %s
"""
_EVENTS = """
SELECT e.id, e.hash, e.tenant_id, o.type, e.action, e.subject_type, e.subject_id, e.subject_version,
       e.case_id, e.from_status, e.to_status, e.actor_id, e.correlation_id, e.at
FROM ledger_outboxevent o JOIN ledger_ledgerentry e ON e.id = o.id
WHERE o.id = ANY(%s)
"""


class LeaseLost(RuntimeError):
    """Another worker took the task over; whatever this one did must not be committed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """One leased task with its event."""

    id: int
    consumer: str
    attempts: int
    token: uuid.UUID
    event: Event


@dataclasses.dataclass(frozen=True, slots=True)
class _Leased:
    id: int
    consumer: str
    attempts: int
    event_id: uuid.UUID

    @property
    def allowed(self) -> int:
        known = consumer_named(self.consumer)
        # Of a consumer that nobody knows: it is the runner that says so, with its reason.
        return self.attempts if known is None else known.max_attempts


def claim(limit: int) -> list[Claimed]:
    """Lease up to `limit` due tasks, each the oldest of its lane, and commit the leases.

    One that has used up its attempts without ever failing killed its workers: it is buried here.
    """
    while True:
        claimed, buried = _claim(limit)
        if claimed or not buried:
            return claimed


def _claim(limit: int) -> tuple[list[Claimed], int]:
    """Return what was leased, and how many were buried instead."""
    token = new_token()
    params: dict[str, Any] = {
        "limit": limit,
        "look": limit + _LOOK_FURTHER,
        "known": consumer_names(),
        "strange": STRANGE_SECONDS,
        "holding": holding_consumers(),
        "sharing": lane_sharers(),
        "lease": LEASE_SECONDS,
        "token": token,
    }
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, params)
        params["ids"] = [row[0] for row in cursor.fetchall()]
        if not params["ids"]:
            return [], 0
        cursor.execute(_LEASE, params)
        leased = [_Leased(*row) for row in sorted(cursor.fetchall())]
        spent = [task for task in leased if task.attempts > task.allowed]
        for task in spent:
            words = f"the worker died during the last of {task.attempts - 1} attempts"
            cursor.execute(_BURY, [words, task.id])
        wanted = [task for task in leased if task not in spent]
        cursor.execute(_EVENTS, [[task.event_id for task in wanted]])
        events = {row[0]: _event(row) for row in cursor.fetchall()}
    claimed = [
        Claimed(task.id, task.consumer, task.attempts, token, events[task.event_id])
        for task in wanted
    ]
    return claimed, len(spent)


def _event(row: Sequence[Any]) -> Event:
    return Event(row[0], bytes(row[1]), *row[2:])


def extend(task: Claimed) -> bool:
    """Extend the lease of `task`, committed at once. False: it was taken over, or is done."""
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(_EXTEND, [LEASE_SECONDS, task.id, task.token])
        return int(cursor.rowcount) == 1


def finish(task: Claimed) -> None:
    """Mark `task` done in the caller's transaction. Raises LeaseLost when the lease is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_outboxtask SET done_at = now(), leased_until = NULL, last_error = ''"
            " WHERE id = %s AND lease_token = %s AND done_at IS NULL",
            [task.id, task.token],
        )
        if cursor.rowcount != 1:
            raise LeaseLost(f"task {task.id} of {task.consumer} was taken over")


def leave(task: Claimed) -> None:
    """Put `task` back for a program that knows what it is about, without counting the attempt.

    It is given up when none has come within a day.
    """
    age = now() - task.event.at
    if age.total_seconds() > STRANGE_SECONDS:
        fail(task, f"nobody knows {task.event.subject_type!r}", max_attempts=1)
        return
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(_LEAVE, [LEAVE_SECONDS, task.id, task.token])


def fail(task: Claimed, error: str, *, max_attempts: int) -> bool:
    """Put `task` back with back-off, or bury it after its last attempt. Returns whether it died."""
    dead = task.attempts >= max_attempts
    wait = min(2 ** min(task.attempts - 1, 16), BACKOFF_CAP_SECONDS)
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_outboxtask SET leased_until = NULL, lease_token = NULL, last_error = %s,"
            " next_attempt_at = now() + make_interval(secs => %s),"
            " dead_at = CASE WHEN %s THEN now() END"
            " WHERE id = %s AND lease_token = %s AND done_at IS NULL",
            [storable(error, ERROR_LENGTH), wait, dead, task.id, task.token],
        )
    return dead


@dataclasses.dataclass(frozen=True, slots=True)
class DeadLetter:
    """A task that used up its attempts."""

    id: int
    tenant_id: uuid.UUID
    consumer: str
    event_type: str
    subject_id: uuid.UUID
    attempts: int
    last_error: str


def dead_letters() -> list[DeadLetter]:
    """Return every dead task, oldest first."""
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.id, t.tenant_id, t.consumer, o.type, o.subject_id, t.attempts, t.last_error"
            " FROM ledger_outboxtask t JOIN ledger_outboxevent o ON o.id = t.event_id"
            " WHERE t.dead_at IS NOT NULL AND t.done_at IS NULL ORDER BY t.id"
        )
        return [DeadLetter(*row) for row in cursor.fetchall()]


def revive(ids: Sequence[int] | None) -> int:
    """Make dead tasks due again, with fresh attempts; all of them for None. Returns how many.

    Each gets an instant of its own, so that a great many do not fall due as one.
    """
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_outboxtask SET dead_at = NULL, attempts = 0,"
            " next_attempt_at = clock_timestamp()"
            " WHERE dead_at IS NOT NULL AND done_at IS NULL"
            " AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))",
            {"ids": None if ids is None else list(ids)},
        )
        return int(cursor.rowcount)
