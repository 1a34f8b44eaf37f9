"""What became of a run below, heard in the lane of the whole above, whose run goes on with it.

State-driven: it compares how the run below stands now with what the step says. That run is read
without a lock; its next change is the next news.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Sequence

from django.db import transaction

from accounts.acting import authority_of, system_of
from compensation.actions import advancing
from compensation.actions.run_entries import LockedStep
from compensation.actions.run_turn import turn_of
from compensation.actions.run_verbs import RUN, lock_whole_of
from compensation.lifecycle import LIVE_RUNS, RunStatus, StepStatus
from compensation.models import CompensationRun, CompensationStep
from compensation.subject import Cause, whole_subjects
from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.consumer_registry import Done, Event
from ledger.record import EntryRef
from ledger.tenancy import set_tenant
from verbs.answered_outside import answered_outside
from verbs.move import Moves

failpoints.declare("runs.nested_handled")

_STILL = frozenset({StepStatus.RUNNING, StepStatus.FAILED})
_FAILED = "Its own rollback needs a decision."


def hear(events: Sequence[Event], done: Done) -> None:
    """Handle news of runs below the run of one whole, in order."""
    answered_outside(functools.partial(_hear_all, events, done))


def _hear_all(events: Sequence[Event], done: Done) -> None:
    tenant_id = events[0].tenant_id
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        by = authority_of(system_of(tenant_id)).ref()
        for event in events:
            cause = Cause(by, EntryRef(event.id, event.hash), Moves())
            _hear(event, cause)
            cause.write()
        failpoints.reach("runs.nested_handled")
        done()


def _hear(event: Event, cause: Cause) -> None:
    rows = CompensationRun.objects.filter(tenant_id=event.tenant_id, id=event.subject_id)
    above = rows.get().parent_run_id
    if above is None:
        return
    whole = lock_whole_of(event.tenant_id, above)
    # As it stands under the lock of the whole above.
    below = rows.get()
    turn = turn_of(event.tenant_id, above, whole, {}, cause=cause)
    if turn is None or turn.run.status not in LIVE_RUNS:
        return
    step = next((each for each in turn.steps if each.compensation_id == below.id), None)
    if step is None or step.status not in _STILL:
        return
    _follow(turn.at(step), below)
    turn.tell_below(step)
    # What comes next was not locked: it could not start before this step was settled.
    cause.write()
    advancing.proceed(event.tenant_id, turn.run.id, whole, cause=cause)


def _follow(at: LockedStep, below: CompensationRun) -> None:
    """Bring the step to where the run below is."""
    step = at.step
    if below.status in {RunStatus.COMPLETED, RunStatus.PARTIAL}:
        if step.status == StepStatus.FAILED:
            at.unblock()
        step.finish()
        at.save("compensation_step_completed", ended_at=now(), error="")
    elif below.status == RunStatus.FAULTED:
        if step.status == StepStatus.RUNNING:
            at.fail(_FAILED)
    elif step.status == StepStatus.FAILED:
        at.unblock()
        step.retry()
        at.save("compensation_step_retried", ended_at=None, error="")


def proceed_below(tenant_id: uuid.UUID, run_id: uuid.UUID, *, cause: Cause) -> None:
    """Let the runs below one of a locked whole go on: it was paused, and they with it."""
    rows = CompensationStep.objects.filter(
        tenant_id=tenant_id, run_id=run_id, status=StepStatus.RUNNING, compensation_type=RUN
    )
    for step in rows.order_by("id"):
        below_id = step.compensation_id
        if below_id is None:
            continue
        whole = lock_whole_of(tenant_id, below_id)
        proceed_below(tenant_id, below_id, cause=cause)
        advancing.proceed(tenant_id, below_id, whole, cause=cause)
        cause.write()


def stopped(event: Event, error: str) -> None:
    """Say on the whole above that it has stopped, in the caller's transaction."""
    for subject in whole_subjects():
        subject.stopped(_for_above(event), error)


def carried_on(event: Event) -> None:
    """Take that sign down, in the caller's transaction."""
    for subject in whole_subjects():
        subject.carried_on(_for_above(event))


def _for_above(event: Event) -> Event:
    rows = CompensationRun.objects.filter(tenant_id=event.tenant_id, id=event.subject_id)
    return dataclasses.replace(event, case_id=rows.values_list("above_id", flat=True).get())
