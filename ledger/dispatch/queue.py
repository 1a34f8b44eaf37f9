"""Claiming, finishing and failing outbox tasks. Leases use the database's clock."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection

from ledger.dispatch.registry import Event, holding_consumers
from ledger.ids import new_token
from ledger.tenancy import system_scope

LEASE_SECONDS = 10
BACKOFF_CAP_SECONDS = 60

# A task is due when nothing older of its lane is unfinished and nothing else of it is leased.
_DUE = """
    t.done_at IS NULL AND t.dead_at IS NULL AND t.next_attempt_at <= now()
    AND (t.leased_until IS NULL OR t.leased_until < now())
    AND NOT EXISTS (
        SELECT 1 FROM ledger_outboxtask e
        WHERE e.consumer = t.consumer AND e.shard = t.shard AND e.done_at IS NULL
          AND ((e.id < t.id AND (e.dead_at IS NULL OR e.consumer = ANY(%(holding)s)))
               OR (e.id <> t.id AND e.leased_until >= now())))
"""
_CANDIDATES = f"""
SELECT t.id FROM ledger_outboxtask t WHERE {_DUE}
  AND pg_try_advisory_xact_lock(hashtextextended(t.consumer || t.shard::text, 0))
ORDER BY t.next_attempt_at, t.id LIMIT %(limit)s
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


def claim(limit: int) -> list[Claimed]:
    """Lease up to `limit` due tasks, each the oldest of its lane, and commit the leases."""
    token = new_token()
    params: dict[str, Any] = {
        "limit": limit,
        "holding": holding_consumers(),
        "lease": LEASE_SECONDS,
        "token": token,
    }
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, params)
        params["ids"] = [row[0] for row in cursor.fetchall()]
        if not params["ids"]:
            return []
        cursor.execute(_LEASE, params)
        leased = cursor.fetchall()
        cursor.execute(_EVENTS, [[row[3] for row in leased]])
        events = {row[0]: _event(row) for row in cursor.fetchall()}
    return [
        Claimed(id_, consumer, attempts, token, events[event_id])
        for id_, consumer, attempts, event_id in sorted(leased)
    ]


def _event(row: Sequence[Any]) -> Event:
    return Event(row[0], bytes(row[1]), *row[2:])


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


def fail(task: Claimed, error: str, *, max_attempts: int) -> bool:
    """Put `task` back with back-off, or bury it after its last attempt. Returns whether it died."""
    dead = task.attempts >= max_attempts
    wait = min(2 ** (task.attempts - 1), BACKOFF_CAP_SECONDS)
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_outboxtask SET leased_until = NULL, lease_token = NULL, last_error = %s,"
            " next_attempt_at = now() + make_interval(secs => %s),"
            " dead_at = CASE WHEN %s THEN now() END"
            " WHERE id = %s AND lease_token = %s AND done_at IS NULL",
            [error[:2000], wait, dead, task.id, task.token],
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
    """Make dead tasks due again, with fresh attempts; all of them for None. Returns how many."""
    with system_scope("dispatch"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_outboxtask SET dead_at = NULL, attempts = 0, next_attempt_at = now()"
            " WHERE dead_at IS NOT NULL AND done_at IS NULL"
            " AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))",
            {"ids": None if ids is None else list(ids)},
        )
        return int(cursor.rowcount)
