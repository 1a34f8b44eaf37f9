"""Carrying a run: strictly falling completion order, one undo at a time, each awaited; side by
side only what its definition declares so.

Inside the caller's transaction, with the whole locked; a run without one has one step, and that
step's original is its lock. What starts a step is the dispatcher, never a web request.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _
from django_fsm import can_proceed

from compensation.actions import undo
from compensation.actions.amendments import amend, left_in_scope
from compensation.actions.attempts import open_attempt
from compensation.actions.nested_start import is_nested, start_nested
from compensation.actions.run_below import is_held_above, leaves_part_below
from compensation.actions.run_entries import LockedStep, heard_above, link_to, tell_whole
from compensation.actions.run_turn import Turn, steps_in, turn_of
from compensation.actions.run_verbs import lock_live_run
from compensation.lifecycle import (
    DONE_STEPS,
    LEAVES_PART,
    OWES,
    RESIDUAL_EXCLUSIONS,
    CompensationState,
    ExclusionCode,
    RunStatus,
    StepStatus,
)
from compensation.locking import lock_rows
from compensation.models import CompensationAttempt, CompensationRun, CompensationStep
from compensation.planning import Part, UndoRequest, leaves_nothing
from compensation.subject import (
    Awaited,
    Cause,
    read_rows,
    subject_nests,
    undoable,
    whole_subject,
)
from ledger.clock import now
from ledger.errors import Refusal
from ledger.selectors import latest_ref
from ledger.statements import fetched
from verbs.move import move

WAITING = "compensation_waiting"


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
    if run.status != RunStatus.RUNNING or is_held_above(run):
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
    wanted = left_in_scope(run, OWES)
    if kind is None or not run.about_whole or not wanted:
        return []
    own = steps_in(run).filter(original_id__in=wanted)
    wanted -= set(own.values_list("original_id", flat=True))
    doubted = left_in_scope(run, {ExclusionCode.OUTCOME_UNKNOWN})
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


def _start(turn: Turn, at: LockedStep) -> bool:
    """Start one step. Returns whether the next may start at once: this one needed nothing, or may
    have others beside it.

    Whatever refuses its undo does so before anything of that is written: the step has failed then.
    """
    if is_nested(at.step):
        begun = start_nested(at)
        turn.tell_below(at.step)
        return (begun is None and at.step.status == StepStatus.SKIPPED) or (
            begun is not None and at.step.undo_order is not None
        )
    state = None if at.row is None else at.row.compensation_state
    if state == CompensationState.COMPENSATED or _came_to_nothing(at.row):
        at.step.skip()
        at.save("compensation_step_skipped", ended_at=now())
        return True
    try:
        attempt = _undo(at)
    except Refusal as refusal:
        at.fail(refusal.in_words, refusal.extra.get("decisions", ()))
        # Nothing is under way of which news would come: the rest goes on now, or never.
        return at.step.lets_go_on
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
        asked_by=tuple(uuid.UUID(each) for each in spec.get("asked_by", ())),
    )


def take_late_result(whole: Any, part: Part, *, completed: bool, cause: Cause) -> bool:
    """A result came in while its whole is being rolled back: undo it first, as an amendment.

    Returns whether a run is live about the whole.
    """
    run = lock_live_run(whole)
    if run is None:
        return False
    known = steps_in(run).filter(original_id=part.original.id).exists()
    if completed and not known and part.original.id in left_in_scope(run, OWES):
        amend(run, whole, part, cause=cause)
    proceed(run.tenant_id, run.id, whole, cause=cause)
    return True


def go_on_waiting(whole: Any, *, cause: Cause) -> None:
    """What a rollback of `whole` waits for has not ended: say anew what it waits for."""
    run = lock_live_run(whole)
    if run is not None:
        proceed(run.tenant_id, run.id, whole, cause=cause)


def _settle(turn: Turn) -> None:
    """All steps are over: end the run, and let the whole go where it belongs (DESIGN §6, Ends)."""
    run, cause = turn.run, turn.cause
    left = {each["code"] for each in run.left_out}
    if _stands(turn):
        left.add(ExclusionCode.OUTCOME_UNKNOWN)
    else:
        left.discard(ExclusionCode.OUTCOME_UNKNOWN)
    if _holds_at_the_end(turn):
        return
    given_up = _ended(turn, LEAVES_PART)
    undeclared = _undeclared(turn) if given_up else set()
    below = turn.whole is not None and subject_nests(turn.whole) and leaves_part_below(run)
    partial = bool(left & RESIDUAL_EXCLUSIONS) or bool(given_up) or below
    # All that stays is what nobody declared an undo for, whenever it was finished.
    bare = not below and left & RESIDUAL_EXCLUSIONS <= {ExclusionCode.NO_COMPENSATION_DECLARED}
    before = str(run.status)
    if partial:
        run.complete_partially()
    else:
        run.complete()
    run.ended_at = now()
    entry = move(
        run, "compensation_completed", before=before, by=cause.by, caused_by=cause.entry,
        fields=("ended_at", "waits_for"), moves=cause.moves, **heard_above(run),
    )  # fmt: skip
    tell_whole(
        run, turn.whole, "ended", partial=partial, bare=bare and given_up <= undeclared,
        cause=cause.after(entry.ref),
    )  # fmt: skip


def _holds_at_the_end(turn: Turn) -> bool:
    """Hold a run of which nothing is left but what failed and did not hold it (`on_failure`): it
    has not ended before somebody has decided."""
    failed = [step for step in turn.steps if step.status == StepStatus.FAILED]
    if not failed:
        return False
    run, cause = turn.run, turn.cause
    before = str(run.status)
    run.fail()
    entry = move(
        run, "compensation_faulted", before=before, by=cause.by, caused_by=cause.entry,
        fields=("waits_for",), moves=cause.moves, **heard_above(run),
    )  # fmt: skip
    tell_whole(run, turn.whole, "faulted", failed[0], cause=cause.after(entry.ref))
    return True


def _undeclared(turn: Turn) -> set[uuid.UUID]:
    """Return what was finished during the run, and has no undo declared."""
    begins = f"{ExclusionCode.NO_COMPENSATION_DECLARED}: "
    blocked = steps_in(turn.run).filter(status=StepStatus.BLOCKED, error__startswith=begins)
    return set(blocked.values_list("original_id", flat=True))


_OTHERS_ENDED = """
SELECT original_id FROM compensation_compensationstep
WHERE tenant_id = %s AND run_id = %s AND status = ANY(%s) AND id <> ALL(%s)
"""


def _ended(turn: Turn, how: Collection[str]) -> set[uuid.UUID]:
    """Return the originals whose steps ended like this, those of this turn as they are by now."""
    known = [step.id for step in turn.steps]
    rows = fetched(_OTHERS_ENDED, [turn.run.tenant_id, turn.run.id, list(how), known])
    return {id_ for (id_,) in rows} | {
        step.original_id for step in turn.steps if step.status in how
    }


def _stands(turn: Turn) -> bool:
    """Whether something whose result the plan did not know may still be in effect: nobody knows it
    even now, or it did happen and this run has not undone it. What needs no undo is no exception:
    had it ended before the plan was made, that would not name it at all."""
    originals = [each["original"] for each in turn.run.left_out if each["code"] in OWES]
    if not originals:
        return False
    undone = _ended(turn, DONE_STEPS)
    rows = read_rows(
        turn.run.tenant_id, ((each["type"], uuid.UUID(each["id"])) for each in originals)
    )
    return any(
        undoable(row.subject_type).unsure(row) or row.status == undoable(row.subject_type).settled
        for row in rows.values()
        if row.id not in undone and not leaves_nothing(row)
    )
