"""What was reported of the open tasks of a case, for whoever adds it up. Runs in the tenant's
scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable

from workitems.around.addition_tables import FORWARD, UNDO, Progress
from workitems.around.progress_reports import share_of
from workitems.lifecycle import OPEN, Kind, Status


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """How much of a hundred is done of one piece of work, or of one undo."""

    dimension: str
    share: int


def reports_in(tenant_id: uuid.UUID, case_id: uuid.UUID) -> Iterable[Report]:
    """Return what is said last of each open task, and of each undo under way: one query. Of an undo
    that both the task and the undone item tell of, whatever is further counts."""
    rows = Progress.objects.filter(
        tenant_id=tenant_id, item__tenant_id=tenant_id, item__case_id=case_id,
        item__status__in=[*OPEN, Status.COMPENSATING],
    ).select_related("item")  # fmt: skip
    best: dict[tuple[str, uuid.UUID], int] = {}
    for row in rows.defer("item__payload", "item__resolution_schema", "item__compensation"):
        share = share_of(row)
        about = _undone_by(row) if row.dimension == UNDO else _forward(row)
        if share is None or about is None:
            continue
        key = (row.dimension, about)
        best[key] = max(best.get(key, 0), share)
    return [Report(dimension, share) for (dimension, _about), share in best.items()]


def _forward(row: Progress) -> uuid.UUID | None:
    """Return the open task that a report is about; one that undoes something is no step."""
    item = row.item
    forward = row.dimension == FORWARD and item.status in OPEN and item.kind != Kind.COMPENSATION
    return item.id if forward else None


def _undone_by(row: Progress) -> uuid.UUID | None:
    """Return what is being undone, of whose undo a report tells: the round under way alone."""
    item = row.item
    if item.status == Status.COMPENSATING:
        return item.id if row.round == item.compensation_round else None
    return item.undoes_id if item.kind == Kind.COMPENSATION else None
