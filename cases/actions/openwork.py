"""Calling off what a case has open. Inside the caller's transaction, with the case locked."""

from __future__ import annotations

import uuid
from typing import Any

from cases.actions.parts import lock_rows
from cases.lifecycle import OPEN_ITEMS, PlanItemStatus
from cases.models import PlanItem
from executions.actions import within as executions_within
from ledger.clock import now
from ledger.record import ActorRef, EntryRef
from workitems.actions import within as work_items_within
from workitems.lifecycle import OPEN


def cancel_open_work(
    case_id: uuid.UUID,
    *,
    by: ActorRef,
    caused_by: EntryRef | None,
    reason: str,
    rows: dict[uuid.UUID, Any] | None = None,
) -> int:
    """Cancel open work items and executions that no worker has started; return how many.

    What is already dispatched goes on, and its result is taken in when it comes. `rows`: the case's
    work if the caller has locked it already.
    """
    items = list(PlanItem.objects.filter(case_id=case_id, status__in=OPEN_ITEMS))
    locked = rows or lock_rows((item.type, item.target_id) for item in items)
    count = 0
    for item in items:
        row = locked[item.target_id]
        if item.type == "work_item" and row.status in OPEN:
            work_items_within.cancel_items([row], by=by, caused_by=caused_by, reason=reason)
        elif item.type == "execution" and executions_within.may_be_cancelled(row):
            executions_within.cancel(row, by=by, caused_by=caused_by, reason=reason)
        else:
            continue
        item.status = PlanItemStatus.CANCELLED
        item.ended_at = now()
        item.save(update_fields=["status", "ended_at"])
        count += 1
    return count


def has_open_work(case_id: uuid.UUID) -> bool:
    """Whether anything of the case is not over yet."""
    return PlanItem.objects.filter(case_id=case_id, status__in=OPEN_ITEMS).exists()
