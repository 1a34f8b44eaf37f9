"""The engine: hears what happened to a case and its parts, and draws the consequences.

It runs in the dispatcher only, one event of a case at a time, in order. Each handling is one
transaction: lock the case, see whether the news is news, act, mark the event done. A repeated event
finds its plan item or step already where it should be, and changes nothing.
"""

from __future__ import annotations

import uuid

from django.db import transaction

from accounts.acting import authority_of, system_of
from cases.actions import forward, running, undoing
from cases.actions.forward import Cause
from cases.actions.parts import lock_part
from cases.events import CASE, UNDO
from cases.lifecycle import OPEN_ITEMS
from cases.models import Case, CompensationRun, PlanItem
from ledger import failpoints
from ledger.dispatch.registry import Done, Event
from ledger.record import EntryRef
from ledger.tenancy import set_tenant

failpoints.declare("engine.handled")


def handle(event: Event, done: Done) -> None:
    """Handle one event of a case, a work item or an execution."""
    system = system_of(event.tenant_id)
    with transaction.atomic(durable=True):
        set_tenant(event.tenant_id)
        cause = Cause(authority_of(system).ref(), EntryRef(event.id, event.hash))
        case = _lock(event.case_id)
        if event.subject_type == Case.subject_type:
            _of_case(case, event, cause)
        elif event.subject_type == CompensationRun.subject_type:
            running.proceed(event.subject_id, case, cause=cause)
        elif event.action in UNDO:
            undoing.heard(case, event, cause=cause)
        elif case is not None:
            _of_part(case, event, cause)
        failpoints.reach("engine.handled")
        done()


def _lock(case_id: uuid.UUID | None) -> Case | None:
    if case_id is None:
        return None
    return (
        Case.objects.select_for_update(of=("self",))
        .select_related("definition")
        .filter(id=case_id)
        .first()
    )


def _of_case(case: Case | None, event: Event, cause: Cause) -> None:
    """A case was opened, resumed or came out of a rollback: see what is ready.

    However long ago: what has fired since does not fire again, so an old event does no harm, and
    one that was overtaken by a change that nobody evaluated is not lost.
    """
    if case is not None and event.action in CASE:
        forward.advance(case, cause=cause)


def _of_part(case: Case, event: Event, cause: Cause) -> None:
    """A work item or execution of the case ended."""
    item = PlanItem.objects.filter(case_id=case.id, target_id=event.subject_id).first()
    if item is None or item.status not in OPEN_ITEMS:
        return
    row = lock_part(event.subject_type, event.subject_id)
    if row is None:
        return
    forward.take_in(case, item, row, event.action, cause=cause)
    if running.take_in_flight(case, item, row, cause=cause):
        return
    forward.conclude(case, item, row, cause=cause)
