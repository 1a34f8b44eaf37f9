"""Tasks that used up their attempts: which there are, and making them due again."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence

from django.db import connection

from ledger.dispatch.lanes import Lane
from ledger.tenancy import system_scope

_LIST = """
SELECT t.id, t.tenant_id, t.consumer, o.type, o.subject_id, t.attempts, t.last_error
FROM ledger_outboxtask t JOIN ledger_outboxevent o ON o.id = t.event_id
WHERE t.dead_at IS NOT NULL AND t.done_at IS NULL ORDER BY t.id
"""
# Whoever takes a lane at this instant may still see its dead head, and park what came behind it:
# either that is over when the head is revived, or it begins afterwards.
_LOCK_LANE = "SELECT pg_advisory_xact_lock(hashtextextended(%s::text || %s::uuid::text, 0))"
_LOCK_DEAD = """
SELECT pg_advisory_xact_lock(hashtextextended(d.lane || d.shard::text, 0)) FROM (
    SELECT DISTINCT lane, shard FROM ledger_outboxtask
    WHERE dead_at IS NOT NULL AND done_at IS NULL
      AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
    ORDER BY lane, shard) d
"""
_FRESH = """dead_at = NULL, attempts = 0, due_at = ledger_now(),
    troubled_since = coalesce(troubled_since, ledger_now())"""
# Each gets an instant of its own, so that a great many do not fall due as one. What was parked
# behind it waits in its lane's order again.
_REVIVE = f"""
WITH revived AS (
    UPDATE ledger_outboxtask SET {_FRESH}
    WHERE dead_at IS NOT NULL AND done_at IS NULL
      AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
    RETURNING id, tenant_id, lane, shard), unparked AS (
    UPDATE ledger_outboxtask t SET parked_at = NULL FROM revived r
    WHERE t.tenant_id = r.tenant_id AND t.lane = r.lane AND t.shard = r.shard
      AND t.parked_at IS NOT NULL AND t.done_at IS NULL)
SELECT count(*) FROM revived
"""  # noqa: S608  -- built of constants
_REVIVE_LANE = f"""
UPDATE ledger_outboxtask
SET {_FRESH}, parked_at = NULL
WHERE tenant_id = %s AND lane = %s AND shard = %s AND done_at IS NULL
  AND (dead_at IS NOT NULL OR parked_at IS NOT NULL OR due_at > ledger_now())
"""  # noqa: S608  -- built of constants


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
        cursor.execute(_LIST)
        return [DeadLetter(*row) for row in cursor.fetchall()]


def revive(ids: Sequence[int] | None) -> int:
    """Make dead tasks due again, with fresh attempts; all of them for None. Returns how many."""
    with system_scope("dispatch"), connection.cursor() as cursor:
        wanted = {"ids": None if ids is None else list(ids)}
        cursor.execute(_LOCK_DEAD, wanted)
        cursor.execute(_REVIVE, wanted)
        return int(cursor.fetchone()[0])


def revive_lane(lane: Lane) -> int:
    """Make everything of one lane due again, in the caller's transaction and tenant."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_LANE, [lane.name, lane.shard])
        cursor.execute(_REVIVE_LANE, [lane.tenant_id, lane.name, lane.shard])
        return int(cursor.rowcount)
