"""The engine: hears what happened to a case and its parts, and draws the consequences.

It runs in the dispatcher only, one event of a case at a time, in order. Each handling is one
transaction: lock the case, see whether the news is news, act, mark the event done. A repeated event
finds its plan item already where it should be, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from accounts.acting import authority_of, system_of
from cases.actions import forward
from cases.actions.changes import lock_case
from cases.actions.rollback import part_in_case
from cases.events import CASE, RETRIED, UNSETTLED
from cases.lifecycle import OPEN_ITEMS, PlanItemStatus
from cases.models import Case, PlanItem
from cases.selectors import compiled
from compensation.actions.advancing import go_on_waiting, take_late_result
from compensation.subject import Cause, lock_row
from ledger import failpoints
from ledger.dispatch.consumer_registry import Done, Event
from ledger.record import EntryRef
from ledger.tenancy import set_tenant

failpoints.declare("engine.handled")


def handle(events: Sequence[Event], done: Done) -> None:
    """Handle events of one case, of its work items and executions, in order."""
    first = events[0]
    with transaction.atomic(durable=True):
        set_tenant(first.tenant_id)
        by = authority_of(system_of(first.tenant_id)).ref()
        case = None if first.case_id is None else lock_case(first.case_id)
        for event in events:
            if case is None:
                break
            _handle(case, event, Cause(by, EntryRef(event.id, event.hash)))
        failpoints.reach("engine.handled")
        done()


def _handle(case: Case, event: Event, cause: Cause) -> None:
    if event.subject_type != Case.subject_type:
        _of_part(case, event, cause)
    elif event.action in CASE:
        # However long ago: what has fired since does not fire again, so an old event does no harm,
        # and one that was overtaken by a change that nobody evaluated is not lost.
        go_on = forward.retry if event.action == RETRIED else forward.advance
        go_on(case, cause=cause)


def _of_part(case: Case, event: Event, cause: Cause) -> None:
    """A work item or execution of the case ended, or it is not known how."""
    item = PlanItem.objects.filter(case_id=case.id, target_id=event.subject_id).first()
    if item is None or item.status not in OPEN_ITEMS:
        return
    if event.action in UNSETTLED:
        go_on_waiting(case, cause=cause)
        return
    row = lock_row(event.subject_type, event.subject_id)
    if row is None:
        return
    forward.take_in(case, item, row, event.action, cause=cause)
    completed = item.status == PlanItemStatus.COMPLETED
    part = part_in_case(item, row, compiled(case.definition))
    if not take_late_result(case, part, completed=completed, cause=cause):
        forward.conclude(case, item, row, cause=cause)
