"""Carrying a case forward, the case locked: what was decided is written, its entries together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cases.actions import milestone_moves
from cases.actions.changes import change_case, fault_case
from cases.actions.deciding import Decision
from cases.actions.open_work import OpenWork, lock_open_work
from cases.actions.step_opening import open_all
from cases.actions.sub_cases import draw_completion, meet_group, reopen, tell_end
from cases.actions.throwing import carry_out_throw, lock_thrown
from cases.arrival_tables import Arrival
from cases.definitions import ContextChange
from cases.events import CONTEXT_CHANGED, ENGINE
from cases.lifecycle import ArrivalStatus
from cases.models import Case, PlanItem
from cases.plan_state import Changes
from compensation.subject import Cause
from ledger.clock import now
from verbs.move import Moves, sharing

__all__ = ["carry_out", "change_context"]

_OF_ENDING = ("status", "completion_seq", "ended_at", "written", "taken_version", "error")
CASE_COMPLETED = "The case is completed without it."


def carry_out(case: Case, decision: Decision) -> None:
    """Do what was decided about a case, which is locked and has not moved since."""
    moves, cause = Moves(), decision.cause
    left, rest = _left_open(case, decision), _rest_of_groups(case, decision)
    lock_thrown(case, decision.fired)
    if cause is not None:
        for item, row in decision.reopened:
            reopen(case, item, row, cause=cause, moves=moves)
    _take_in(case, decision, rest, moves)
    if not {each.item.binding for each in decision.ended}.isdisjoint(decision.bindings):
        # A binding has one open item: the old one is closed before the new one is there.
        moves.record()
    if cause is not None:
        _go_on(case, decision, cause, moves, left)
    moves.record()


def _take_in(case: Case, decision: Decision, rest: Mapping[str, OpenWork], moves: Moves) -> None:
    """Write how steps have ended, and what came of that. `rest`: of groups that are met."""
    for each in decision.ended:
        if each.item.is_case:
            draw_completion(case, each.item)
            tell_end(case, each.item, cause=each.cause, moves=moves)
        if each.change is not None:
            change_context(case, each.change, cause=each.cause, step=each.item.binding, moves=moves)
            each.item.taken_version = case.version
        moves.save(each.item, _OF_ENDING)
        if each.meets is not None:
            meet_group(case, each.meets, rest.get(each.meets.name), cause=each.cause, moves=moves)


def _left_open(case: Case, decision: Decision) -> OpenWork | None:
    """Lock what is called off because a case completes. Rows of work come before the counter that
    the end of a sub-case draws from: who completes a task holds that, and then wants the counter.
    """
    if not decision.completes or not (decision.others_open or case.has_children):
        return None
    return lock_open_work(case, but=[each.item.id for each in decision.ended])


def _rest_of_groups(case: Case, decision: Decision) -> dict[str, OpenWork]:
    """Lock what is called off because a group of sub-cases is met without it; before, as above.
    Where the case completes, that calls off all."""
    ended = [each.item.id for each in decision.ended]
    return {
        each.meets.name: lock_open_work(case, but=ended, bindings=each.meets.steps)
        for each in decision.met
        if each.meets is not None and each.meets.cancels and not decision.completes
    }


def _go_on(
    case: Case, decision: Decision, cause: Cause, moves: Moves, left: OpenWork | None
) -> None:
    milestone_moves.record(case, decision.seen, cause=cause, moves=moves)
    completed = None
    if decision.completes:
        completed = change_case(
            case, "completed", moves=moves, cause=cause, step=case.complete,
            also={"ended_at": now()},
        )  # fmt: skip
    for each in decision.fired:
        written = each.binding.context_write if each.work is not None else None
        if written:
            change = ContextChange({**case.context, **written}, tuple(sorted(written)))
            change_context(
                case, change, cause=cause, step=each.binding.name, moves=moves, heard=True
            )
    items = open_all(case, decision.fired, cause=cause, moves=moves)
    _save_opened(items, decision.arrivals, moves)
    if decision.fault:
        fault_case(case, decision.fault, cause=cause, moves=moves)
    carry_out_throw(case, decision.fired, items, cause=cause, moves=moves)
    if completed is not None and left is not None:
        moves.record()
        left.call_off(cause=Cause(cause.by, completed.ref), reason=CASE_COMPLETED)


def _save_opened(items: Sequence[PlanItem], arrivals: Sequence[Arrival], moves: Moves) -> None:
    """Write what has fired, and what of what had come for steps was seen to, and became of that."""
    became = {item.binding: item.id for item in items}
    for item in items:
        moves.add(item)
    for arrival in arrivals:
        if arrival.status == ArrivalStatus.TAKEN:
            arrival.plan_item_id = became.get(arrival.binding)
        moves.save(arrival, ["status", "plan_item_id"])


def changed_keys(case: Case, changed: Collection[str]) -> dict[str, int]:
    """Return when each key of a case last changed, once some do with its next version."""
    known = Changes.of(case)
    unknown = dict.fromkeys(case.context, known.others) if known.others else {}
    return {**unknown, **known.having(changed, case.version + 1).keys}


def change_context(
    case: Case,
    change: ContextChange,
    *,
    cause: Cause,
    step: str,
    invalidated: list[str] | None = None,
    problem: str = "",
    moves: Moves | None = None,
    heard: bool = False,
) -> None:
    """Store a changed context: what was stated is valid, what was undone is marked, never gone.

    `invalidated`: what the undo of `step` has made invalid. The entry of a change that an undo
    makes says so, by which the engine knows that it has yet to look at it. So does one that a step
    makes as it fires (`heard`): what was decided beside it was asked before.
    """
    marked = sorted((set(case.invalidated) | set(invalidated or ())) - set(change.stated))
    changed = change.changed(case.context)
    if not changed and marked == case.invalidated and not problem:
        return
    also: dict[str, Any] = {"context": change.after, "invalidated": marked}
    if changed:
        # To mark what was undone is no change: else an undone step would at once be done again.
        also["triggered"] = case.version + 1
        also["changed_keys"] = changed_keys(case, changed)
    stated = {key: change.after[key] for key in change.stated}
    said: dict[str, Any] = {"step": step, "changed": stated}
    if invalidated:
        said["invalidated"] = sorted(invalidated)
    if problem:
        said["problem"] = problem
    undone = {"binding": step} if changed and invalidated is not None else None
    with sharing(moves) as own:
        change_case(
            case, CONTEXT_CHANGED, moves=own, cause=cause, also=also, payloads=said,
            compensation=undone, heard_by=(ENGINE,) if heard else (),
        )  # fmt: skip
