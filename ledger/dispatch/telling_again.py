"""Telling a consumer once more what it should have heard: for tasks that are lost.

A task is lost where its row was deleted, or put back to an older state of the database than what it
is about. It is made again of the entry, which nobody can delete; its lane works it as any other.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection
from typing import Any

from ledger.dispatch import hints
from ledger.dispatch.consumer_registry import consumer_named
from ledger.dispatch.hints import LaneWork
from ledger.dispatch.lanes import Lane
from ledger.statements import fetched


@dataclasses.dataclass(frozen=True, slots=True)
class Unheard:
    """Something whose newest news a lane should have heard: its type and id, and the shard."""

    subject_type: str
    subject_id: uuid.UUID
    shard: uuid.UUID


@dataclasses.dataclass(frozen=True, slots=True)
class News:
    """What a consumer hears of a subject itself: actions, those that it hears only of an undo, and
    where the subject has to stand with the entry."""

    consumer: str
    actions: Collection[str]
    standing: Collection[str]
    of_undo: Collection[str] = ()


# Of these entries the tasks are made. Behind a dead task nothing is told: people are told of that.
_EVENTS = """event AS (
    INSERT INTO ledger_outboxevent
        (id, tenant_id, type, subject_type, subject_id, case_id, shard, at)
    SELECT id, %(tenant)s, 'amends.' || subject_type || '.' || action || '.v1', subject_type,
        subject_id, case_id, coalesce(case_id, subject_id), at FROM news
    ON CONFLICT DO NOTHING
)
INSERT INTO ledger_outboxtask AS t (tenant_id, event_id, consumer, shard, lane, queue)
SELECT %(tenant)s, id, %(consumer)s, shard, %(lane)s, %(queue)s FROM news ORDER BY at, id
"""
_NOT_DEAD = """NOT EXISTS (
        SELECT 1 FROM ledger_outboxtask d
        WHERE d.tenant_id = %(tenant)s AND d.lane = %(lane)s AND d.shard = u.shard
          AND d.done_at IS NULL AND d.dead_at IS NOT NULL)"""
# One that waits, is leased or dead stays as it is: the first two are heard yet, and behind the last
# one people are told. One that is done is told again: hearing twice does no harm.
_TELL = f"""
WITH news AS (
    SELECT e.*, u.shard FROM unnest(%(types)s::text[], %(ids)s::uuid[], %(shards)s::uuid[])
        u(type, id, shard)
    CROSS JOIN LATERAL (
        SELECT id, subject_type, subject_id, action, case_id, at FROM ledger_ledgerentry
        WHERE tenant_id = %(tenant)s AND subject_type = u.type AND subject_id = u.id
          AND action = ANY(%(actions)s) AND (%(undoing)s OR compensation IS NULL)
        ORDER BY subject_seq DESC LIMIT 1) e
    WHERE {_NOT_DEAD}
), {_EVENTS}ON CONFLICT (event_id, consumer) DO UPDATE
    SET done_at = NULL, attempts = 0, due_at = ledger_now(), lease_token = NULL
    WHERE t.done_at IS NOT NULL
RETURNING t.shard
"""  # noqa: S608  -- own words
# An entry that never was a task: that is made with the entry, and no task is ever taken away.
_TELL_LOST = f"""
WITH news AS (
    SELECT e.*, u.shard FROM unnest(%(ids)s::uuid[]) u(shard)
    CROSS JOIN LATERAL (
        SELECT id, subject_type, subject_id, action, case_id, at, to_status, compensation
        FROM ledger_ledgerentry
        WHERE tenant_id = %(tenant)s AND subject_type = %(type)s AND subject_id = u.shard
        ORDER BY subject_seq DESC LIMIT %(last)s) e
    WHERE e.to_status = ANY(%(standing)s)
      AND (e.action = ANY(%(actions)s)
        OR (e.action = ANY(%(of_undo)s) AND e.compensation IS NOT NULL))
      AND NOT EXISTS (SELECT 1 FROM ledger_outboxtask t WHERE t.tenant_id = %(tenant)s
        AND t.event_id = e.id AND t.consumer = %(consumer)s)
      AND {_NOT_DEAD}
), {_EVENTS}
ON CONFLICT (event_id, consumer) DO NOTHING
RETURNING t.shard
"""  # noqa: S608  -- own words

# The same, of entries that are known, whatever they are about.
_TELL_THESE = f"""
WITH news AS (
    SELECT e.id, e.subject_type, e.subject_id, e.action, e.case_id, e.at,
        coalesce(e.case_id, e.subject_id) AS shard
    FROM ledger_ledgerentry e
    WHERE e.tenant_id = %(tenant)s AND e.id = ANY(%(entries)s)
      AND NOT EXISTS (SELECT 1 FROM ledger_outboxtask t WHERE t.tenant_id = %(tenant)s
        AND t.event_id = e.id AND t.consumer = %(consumer)s)
), {_EVENTS}ON CONFLICT (event_id, consumer) DO NOTHING
RETURNING t.shard
"""  # noqa: S608  -- own words


def tell_again(
    tenant_id: uuid.UUID,
    consumer: str,
    unheard: Collection[Unheard],
    actions: Collection[str],
    *,
    undoing: bool = False,
) -> int:
    """Make the tasks by which a consumer hears the newest entry of each thing with one of these
    actions, where there is none that waits, in the caller's transaction and tenant. `undoing`: of
    entries that are about an undo, too. Returns how many. Behind a dead task nothing is told: who
    revives that does.

    Raises LookupError for a consumer that is not registered.
    """
    given = {
        "types": [each.subject_type for each in unheard],
        "ids": [each.subject_id for each in unheard],
        "shards": [each.shard for each in unheard], "actions": sorted(actions),
        "undoing": undoing,
    }  # fmt: skip
    return _told(_TELL, tenant_id, consumer, given) if unheard else 0


def tell_of_lost(
    tenant_id: uuid.UUID, news: News, subject_type: str, ids: Collection[uuid.UUID], *, last: int
) -> int:
    """Make the tasks by which a consumer hears what is news of each of these subjects, in a lane of
    its own, where none was ever made or it is gone: of its `last` entries, in the caller's
    transaction and tenant. Returns how many. Behind a dead task nothing is told.

    Raises LookupError for a consumer that is not registered.
    """
    given = {
        "type": subject_type, "ids": list(ids), "last": last, "actions": sorted(news.actions),
        "of_undo": sorted(news.of_undo), "standing": sorted(news.standing),
    }  # fmt: skip
    return _told(_TELL_LOST, tenant_id, news.consumer, given) if ids else 0


def tell_of_entries(tenant_id: uuid.UUID, consumer: str, entries: Collection[uuid.UUID]) -> int:
    """Make the tasks by which a consumer, which no dead task holds, hears these entries, where none
    was ever made or it is gone, in the caller's transaction and tenant. Returns how many.

    Raises LookupError for a consumer that is not registered.
    """
    return _told(_TELL_THESE, tenant_id, consumer, {"entries": list(entries)}) if entries else 0


def _told(sql: str, tenant_id: uuid.UUID, consumer: str, given: dict[str, Any]) -> int:
    known = consumer_named(consumer)
    if known is None:
        raise LookupError(f"no consumer named {consumer!r} is registered")
    place = {"consumer": consumer, "lane": known.in_lane, "queue": known.queue}
    rows = fetched(sql, {**given, **place, "tenant": tenant_id})
    shards = {shard for (shard,) in rows}
    hints.leave([LaneWork(known.queue, Lane(tenant_id, known.in_lane, shard)) for shard in shards])
    return len(rows)
