"""What was reported of the open tasks of a case, for whoever adds it up. Runs in the tenant's
scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject

from workitems.around.addition_tables import FORWARD, UNDO, Progress
from workitems.around.progress_reports import share_of
from workitems.lifecycle import OPEN, Kind, Status
from workitems.models import WorkItem

#: Of other items nothing counts that was reported before.
_COUNTED = frozenset({*OPEN, Status.COMPENSATING})


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
        item__status__in=list(_COUNTED),
    ).select_related("item")  # fmt: skip
    return _furthest(rows.defer("item__payload", "item__resolution_schema", "item__compensation"))


def with_reports(rows: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
    """Return `rows`, each of which brings along what was reported of it."""
    said = Progress.objects.filter(tenant_id=OuterRef("tenant_id"), item_id=OuterRef("id"))
    columns = {name: name for name in ("dimension", "shape", "value", "round")}
    return rows.annotate(reported=ArraySubquery(said.values(row=JSONObject(**columns))))


def reports_of(rows: Iterable[WorkItem]) -> Iterable[Report]:
    """Return the same as `reports_in` of rows that `with_reports` read: all there are in a case."""
    return _furthest(
        Progress(item=row, **said)
        for row in rows
        if row.status in _COUNTED
        for said in vars(row)["reported"]
    )


def _furthest(rows: Iterable[Progress]) -> Iterable[Report]:
    best: dict[tuple[str, uuid.UUID], int] = {}
    for row in rows:
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
