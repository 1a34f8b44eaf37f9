"""What happens to a run when the undo of a step's original moved. Heard from the outbox.

State-driven: it compares where the original is now with what the step says, so that a repeated or
late event changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from accounts.acting import authority_of, system_of
from compensation.actions import advancing
from compensation.actions.attempts import last_attempt, open_attempt
from compensation.actions.run_entries import LockedStep, link_to
from compensation.actions.run_verbs import lock_run, lock_whole_of
from compensation.lifecycle import LIVE_RUNS, AttemptOutcome, CompensationState, StepStatus
from compensation.models import CompensationRun, CompensationStep
from compensation.subject import Cause, WholeSubject, lock_row, read_row, whole_of
from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.consumer_registry import Done, Event, LeftToOthers
from ledger.errors import NotFound
from ledger.record import EntryRef
from ledger.tenancy import set_tenant
from verbs.subject import known

UNDER_WAY = (StepStatus.RUNNING, StepStatus.FAILED)
failpoints.declare("runs.handled")


def handle(events: Sequence[Event], done: Done) -> None:
    """Handle events of one run, or of things of one whole whose undo moved, in order."""
    tenant_id = events[0].tenant_id
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        by = authority_of(system_of(tenant_id)).ref()
        for event in events:
            _handle(event, Cause(by, EntryRef(event.id, event.hash)))
        failpoints.reach("runs.handled")
        done()


def _handle(event: Event, cause: Cause) -> None:
    if event.subject_type == CompensationRun.subject_type:
        whole = lock_whole_of(event.subject_id)
        advancing.proceed(event.subject_id, whole, cause=cause)
    else:
        _heard(event, cause=cause)


def _heard(event: Event, *, cause: Cause) -> None:
    """The undo of one piece of work began, ended, failed, or was decided about."""
    if known(event.subject_type) is None:
        raise LeftToOthers
    row = read_row(event.subject_type, event.subject_id)
    of = None if row is None else whole_of(row)
    if row is None:
        return
    whole = None if of is None else _lock_whole(*of)
    if of is None or whole is None:
        # Without a whole the original's row is what keeps two handlers apart.
        row = lock_row(event.subject_type, event.subject_id)
    else:
        row = read_row(event.subject_type, event.subject_id)
        of[0].heard(whole, row, cause=cause)
    steps = CompensationStep.objects.filter(
        original_id=event.subject_id, status__in=UNDER_WAY, run__status__in=LIVE_RUNS
    )
    step = steps.order_by("id").first()
    run = None if step is None else lock_run(step.run_id)
    if step is not None and run is not None and run.status in LIVE_RUNS:
        before = str(run.status)
        _follow(LockedStep(whole=whole, row=row, run=run, step=step, cause=cause, before=before))
        advancing.proceed(run.id, whole, cause=cause)


def _lock_whole(subject: WholeSubject, id_: uuid.UUID) -> Any | None:
    """Lock a whole; None where there is none of this id: its pieces are loose work then."""
    try:
        return subject.lock(id_).row
    except NotFound:
        return None


def _follow(at: LockedStep) -> None:
    """Bring a step to where its original is."""
    state = at.row.compensation_state
    if state == CompensationState.COMPENSATED:
        _undone(at)
    elif state == CompensationState.COMPENSATION_FAULTED:
        if at.step.status == StepStatus.RUNNING:
            at.fail(last_attempt(at.row).error or "The undo failed.")
    elif state == CompensationState.COMPENSATING:
        _goes_on(at)
    else:
        _let_go(at)


def _undone(at: LockedStep) -> None:
    attested = last_attempt(at.row).outcome == AttemptOutcome.ATTESTED
    if at.step.status == StepStatus.FAILED:
        at.unblock()
    if attested:
        at.step.resolve()
    else:
        at.step.finish()
    action = "compensation_step_resolved" if attested else "compensation_step_completed"
    at.save(action, ended_at=now(), error="")


def _goes_on(at: LockedStep) -> None:
    """A further attempt: by a person after a program gave up, or asked for at the item."""
    attempt, step = open_attempt(at.row), at.step
    if attempt is None or (
        step.status == StepStatus.RUNNING and step.compensation_id == attempt.compensation_id
    ):
        return
    if step.status == StepStatus.FAILED:
        at.unblock()
        step.retry()
    at.save("compensation_step_waiting", error="", ended_at=None, **link_to(attempt))


def _let_go(at: LockedStep) -> None:
    """The undo it followed was withdrawn (it starts its own) or abandoned (so is the step)."""
    step = at.step
    if step.status == StepStatus.RUNNING:
        step.put_back()
        _forget(at)
        return
    if step.compensation_id is None:
        return
    outcome = last_attempt(at.row).outcome
    if outcome == AttemptOutcome.WITHDRAWN:
        # Tried again at the item and called back before this step heard of either.
        at.unblock()
        step.replan()
        _forget(at)
    elif outcome == AttemptOutcome.ABANDONED:
        at.unblock()
        step.abandon()
        at.save("compensation_step_abandoned", ended_at=now())


def _forget(at: LockedStep) -> None:
    """Save a step that is in line again: what it followed is over and no longer its undo."""
    at.save(
        "compensation_step_planned", adopted=False, compensation_type="", compensation_id=None,
        error="", ended_at=None,
    )  # fmt: skip
