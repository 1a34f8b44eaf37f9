"""What became of a sub-case, heard in the lane of the case above, which the engine carries on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from accounts.acting import authority_of, system_of
from cases.actions import stopping
from cases.actions.changes import lock_case, plan_items_of
from cases.actions.engine import handle
from cases.actions.rollback import heard
from cases.actions.sub_case_parts import SubCaseRow
from cases.lifecycle import CaseStatus, PlanItemStatus, PlanItemType
from cases.models import Case
from compensation.lifecycle import CompensationState
from compensation.subject import Cause
from ledger.dispatch.consumer_registry import Done, Event
from ledger.record import EntryRef
from ledger.tenancy import tenant_scope


def hear(events: Sequence[Event], done: Done) -> None:
    """Carry a case on by news of cases below it: all events of one lane are for one case."""
    with tenant_scope(events[0].tenant_id):
        first = for_case_above(events[0])
    undone = [event for event in events if event.to_status == CaseStatus.COMPENSATED]
    if not undone:
        handle([_as_piece(event, first) for event in events], done)
        return

    def told() -> None:
        for event in undone:
            _undone(first, event)
        done()

    handle([_as_piece(event, first) for event in events], told)


def _undone(first: Event, event: Event) -> None:
    """Show on the step of a sub-case that is rolled back that it is undone, and mark what it had
    stated; in the transaction of the engine, which has the case above locked or locks nothing."""
    case = None if first.case_id is None else lock_case(first.tenant_id, first.case_id)
    item = None if case is None else plan_items_of(case).filter(target_id=event.subject_id).first()
    if case is None or item is None or item.status != PlanItemStatus.COMPLETED:
        return
    row = SubCaseRow(
        event.subject_id, item.binding, event.to_status, item.completion_seq,
        str(CompensationState.COMPENSATED), "",
    )  # fmt: skip
    by = authority_of(system_of(first.tenant_id)).ref()
    cause = Cause(by, EntryRef(event.id, event.hash))
    heard(case, item, row, None, cause=cause)


def stopped(event: Event, error: str) -> None:
    """Say on the case above that its engine has stopped, in the caller's transaction."""
    stopping.stopped(for_case_above(event), error)


def goes_on(event: Event) -> None:
    """Take that sign down, in the caller's transaction."""
    stopping.goes_on(for_case_above(event))


def for_case_above(event: Event) -> Event:
    """Return news of a case below as news of the case above it, in whose lane it is heard."""
    rows = Case.objects.filter(tenant_id=event.tenant_id, id=event.subject_id)
    return dataclasses.replace(event, case_id=rows.values_list("parent_id", flat=True).get())


def _as_piece(event: Event, first: Event) -> Event:
    return dataclasses.replace(
        event, case_id=first.case_id, subject_type=str(PlanItemType.SUB_CASE)
    )
