"""Open steps whose work has ended, and what tells the engine of that once more."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

from cases.events import ENDS_OF_WORK, ENGINE, OF_SUB_CASE, SUB_CASES
from cases.lifecycle import CaseStatus, PlanItemType
from cases.models import Case
from executions.lifecycle import OPEN as OPEN_EXECUTIONS
from executions.lifecycle import ExecutionStatus
from ledger.dispatch.telling_again import Unheard, tell_again
from verbs.subject import subject_of
from workitems.lifecycle import OPEN as OPEN_WORK_ITEMS

#: What is not over yet, of each kind of work. What became of an uncertain one nobody knows.
_GOES_ON: Final = {
    PlanItemType.WORK_ITEM: frozenset(OPEN_WORK_ITEMS),
    PlanItemType.EXECUTION: OPEN_EXECUTIONS | {ExecutionStatus.UNCERTAIN},
    PlanItemType.SUB_CASE: {
        CaseStatus.RUNNING,
        CaseStatus.SUSPENDED,
        CaseStatus.COMPENSATING,
        CaseStatus.COMPENSATION_FAULTED,
    },
}


def tell_of_ended(tenant_id: uuid.UUID, found: Sequence[Any]) -> int:
    """Have the engine told of those open steps, read as (case, binding, type, target), whose work
    has ended; how many these are. In the caller's transaction."""
    told = 0
    for type_, open_ in _GOES_ON.items():
        cases = {target: case for case, _step, kind, target in found if kind == type_}
        if not cases:
            continue
        is_case = type_ == PlanItemType.SUB_CASE
        subject = Case.subject_type if is_case else str(type_)
        ended = [
            Unheard(subject, id_, cases[id_])
            for id_ in _ended(tenant_id, subject, list(cases), open_)
        ]
        consumer, actions = (SUB_CASES, OF_SUB_CASE) if is_case else (ENGINE, ENDS_OF_WORK)
        # A case ends by its own rollback too.
        told += tell_again(tenant_id, consumer, ended, actions, undoing=is_case)
    return told


def _ended(tenant_id: uuid.UUID, subject: str, ids: list[uuid.UUID], open_: Any) -> list[uuid.UUID]:
    rows = subject_of(subject).model._default_manager.filter(  # noqa: SLF001  -- documented name
        tenant_id=tenant_id, id__in=ids
    )
    return list(rows.exclude(status__in=sorted(open_)).order_by("id").values_list("id", flat=True))
