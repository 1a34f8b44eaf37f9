"""What was recorded lately and the engine should have heard, and never did.

Only what has happened is looked through, by the index of entries by time: what waits costs nothing.
An entry leads to the open step whose work has ended by it, to the case that it is about, or to the
event from outside that it announces.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from cases.actions import event_rounds
from cases.actions.ended_work import tell_of_ended
from cases.actions.unheard_cases import tell_of
from cases.events import ARRIVALS, CASE, CONTEXT_CHANGED, ENDS_OF_WORK, OF_SUB_CASE
from cases.lifecycle import LISTENING, OPEN_ITEMS, PlanItemType
from cases.models import Case
from events.actions import RECEIVED
from ledger.dispatch.telling_again import tell_of_entries
from ledger.selectors import Mark, marks_since
from ledger.statements import fetched

#: So many entries are looked through at once.
AT_ONCE: Final = 2_000
_WORK: Final = {
    str(PlanItemType.WORK_ITEM): ENDS_OF_WORK,
    str(PlanItemType.EXECUTION): ENDS_OF_WORK,
    Case.subject_type: OF_SUB_CASE,
}
_RECEIVED: Final = ("tenant", RECEIVED)
_OF_CASE: Final = CASE | ARRIVALS | {CONTEXT_CHANGED, "faulted"}

# Which of them are open is told afterwards, and in no order: else the planner may take the index
# that holds only the open ones, and read all of these.
# Each is looked up by itself: for ids as one list, where most tenants are small, a prepared plan
# may read all that a large one has.
_STEPS: Final = """
SELECT row.* FROM unnest(%(ids)s::uuid[]) AS wanted(id) CROSS JOIN LATERAL (
    SELECT case_id, binding, type, target_id, status FROM cases_planitem
    WHERE tenant_id = %(tenant)s AND target_id = wanted.id LIMIT 1) AS row
"""
_CASES: Final = """
SELECT row.* FROM unnest(%(ids)s::uuid[]) AS wanted(id) CROSS JOIN LATERAL (
    SELECT definition_id, id, status FROM cases_case
    WHERE tenant_id = %(tenant)s AND id = wanted.id LIMIT 1) AS row
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """How much was told again: ends of work, changes of cases, events from outside; and where what
    was looked through ends, None where nothing followed it."""

    ends: int
    cases: int
    events: int
    place: tuple[dt.datetime, uuid.UUID] | None


def tell_of_recent(tenant_id: uuid.UUID, at: dt.datetime, id_: uuid.UUID) -> Told:
    """Have the engine told of what is lost of the next entries behind this one. In the caller's
    transaction; nothing is locked."""
    marks = marks_since(tenant_id, at, id_, most=AT_ONCE)
    steps = _those(_STEPS, OPEN_ITEMS, tenant_id, _ids(marks, _WORK))
    cases = _those(_CASES, LISTENING, tenant_id, _ids(marks, {Case.subject_type: _OF_CASE}))
    received = [each.id for each in marks if (each.subject_type, each.action) == _RECEIVED]
    return Told(
        tell_of_ended(tenant_id, [row[:-1] for row in steps]),
        tell_of(tenant_id, cases),
        tell_of_entries(tenant_id, event_rounds.CONSUMER.name, received),
        (marks[-1].at, marks[-1].id) if len(marks) == AT_ONCE else None,
    )


def _those(
    sql: str, standing: Collection[str], tenant_id: uuid.UUID, ids: list[uuid.UUID]
) -> list[Sequence[Any]]:
    """Return those rows of these ids whose last column, the status, is one of these."""
    found = fetched(sql, {"tenant": tenant_id, "ids": ids}) if ids else []
    return [row for row in found if row[-1] in standing]


def _ids(marks: Sequence[Mark], wanted: Mapping[str, Collection[str]]) -> list[uuid.UUID]:
    return list(
        {each.subject_id for each in marks if each.action in wanted.get(each.subject_type, ())}
    )
