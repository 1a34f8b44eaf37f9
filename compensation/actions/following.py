"""What happens to a run when the undo of a step's original moved. Heard from the outbox.

State-driven: it compares where the original is now with what the step says, so that a repeated or
late event changes nothing. What an undo is told, and what its result makes of the whole, may need
jq: it is asked while nothing is locked, and the events are handled from the first once more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction

from accounts.acting import authority_of, system_of
from compensation.actions import advancing, nested_news
from compensation.actions.attempts import newest_behind
from compensation.actions.run_entries import LockedStep, link_to
from compensation.actions.run_turn import Turn, refs_of, startable, steps_beside
from compensation.actions.run_verbs import lock_run, lock_whole_of
from compensation.lifecycle import LIVE_RUNS, AttemptOutcome, CompensationState, StepStatus
from compensation.locking import lock_rows, rows_before
from compensation.models import CompensationAttempt, CompensationRun, CompensationStep
from compensation.subject import Cause, WholeSubject, subject_nests, wholes_of
from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.consumer_registry import Done, Event, LeftToOthers
from ledger.errors import NotFound
from ledger.record import EntryRef
from ledger.tenancy import set_tenant
from verbs.answered_outside import answered_outside
from verbs.move import Moves
from verbs.subject import Ref, known

failpoints.declare("runs.handled")


_Steps = Callable[[], list[CompensationStep]]


def handle(events: Sequence[Event], done: Done) -> None:
    """Handle events of one run, or of things of one whole whose undo moved, in order."""
    answered_outside(functools.partial(_handle_all, events, done))


def _handle_all(events: Sequence[Event], done: Done) -> None:
    tenant_id = events[0].tenant_id
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        by = authority_of(system_of(tenant_id)).ref()
        for event in events:
            cause = Cause(by, EntryRef(event.id, event.hash), Moves())
            _handle(event, cause)
            # What an event changes is in the database before the next is heard.
            cause.write()
        failpoints.reach("runs.handled")
        done()


def _handle(event: Event, cause: Cause) -> None:
    if event.subject_type == CompensationRun.subject_type:
        whole = lock_whole_of(event.tenant_id, event.subject_id)
        if whole is not None and subject_nests(whole):
            nested_news.proceed_below(event.tenant_id, event.subject_id, cause=cause)
        advancing.proceed(event.tenant_id, event.subject_id, whole, cause=cause)
    else:
        _heard(event, cause=cause)


def _heard(event: Event, *, cause: Cause) -> None:
    """The undo of one piece of work began, ended, failed, or was decided about."""
    if known(event.subject_type) is None:
        raise LeftToOthers
    ref = (event.subject_type, event.subject_id)
    kind, whole, beside = _locked_whole(event)
    # Without a whole the original's row is what keeps two handlers apart.
    rows = lock_rows(event.tenant_id, [ref], finished=True) if whole is None else {}
    steps = beside()
    own = next((step for step in steps if step.original_id == event.subject_id), None)
    wanted = {ref} if own is None else {ref, *_to_lock(steps, own)}
    wanted -= {(row.subject_type, row.id) for row in rows.values()}
    # One exchange: the originals are locked, then the run, then what both keep as it is is read.
    others = rows_before(event.tenant_id, wanted)
    newest = newest_behind(event.tenant_id, *ref)
    kept = None if kind is None else kind.pieces(whole, [id_ for _type, id_ in wanted])
    run = None if own is None else lock_run(event.tenant_id, own.run_id)
    rows |= others()
    attempt, pieces = newest(), {} if kept is None else dict(kept())
    row = rows.get(event.subject_id)
    if row is None:
        return
    if kind is not None:
        kind.heard(whole, pieces.get(row.id), row, attempt, cause=cause)
    if own is None or run is None or run.status not in LIVE_RUNS:
        return
    turn = Turn(whole=whole, run=run, steps=steps, rows=rows, pieces=pieces, cause=cause)
    _follow(turn.at(own), attempt)
    if advancing.goes_on(turn):
        cause.write()
        advancing.proceed(run.tenant_id, run.id, whole, cause=cause)


def _to_lock(steps: Sequence[CompensationStep], own: CompensationStep) -> list[Ref]:
    """Return the original that may move beside that of the step that is followed: of what may start
    once that is settled."""
    first = startable([step for step in steps if step is not own])
    return [] if first is None else refs_of([first])


def _locked_whole(event: Event) -> tuple[WholeSubject | None, Any | None, _Steps]:
    """Lock the whole of a piece, with its kind; neither where there is none of this id: its pieces
    are loose work then. Returns what says which steps matter, as read right behind that lock, or
    behind the next."""
    beside = functools.partial(steps_beside, event.tenant_id, event.subject_id)
    for kind in wholes_of(event.subject_type) if event.case_id is not None else ():
        steps = beside()
        try:
            return kind, kind.lock(event.tenant_id, event.case_id).row, steps
        except NotFound:
            continue
    return None, None, beside()


def _follow(at: LockedStep, attempt: CompensationAttempt | None) -> None:
    """Bring a step to where its original is; `attempt` is the newest at undoing that."""
    state = at.row.compensation_state
    if attempt is None:
        raise LookupError(f"{at.step.original_type} {at.step.original_id} was never compensated")
    if state == CompensationState.COMPENSATED:
        _undone(at, attempt)
    elif state == CompensationState.COMPENSATION_FAULTED:
        if at.step.status == StepStatus.RUNNING:
            at.fail(attempt.error or "The undo failed.")
    elif state == CompensationState.COMPENSATING:
        _goes_on(at, attempt)
    else:
        _let_go(at, attempt)


def _undone(at: LockedStep, attempt: CompensationAttempt) -> None:
    attested = attempt.outcome == AttemptOutcome.ATTESTED
    if at.step.status == StepStatus.FAILED:
        at.unblock()
    if attested:
        at.step.resolve()
    else:
        at.step.finish()
    action = "compensation_step_resolved" if attested else "compensation_step_completed"
    at.save(action, ended_at=now(), error="")


def _goes_on(at: LockedStep, attempt: CompensationAttempt) -> None:
    """A further attempt: by a person after a program gave up, or asked for at the item."""
    step = at.step
    if attempt.outcome != AttemptOutcome.OPEN or (
        step.status == StepStatus.RUNNING and step.compensation_id == attempt.compensation_id
    ):
        return
    if step.status == StepStatus.FAILED:
        at.unblock()
        step.retry()
    at.save("compensation_step_waiting", error="", ended_at=None, **link_to(attempt))


def _let_go(at: LockedStep, attempt: CompensationAttempt) -> None:
    """The undo it followed was withdrawn (it starts its own) or abandoned (so is the step, also
    where it has not heard before that the undo had failed)."""
    step = at.step
    if step.compensation_id is None:
        return
    if attempt.outcome == AttemptOutcome.ABANDONED:
        at.unblock()
        step.abandon()
        at.save("compensation_step_abandoned", ended_at=now())
    elif step.status == StepStatus.RUNNING:
        step.put_back()
        _forget(at)
    elif attempt.outcome == AttemptOutcome.WITHDRAWN:
        # Tried again at the item and called back before this step heard of either.
        at.unblock()
        step.replan()
        _forget(at)


def _forget(at: LockedStep) -> None:
    """Save a step that is in line again: what it followed is over and no longer its undo."""
    at.save(
        "compensation_step_planned", adopted=False, compensation_type="", compensation_id=None,
        error="", ended_at=None,
    )  # fmt: skip
