"""The work behind a case: its work items and executions, locked, and as planning sees them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from cases.definitions import CompiledDefinition, undo_policy
from cases.models import Case, PlanItem
from cases.originals import read_many
from cases.planning import Part
from compensation.actions import kind_of
from compensation.planning import OriginalRef
from compensation.policy import CompensationPolicy
from executions.actions import within as executions_within
from executions.lifecycle import IN_FLIGHT, UNDISPATCHED, ExecutionStatus
from workitems.actions import within as work_items_within
from workitems.lifecycle import Status

Rows = dict[uuid.UUID, Any]
_SETTLED = {"work_item": str(Status.COMPLETED), "execution": str(ExecutionStatus.SUCCEEDED)}


def lock_rows(refs: Iterable[tuple[str, uuid.UUID]]) -> Rows:
    """Lock work items, then executions, each sorted by id, and return them by id."""
    wanted: dict[str, list[uuid.UUID]] = {"work_item": [], "execution": []}
    for type_, id_ in refs:
        wanted[type_].append(id_)
    rows: list[Any] = []
    if wanted["work_item"]:
        rows += work_items_within.lock_items(wanted["work_item"])
    if wanted["execution"]:
        rows += executions_within.lock_executions(wanted["execution"])
    return {row.id: row for row in rows}


def lock_part(type_: str, id_: uuid.UUID) -> Any | None:
    """Lock one work item or execution, or return None when there is none."""
    return kind_of(type_).lock(id_)


def compiled(case: Case) -> CompiledDefinition:
    """Return the case's definition, ready to use."""
    return CompiledDefinition.from_json(case.definition.compiled)


def parts_of_case(case: Case, *, lock: bool) -> list[Part]:
    """Return every piece of a case's forward work, its rows locked or as committed now."""
    items = list(PlanItem.objects.filter(case_id=case.id))
    refs = [(item.type, item.target_id) for item in items]
    rows = lock_rows(refs) if lock else read_many(refs)
    definition = compiled(case)
    return [part_in_case(item, rows[item.target_id], definition) for item in items]


def part_in_case(item: PlanItem, row: Any, definition: CompiledDefinition) -> Part:
    """Return one plan item's work. In a case, what nobody declared is not undone by guesswork."""
    binding = definition.binding(item.binding)
    declared = undo_policy(definition, binding)
    said = _declared(row, declared)
    return _part(item.type, row, item.binding, said, undo=binding.compensate or "", item=item.id)


def part_alone(type_: str, row: Any) -> Part:
    """Return one item or execution on its own: without a policy it is for a person, restoring."""
    said = _declared(row, None) or CompensationPolicy()
    return _part(type_, row, kind_of(type_).name(row), said, undo="", item=None)


def _declared(row: Any, binding: CompensationPolicy | None) -> CompensationPolicy | None:
    """Return what the row froze when it was created; an empty word may still be the binding's."""
    return CompensationPolicy.from_json(row.policy) if row.policy else binding


def may_be_under_way(row: Any) -> bool:
    """Whether a program may be making its effect now: dispatched, or between two attempts."""
    if row.subject_type != "execution":
        return False
    return row.status in IN_FLIGHT or (row.status in UNDISPATCHED and row.attempts > 0)


def _part(
    type_: str,
    row: Any,
    name: str,
    policy: CompensationPolicy | None,
    *,
    undo: str,
    item: uuid.UUID | None,
) -> Part:
    kind = kind_of(type_)
    return Part(
        row=row,
        original=OriginalRef(type_, row.id, name),
        settled=_SETTLED[type_],
        policy=policy,
        reversibility=row.reversibility,
        completed_at=kind.finished_at(row),
        completed_by=kind.finished_by(row),
        in_flight=may_be_under_way(row),
        undo=undo,
        plan_item_id=item,
    )
