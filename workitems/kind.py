"""Work items as something that can be undone: what `compensation.actions` must know."""

from __future__ import annotations

import uuid
from typing import Any

from compensation.actions import CompensableKind
from ledger.clock import rfc3339
from workitems.models import WorkItem


def _lock(item_id: uuid.UUID) -> WorkItem | None:
    return WorkItem.objects.select_for_update(of=("self",)).filter(id=item_id).first()


def _link(item_id: uuid.UUID) -> tuple[str, uuid.UUID] | None:
    row = (
        WorkItem.objects.filter(id=item_id, undoes_id__isnull=False)
        .values_list("undoes_type", "undoes_id")
        .first()
    )
    return None if row is None or row[1] is None else (row[0], row[1])


def snapshot(item: WorkItem) -> dict[str, Any]:
    """Return the item's work as it was at completion, frozen for whoever must reverse it."""
    return {
        "title": item.title,
        "payload": item.payload,
        "outcome": item.outcome,
        "resolution": item.resolution,
        "completed_by": str(item.completed_by_id) if item.completed_by_id else None,
        "completed_at": rfc3339(item.completed_at) if item.completed_at else None,
    }


WORK_ITEM_KIND = CompensableKind(
    subject_type=WorkItem.subject_type,
    rank=0,
    finished="completed",
    lock=_lock,
    link=_link,
    snapshot=snapshot,
    default_input=lambda item: dict(item.payload),
    name=lambda item: item.binding or item.title,
    finished_by=lambda item: item.completed_by_id,
    finished_at=lambda item: item.completed_at,
)
