"""Carrying a run: strictly falling completion order, one undo at a time, each awaited; side by
side only what its definition declares so.

Inside the caller's transaction, with the whole locked; a run without one has one step, and that
step's original is its lock. What starts a step is the dispatcher, never a web request.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _
from django_fsm import can_proceed

from compensation.actions import undo
from compensation.actions.attempts import open_attempt
from compensation.actions.run_entries import LockedStep, link_to, step_change, tell_whole
from compensation.actions.run_turn import Turn, steps_in, turn_of
from compensation.actions.run_verbs import lock_live_run
from compensation.lifecycle import (
    DONE_STEPS,
    LEAVES_PART,
    RESIDUAL_EXCLUSIONS,
    CompensationState,
    ExclusionCode,
    RunStatus,
    StepStatus,
)
from compensation.locking import lock_rows
from compensation.models import CompensationAttempt, CompensationRun, CompensationStep
from compensation.planning import Exclusion, Part, UndoRequest, UndoStep, plan_original
from compensation.subject import Awaited, Cause, read_rows, undoable, whole_subject
from ledger.clock import now
from ledger.errors import Refusal
from ledger.record import record
from ledger.selectors import latest_ref
from verbs.move import move

WAITING = "compensation_waiting"
# What a result may still come of.
_OWES = frozenset({ExclusionCode.IN_FLIGHT, ExclusionCode.OUTCOME_UNKNOWN})


def proceed(tenant_id: uuid.UUID, run_id: uuid.UUID, whole: Any | None, *, cause: Cause) -> None:
    """Start the next step if nothing is under way, or settle the run when none is left."""
    rows: dict[uuid.UUID, Any] = {}
    if whole is None:
        # The one original of such a run is its lock, taken before anything of the run is read.
        runs = CompensationRun.objects.filter(tenant_id=tenant_id, id=run_id)
        rows = lock_rows(tenant_id, runs.values_list("about_type", "about_id"), finished=True)
    turn = turn_of(tenant_id, run_id, whole, rows, cause=cause)
    while turn is not None and goes_on(turn):
        cause.write()
        turn = turn_of(tenant_id, run_id, whole, {}, cause=cause)


def goes_on(turn: Turn) -> bool:
    """Start one step, or settle. Returns whether another may start, of what is read anew: the step
    needed nothing, or declares that others go beside it."""
    if turn.is_busy:
        return False
    run, step = turn.run, turn.next
    awaited = _awaited(turn)
    if awaited:
        _wait(run, awaited, cause=turn.cause)
        return False
    if run.status != RunStatus.RUNNING:
        return False
    run.waits_for = []
    if step is None:
        _settle(turn)
        return False
    return _start(turn, turn.at(step))


def _awaited(turn: Turn) -> list[Awaited]:
    """Return what of its scope was dispatched before the run started and still owes its result.

    What the plan left out because nobody knew its outcome is not waited for while that is so: the
    run was asked for in spite of it, and ends with an exception. Nor is what the run undoes itself,
    as if it had happened.
    """
    run, kind = turn.run, turn.kind
    wanted = _left_in_scope(run, _OWES)
    if kind is None or not run.about_whole or not wanted:
        return []
    own = steps_in(run).filter(original_id__in=wanted)
    wanted -= set(own.values_list("original_id", flat=True))
    doubted = _left_in_scope(run, {ExclusionCode.OUTCOME_UNKNOWN})
    return [
        each
        for each in kind.awaited(turn.whole)
        if each.id in wanted and not (each.unsure and each.id in doubted)
    ]


def _wait(run: CompensationRun, awaited: list[Awaited], *, cause: Cause) -> None:
    """Say on the run what it waits for. The first time that no program is at it, that is news for
    the operators (`compensation_waiting`), who alone can end the waiting."""
    shown = [each.to_json() for each in awaited]
    if run.status != RunStatus.RUNNING or run.waits_for == shown:
        return
    run.waits_for = shown
    told = latest_ref(run.tenant_id, CompensationRun.subject_type, run.id, actions=[WAITING])
    stuck = any(each.stuck for each in awaited)
    move(
        run, WAITING if stuck and told is None else "compensation_awaits",
        before=str(run.status), by=cause.by, caused_by=cause.entry, fields=("waits_for",),
        payloads={"detail": ", ".join(each.name for each in awaited)}, moves=cause.moves,
    )  # fmt: skip


def _left_in_scope(run: CompensationRun, codes: Collection[str]) -> set[uuid.UUID]:
    """Return what the plan of a run covered and left out for one of these reasons."""
    return {uuid.UUID(each["original"]["id"]) for each in run.left_out if each["code"] in codes}


def _start(turn: Turn, at: LockedStep) -> bool:
    """Start one step. Returns whether the next may start at once: this one needed nothing, or may
    have others beside it.

    Whatever refuses its undo does so before anything of that is written: the step has failed then.
    """
    state = None if at.row is None else at.row.compensation_state
    if state == CompensationState.COMPENSATED or _came_to_nothing(at.row):
        at.step.skip()
        at.save("compensation_step_skipped", ended_at=now())
        return True
    try:
        attempt = _undo(at)
    except Refusal as refusal:
        at.fail(refusal.in_words)
        return False
    at.step.start()
    at.save(
        "compensation_step_started", started_at=now(), error="",
        adopted=state == CompensationState.COMPENSATING, **link_to(attempt),
    )  # fmt: skip
    turn.tell_piece(at.row, attempt)
    return at.step.undo_order is not None


def _came_to_nothing(row: Any | None) -> bool:
    """Whether something that was to be undone as if it had happened turned out not to have."""
    if row is None or row.compensation_state != CompensationState.NONE:
        return False
    return not can_proceed(row.compensate)


def _undo(at: LockedStep) -> CompensationAttempt:
    """Begin the undo of a locked original, or adopt the one under way."""
    row, cause = at.row, at.cause
    if row is None:
        raise Refusal(_("What was to be undone is not there any more."))
    if row.compensation_state == CompensationState.COMPENSATING:
        found = open_attempt(row)
        if found is None:
            raise Refusal(_("It is being undone, but nobody knows by what."))
        return found
    request = plain_request(at.run, at.step, row)
    subject = whole_subject(at.run.whole_type)
    if at.whole is not None and subject is not None:
        request = subject.request(at.whole, row, request)
    again = row.compensation_state == CompensationState.COMPENSATION_FAULTED
    begun = undo.retry if again else undo.begin
    return begun(row, request, by=cause.by, caused_by=cause.entry, moves=cause.moves)


def plain_request(run: CompensationRun, step: CompensationStep, row: Any) -> UndoRequest:
    """Return what the undo of this step is told by its policy alone, without its binding."""
    spec = step.spec
    return UndoRequest(
        mode=step.mode,
        strategy=step.strategy,
        reason=run.reason,
        requested_by=run.requested_by_id,
        regulatory_basis=tuple(run.regulatory_basis),
        capability=spec["capability"],
        performer=spec["performer"],
        candidate_groups=tuple(spec["candidate_groups"]),
        candidate_users=tuple(spec.get("candidate_users", ())),
        fallback=spec["fallback"],
        deadline=spec.get("deadline") or "",
        title=f"Undo: {getattr(row, 'title', '') or step.original_name}",
        run_id=run.id,
        step=step.n,
        binding=step.binding,
    )


def take_late_result(whole: Any, part: Part, *, completed: bool, cause: Cause) -> bool:
    """A result came in while its whole is being rolled back: undo it first, as an amendment.

    Returns whether a run is live about the whole.
    """
    run = lock_live_run(whole)
    if run is None:
        return False
    known = steps_in(run).filter(original_id=part.original.id).exists()
    if completed and not known and part.original.id in _left_in_scope(run, _OWES):
        _amend(run, part, cause=cause)
    proceed(run.tenant_id, run.id, whole, cause=cause)
    return True


def go_on_waiting(whole: Any, *, cause: Cause) -> None:
    """What a rollback of `whole` waits for has not ended: say anew what it waits for."""
    run = lock_live_run(whole)
    if run is not None:
        proceed(run.tenant_id, run.id, whole, cause=cause)


def _amend(run: CompensationRun, part: Part, *, cause: Cause) -> None:
    part = dataclasses.replace(part, in_flight=False)
    planned = plan_original(part, strategy=run.plan.strategy or None, now=now())
    if planned is None:
        return
    if isinstance(planned, Exclusion) and planned.code not in RESIDUAL_EXCLUSIONS:
        return
    n = steps_in(run).count() + 1
    if isinstance(planned, UndoStep):
        spec = planned.shown(n, depends_on=[])
        how = {"mode": spec["mode"], "strategy": spec["strategy"], "spec": spec}
    else:
        error = f"{planned.code}: {planned.detail}"
        how = {"mode": "", "strategy": "", "spec": {}, "status": StepStatus.BLOCKED, "error": error}
    step = CompensationStep(
        tenant_id=run.tenant_id,
        run=run,
        n=n,
        original_type=part.original.type,
        original_id=part.original.id,
        original_name=part.original.name,
        completion_seq=part.row.completion_seq,
        undo_order=part.order,
        amendment=True,
        binding=part.undo,
        **how,
    )
    step.save(force_insert=True)
    run.version += 1
    run.save(update_fields=["version"])
    record(
        step_change(
            run, step, "compensation_step_planned", before=str(run.status), by=cause.by,
            caused_by=cause.entry, payloads={"amendment": part.original.name},
        )
    )  # fmt: skip


def _settle(turn: Turn) -> None:
    """All steps are over: end the run, and let the whole go where it belongs (DESIGN §6, Ends)."""
    run, cause = turn.run, turn.cause
    left = {each["code"] for each in run.left_out}
    if _stands(turn):
        left.add(ExclusionCode.OUTCOME_UNKNOWN)
    else:
        left.discard(ExclusionCode.OUTCOME_UNKNOWN)
    given_up = _ended(turn, LEAVES_PART)
    undeclared = given_up & _undeclared(turn)
    partial = bool(left & RESIDUAL_EXCLUSIONS) or bool(given_up)
    # All that stays is what nobody declared an undo for, whenever it was finished.
    bare = left & RESIDUAL_EXCLUSIONS <= {ExclusionCode.NO_COMPENSATION_DECLARED}
    before = str(run.status)
    if partial:
        run.complete_partially()
    else:
        run.complete()
    run.ended_at = now()
    entry = move(
        run, "compensation_completed", before=before, by=cause.by, caused_by=cause.entry,
        fields=("ended_at", "waits_for"), moves=cause.moves,
    )  # fmt: skip
    tell_whole(
        run, turn.whole, "ended", partial=partial, bare=bare and given_up <= undeclared,
        cause=cause.after(entry.ref),
    )  # fmt: skip


def _undeclared(turn: Turn) -> set[uuid.UUID]:
    """Return what was finished during the run, and has no undo declared."""
    begins = f"{ExclusionCode.NO_COMPENSATION_DECLARED}: "
    blocked = steps_in(turn.run).filter(status=StepStatus.BLOCKED, error__startswith=begins)
    return set(blocked.values_list("original_id", flat=True))


def _ended(turn: Turn, how: Collection[str]) -> set[uuid.UUID]:
    """Return the originals whose steps ended like this, those of this turn as they are by now."""
    known = {step.id for step in turn.steps}
    rows = steps_in(turn.run).filter(status__in=list(how))
    found = set(rows.exclude(id__in=known).values_list("original_id", flat=True))
    return found | {step.original_id for step in turn.steps if step.status in how}


def _stands(turn: Turn) -> bool:
    """Whether something whose result the plan did not know may still be in effect: nobody knows it
    even now, or it did happen and this run has not undone it."""
    originals = [each["original"] for each in turn.run.left_out if each["code"] in _OWES]
    if not originals:
        return False
    undone = _ended(turn, DONE_STEPS)
    rows = read_rows(
        turn.run.tenant_id, ((each["type"], uuid.UUID(each["id"])) for each in originals)
    )
    return any(
        undoable(row.subject_type).unsure(row) or row.status == undoable(row.subject_type).settled
        for row in rows.values()
        if row.id not in undone
    )
