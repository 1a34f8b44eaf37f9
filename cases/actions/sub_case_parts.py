"""What the cases below a case are to a rollback of it: named, and never undone by its run.

Each has a rollback of its own. Here is said why a plan leaves it out, by how it stands.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.utils.translation import gettext_noop

from cases.actions.open_work import lock_open_work
from cases.definitions import CompiledDefinition
from cases.lifecycle import CANCELLABLE, OPEN_ITEMS, CaseStatus, PlanItemType
from cases.models import Case, PlanItem
from compensation.lifecycle import CompensationState, Reversibility
from compensation.planning import EXCLUSIONS, Exclusion, OriginalRef, Part
from ledger.statements import fetched
from verbs.row_reading import literal, read

_FIRST = ("roll_back_first", "accept")
_STANDS = gettext_noop("It is a case of its own, which this rollback does not undo.")
_CLOSED = gettext_noop("It is a case of its own, and closed: nothing of it can be undone.")
# A number was drawn in it, or a program may be at work.
_DONE_IN = f"""
WITH RECURSIVE tree AS (
    SELECT c.id AS top, c.id FROM cases_case c
    WHERE c.tenant_id = %(tenant)s AND c.id = ANY(%(ids)s)
    UNION ALL
    SELECT t.top, c.id FROM tree t
    JOIN cases_case c ON c.tenant_id = %(tenant)s AND c.parent_id = t.id)
SELECT DISTINCT t.top FROM tree t
WHERE EXISTS (SELECT FROM compensation_completioncounter n
              WHERE n.tenant_id = %(tenant)s AND n.case_id = t.id)
    OR EXISTS (SELECT FROM cases_planitem p
               WHERE p.tenant_id = %(tenant)s AND p.case_id = t.id
                   AND p.type = '{PlanItemType.EXECUTION}' AND p.status IN ({literal(OPEN_ITEMS)}))
"""  # noqa: S608  -- own words


@dataclasses.dataclass(frozen=True, slots=True)
class SubCaseRow:
    """A sub-case as plans look at what can be undone; `binding` is its step's."""

    id: uuid.UUID
    binding: str
    status: str
    completion_seq: int | None
    compensation_state: str
    reversibility: str
    subject_type: str = Case.subject_type


def sub_case_rows(case: Case, items: Sequence[PlanItem]) -> dict[uuid.UUID, Case]:
    """Return the cases of these plan items by id, as committed now."""
    ids = [item.target_id for item in items if item.is_case]
    if not ids:
        return {}
    rows = read(Case, "r.tenant_id = %s AND r.id = ANY(%s)", [case.tenant_id, ids])
    return {row.id: row for row in rows}


def sub_case_parts(
    case: Case, items: Sequence[PlanItem], definition: CompiledDefinition, *, lock: bool
) -> list[Part]:
    """Return the sub-cases among these plan items of a case.

    `lock`: the case is locked. Then so is what is open below it, before it is asked what has been
    done there: nothing can be finished in between, and be called undone.
    """
    if not any(item.is_case for item in items):
        return []
    if lock:
        lock_open_work(case)
    rows = sub_case_rows(case, items)
    given = {"tenant": case.tenant_id, "ids": list(rows)}
    done_in = {top for (top,) in fetched(_DONE_IN, given)}
    return [_part(item, rows[item.work[1]], definition, done_in) for item in items if item.is_case]


def _part(
    item: PlanItem, row: Case, definition: CompiledDefinition, done_in: Collection[uuid.UUID]
) -> Part:
    declared = definition.binding(item.binding).reversibility
    original = OriginalRef(Case.subject_type, row.id, item.binding)
    undone = row.status == CaseStatus.COMPENSATED
    # Whoever waits for nobody goes on, and may yet do what this rollback would have to undo.
    done = row.id in done_in or (not row.awaited and row.status in CANCELLABLE)
    state = CompensationState.COMPENSATED if undone else CompensationState.NONE
    ended: dt.datetime | None = row.ended_at if item.completion_seq is not None else None
    shown = SubCaseRow(
        row.id, item.binding, str(row.status), item.completion_seq, str(state), declared
    )
    return Part(
        row=shown,
        original=original,
        settled=str(row.status) if done else CaseStatus.COMPLETED,
        policy=None,
        reversibility=declared,
        completed_at=ended,
        completed_by=None,
        in_flight=False,
        aliases=(str(item.id),),
        by_itself=False,
        stands=_stands(original, row, declared, done=done),
    )


def _stands(original: OriginalRef, row: Case, declared: str, *, done: bool) -> Exclusion | None:
    """Return why it is left out; None where its author said that nothing of it needs an undo."""
    code = _code(row, declared, done=done)
    if code is None:
        return None
    detail, others = EXCLUSIONS.get(code, (_CLOSED, ("accept",)))
    if code == "no_compensation_declared":
        detail, others = _STANDS, _FIRST
    others = tuple(each for each in others if each not in {"correct", "undo_item"})
    return Exclusion(original, code, detail, others)


def _code(row: Case, declared: str, *, done: bool) -> str | None:
    if row.status == CaseStatus.COMPENSATED:
        return "already_compensated"
    if not done and row.status != CaseStatus.COMPLETED:
        return "not_completed"
    if row.status == CaseStatus.CLOSED:
        return "case_closed"
    if declared in {Reversibility.IRREVERSIBLE, Reversibility.PIVOT}:
        return declared
    return None if declared == Reversibility.NOT_NEEDED else "no_compensation_declared"


def open_sub_cases(case: Case, items: Sequence[PlanItem]) -> list[tuple[str, Any]]:
    """Return the cases of open plan items that would be cancelled, as (type, row)."""
    rows = sub_case_rows(case, items)
    return [
        (
            Case.subject_type,
            SubCaseRow(
                row.id, item.binding, str(row.status), None, str(CompensationState.NONE), ""
            ),
        )
        for item in items
        if item.is_case
        for row in [rows[item.work[1]]]
        if row.status in CANCELLABLE
    ]
