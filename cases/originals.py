"""Work items and executions as a case reads them, and as an undo binding's expressions see them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from compensation.actions import kind_of
from executions import selectors as executions
from ledger.clock import rfc3339
from workitems import selectors as work_items

_FIELDS = ("payload", "outcome", "resolution", "input", "output", "before", "after")


def read(type_: str, id_: uuid.UUID) -> Any | None:
    """Return one work item or execution as committed now, not locked, or None."""
    return read_many([(type_, id_)]).get(id_)


def read_many(refs: Iterable[tuple[str, uuid.UUID]]) -> dict[uuid.UUID, Any]:
    """Return work items and executions by id, one query for each kind that is asked for."""
    wanted: dict[str, list[uuid.UUID]] = {"work_item": [], "execution": []}
    for type_, id_ in refs:
        wanted[type_].append(id_)
    rows: dict[uuid.UUID, Any] = {}
    if wanted["work_item"]:
        rows.update(
            {row.id: row for row in work_items.visible().filter(id__in=wanted["work_item"])}
        )
    if wanted["execution"]:
        rows.update(executions.by_id(wanted["execution"]))
    return rows


def original_value(type_: str, row: Any, name: str) -> dict[str, Any]:
    """Return `original` as an undo binding's inputMapping sees it; what does not apply is null."""
    kind = kind_of(type_)
    by, at = kind.finished_by(row), kind.finished_at(row)
    return {
        "type": type_,
        "id": str(row.id),
        "name": name,
        **{field: getattr(row, field, None) for field in _FIELDS},
        "completed_by": str(by) if by else None,
        "completed_at": rfc3339(at) if at else None,
        "completion_seq": row.completion_seq,
    }


def result_of(row: Any) -> Any:
    """Return what a finished row gives to an output mapping."""
    if row.subject_type == "execution":
        return row.output
    return {
        "outcome": row.outcome,
        "resolution": row.resolution,
        "completed_by": str(row.completed_by_id) if row.completed_by_id else None,
    }
