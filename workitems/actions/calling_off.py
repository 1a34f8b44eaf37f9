"""Calling off work items inside another verb's, or a handler's, transaction."""

from __future__ import annotations

import uuid

from compensation.lifecycle import CompensationState
from compensation.locking import lock_many
from ledger.clock import now
from ledger.record import ActorRef, EntryRef, Recorded
from ledger.statements import fetched
from verbs.move import Moves, move
from workitems.deadlines import forget_deadlines
from workitems.delegations import ENDED, answer_delegation
from workitems.holds import forget_hold
from workitems.lifecycle import OPEN
from workitems.models import WorkItem

_WHOLE_CANCELLED = "What it is part of was cancelled."
_PARTS = """
WITH RECURSIVE part(id) AS (
    SELECT %(item)s::uuid
    UNION
    SELECT r.item_id FROM part JOIN workitems_relation r
        ON r.tenant_id = %(tenant)s AND r.target_id = part.id AND r.type = 'PART_OF'
       AND r.spawned AND r.removed_at IS NULL)
SELECT w.id FROM part JOIN workitems_workitem w
    ON w.tenant_id = %(tenant)s AND w.id = part.id
WHERE w.id <> %(item)s AND w.status = ANY(%(open)s)
"""


def call_off(
    item: WorkItem,
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
    reason: str = "",
    moves: Moves | None = None,
) -> bool:
    """Cancel a locked open item, and the parts that were spawned of it, without settling what it
    may undo. Whether it was open."""
    if item.status not in OPEN:
        return False
    entry = _cancel(item, by=by, caused_by=caused_by, reason=reason, moves=moves)
    call_off_parts(item, by=by, caused_by=entry.ref, moves=moves)
    return True


def _cancel(
    item: WorkItem,
    *,
    by: ActorRef,
    caused_by: EntryRef | None,
    reason: str,
    moves: Moves | None,
) -> Recorded:
    before = str(item.status)
    forget_hold(item)
    fields = forget_deadlines(item)
    answer_delegation(item, ENDED)
    item.cancel()
    item.ended_at = now()
    item.ended_reason = reason
    if item.undoes_id is not None:
        item.compensation_state = CompensationState.NONE
    return move(
        item, "cancelled", before=before, by=by, caused_by=caused_by, payloads={"reason": reason},
        moves=moves,
        fields=["ended_at", "ended_reason", "compensation_state", "delegations", *fields],
    )  # fmt: skip


def call_off_parts(
    item: WorkItem, *, by: ActorRef, caused_by: EntryRef, moves: Moves | None = None
) -> None:
    """Cancel what was spawned of a locked item, and of that, and is open still. Parts are younger
    than what they are part of: so these locks too are taken in the order of ids."""
    if not item.has_parts:
        return
    given = {"tenant": item.tenant_id, "item": item.id, "open": list(OPEN)}
    seen: set[uuid.UUID] = set()
    # Until none is found: one that was waited for may have spawned another meanwhile.
    while ids := {id_ for (id_,) in fetched(_PARTS, given)} - seen:
        seen |= ids
        for part in lock_many(WorkItem, WorkItem.subject_type, item.tenant_id, ids):
            if part.status in OPEN:
                _cancel(part, by=by, caused_by=caused_by, reason=_WHOLE_CANCELLED, moves=moves)
