"""What the cases below a case are to a rollback of it: each one step, undone by a run of its own.

Here is said, by how it stands, what it is to a plan, and why one leaves it out.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_noop

from cases.definitions import Binding
from cases.lifecycle import CANCELLABLE, OPEN_ITEMS, CaseStatus, PlanItemType
from cases.models import Case, PlanItem
from compensation.lifecycle import CompensationState, Reversibility
from compensation.planning import (
    EXCLUSIONS,
    SEQ_OF_UNORDERED,
    Exclusion,
    OriginalRef,
    Part,
)
from ledger.statements import fetched
from verbs.row_reading import literal, read

_CLOSED = gettext_noop("It is a case of its own, and closed: nothing of it can be undone.")
# Lower than what authors declare; whole numbers below it are exact.
_BEFORE_ALL = -1e12
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


def nests(row: Case, declared: str) -> bool:
    """Whether a rollback of the case above undoes a sub-case, by a run of its own."""
    return _code(row, declared, done=True) is None and declared != Reversibility.NOT_NEEDED


def done_in(case: Case, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return in which of these cases, or below them, something was done or may be under way."""
    if not ids:
        return set()
    given = {"tenant": case.tenant_id, "ids": list(ids)}
    return {top for (top,) in fetched(_DONE_IN, given)}


def sub_case_part(
    item: PlanItem, row: Case, binding: Binding, *, done: bool, below: Sequence[Part],
    place: int, begun_after: int,
) -> Part:  # fmt: skip
    """Return a sub-case as planning sees it; `done`: something was done in it, and `below` are its
    parts, as far as a run of its own may undo them. `place`: by `places_of`; `begun_after`: as it
    is called here."""
    declared = binding.reversibility
    original = OriginalRef(Case.subject_type, row.id, item.binding)
    undone = row.status == CaseStatus.COMPENSATED
    # Whoever waits for nobody goes on, and may yet do what this rollback has to undo.
    done = done or (not row.awaited and row.status in CANCELLABLE)
    state = CompensationState.COMPENSATED if undone else CompensationState.NONE
    ended: dt.datetime | None = row.ended_at if item.completion_seq is not None else None
    shown = SubCaseRow(
        row.id, item.binding, str(row.status), item.completion_seq, str(state), declared
    )
    stands = _stands(original, row, declared, done=done)
    is_undone = stands is None and nests(row, declared)
    return Part(
        row=shown,
        original=original,
        settled=str(row.status) if done else CaseStatus.COMPLETED,
        policy=None,
        reversibility=declared,
        completed_at=ended,
        completed_by=None,
        in_flight=False,
        order=_order(item, binding, place) if is_undone else None,
        aliases=(str(item.id),),
        by_itself=False,
        stands=stands,
        is_whole=True,
        is_open=row.status in CANCELLABLE,
        begun_after=begun_after,
        below=tuple(below) if is_undone else None,
    )


def places_of(items: Iterable[PlanItem]) -> dict[uuid.UUID, int]:
    """Return the places of a case's sub-cases in the order in which they were opened, by their plan
    items: no two have the same. The version of the case says it, whatever the clock did."""
    below = sorted((item.case_version, item.id) for item in items if item.is_case)
    return {id_: place for place, (_version, id_) in enumerate(below)}


def begun_after(item: PlanItem, items: Iterable[PlanItem]) -> int:
    """Return up to which number all in its case had been finished when a sub-case was opened, as
    far as the case had heard of it by then; `items` are those of the case.

    Where its step was tried again, its version is of that moment; when it was opened says then what
    had ended before. Where a clock went back, that tells of less than there was.
    """
    return max(
        (
            other.completion_seq
            for other in items
            if other.completion_seq is not None
            and other.taken_version is not None
            and other.taken_version <= item.case_version
            and other.ended_at is not None
            and other.ended_at <= item.created_at
        ),
        default=SEQ_OF_UNORDERED,
    )


def _order(item: PlanItem, binding: Binding, place: int) -> float | None:
    """Return a sub-case's declared place in the order of undoing. One that is still open comes
    before all that was finished, and that which was opened last before the others: each by itself,
    since none has an end yet that could be the same as another's."""
    if item.completion_seq is not None:
        return binding.compensation_order
    return _BEFORE_ALL - place


def _stands(original: OriginalRef, row: Case, declared: str, *, done: bool) -> Exclusion | None:
    """Return why it is left out; None where a run of its own undoes it, or where its author said
    that nothing of it needs an undo."""
    code = _code(row, declared, done=done)
    if code is None:
        return None
    detail, others = EXCLUSIONS.get(code, (_CLOSED, ("accept",)))
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
    return None


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
