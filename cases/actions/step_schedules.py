"""Steps that start by schedule: the next moment of each, as a row that falls due.

A moment that has come is stored for its step like anything else that comes, and the next one is
set in the same transaction: each starts it once, however many workers look. Of moments that were
missed, because nobody worked or the case did not run, the last one is made up for; one that comes
while the step is open is passed over.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction

from accounts.acting import authority_of, system_of
from cases.actions.arrivals import MOMENT_CAME, arrive
from cases.actions.changes import lock_case, plan_items_of
from cases.arrival_tables import Arrival, StepDue
from cases.definitions import Binding, CompiledDefinition, ScheduleTrigger
from cases.lifecycle import LISTENING, OPEN_ITEMS, ArrivalStatus
from cases.models import Case
from cases.selectors import compiled_of
from compensation.subject import Cause
from json_values.moments import NotAMoment, checked
from ledger.clock import now, rfc3339
from ledger.dispatch.consumer_registry import Source
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.ids import new_token
from ledger.tenancy import set_tenant
from verbs.move import Moves
from workitems.schedules.cron_times import CronError, last_moment, next_moment

DUES = LeaseTable("cases_stepdue", "id")
_LEASE_SECONDS = 10.0


def first_moments(case: Case, definition: CompiledDefinition) -> list[StepDue]:
    """Return the rows by which steps of a case that is being opened fall due."""
    return [
        StepDue(tenant_id=case.tenant_id, case_id=case.id, binding=step.name, due_at=due)
        for step in definition.listening
        if step.on_schedule is not None
        and (due := _after(step.on_schedule, case.created_at, case.created_at)) is not None
    ]


def moment_due(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """See to a moment that has come; whether there was one to see to.

    The lease is committed first; then the case is locked, before the row: whoever works at the case
    meanwhile is waited for, and the moment is stored with the next one or not at all.
    """
    due = Due(tenant_id, id_, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not DUES.take(due, _LEASE_SECONDS):
            return False
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = StepDue.objects.filter(tenant_id=tenant_id, id=id_).first()
        case = None if row is None else lock_case(tenant_id, row.case_id)
        if row is not None and case is not None and DUES.is_ours(due):
            _see_to(case, row)
    return True


SOURCE = Source("case_schedules", DUES, moment_due, short=True)


def _see_to(case: Case, row: StepDue) -> None:
    step = compiled_of(case.tenant_id, case.definition_id).binding(row.binding)
    trigger = step.on_schedule
    at = now()
    following = None if trigger is None else _after(trigger, row.due_at, max(at, row.due_at))
    if trigger is None or case.status not in LISTENING or following is None:
        row.delete()
        return
    if not _is_passed_over(case, step):
        _come(case, step, _last(trigger, row.due_at, at))
    row.due_at, row.leased_until, row.lease_token, row.troubled_since = following, None, None, None
    row.save(update_fields=["due_at", "leased_until", "lease_token", "troubled_since"])


def _is_passed_over(case: Case, step: Binding) -> bool:
    """Whether its step is open, or one that came before has not been seen to yet."""
    rows = Arrival.objects.filter(tenant_id=case.tenant_id, case_id=case.id)
    waits = rows.filter(binding=step.name, heard="schedule", status=ArrivalStatus.WAITING)
    open_items = plan_items_of(case).filter(binding=step.name, status__in=OPEN_ITEMS)
    return waits.exists() or open_items.exists()


def _come(case: Case, step: Binding, moment: dt.datetime) -> None:
    moves = Moves()
    said = {"moment": rfc3339(moment)}
    arrive(
        case, MOMENT_CAME, "schedule", said, [step],
        cause=Cause(authority_of(system_of(case.tenant_id)).ref(), None), moves=moves,
        payloads={"step": step.name, "detail": step.name, **said},
    )  # fmt: skip
    moves.record()


def _after(trigger: ScheduleTrigger, since: dt.datetime, until: dt.datetime) -> dt.datetime | None:
    """Return the first moment after `until`, None where none is left; those that are so far apart
    are counted from `since`."""
    try:
        if trigger.every is None:
            return checked(next_moment(trigger.cron or "", trigger.timezone, until))
        return checked(since + ((until - since) // trigger.every + 1) * trigger.every)
    except (CronError, NotAMoment, OverflowError):
        return None


def _last(trigger: ScheduleTrigger, due: dt.datetime, at: dt.datetime) -> dt.datetime:
    """Return the moment that is made up for: the one that was due, or the last since."""
    if at <= due:
        return due
    if trigger.every is not None:
        return due + (at - due) // trigger.every * trigger.every
    try:
        return max(due, last_moment(trigger.cron or "", trigger.timezone, at))
    except CronError:
        return due
