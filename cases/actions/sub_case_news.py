"""What became of a sub-case, heard in the lane of the case above, which the engine carries on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from cases.actions import stopping
from cases.actions.engine import handle
from cases.lifecycle import PlanItemType
from cases.models import Case
from ledger.dispatch.consumer_registry import Done, Event
from ledger.tenancy import tenant_scope


def hear(events: Sequence[Event], done: Done) -> None:
    """Carry a case on by news of cases below it: all events of one lane are for one case."""
    with tenant_scope(events[0].tenant_id):
        first = _for_case_above(events[0])
    handle([_as_piece(event, first) for event in events], done)


def stopped(event: Event, error: str) -> None:
    """Say on the case above that its engine has stopped, in the caller's transaction."""
    stopping.stopped(_for_case_above(event), error)


def goes_on(event: Event) -> None:
    """Take that sign down, in the caller's transaction."""
    stopping.goes_on(_for_case_above(event))


def _for_case_above(event: Event) -> Event:
    rows = Case.objects.filter(tenant_id=event.tenant_id, id=event.subject_id)
    return dataclasses.replace(event, case_id=rows.values_list("parent_id", flat=True).get())


def _as_piece(event: Event, first: Event) -> Event:
    return dataclasses.replace(
        event, case_id=first.case_id, subject_type=str(PlanItemType.SUB_CASE)
    )
