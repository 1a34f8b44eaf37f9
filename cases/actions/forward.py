"""Carrying a case forward, the case locked: what was decided is written, its entries together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cases.actions.changes import cancel_open_work, change_case, fault_case
from cases.actions.deciding import Decision, decide, result_of
from cases.actions.firing import MAX_FIRINGS, open_all
from cases.definitions import ContextChange
from cases.lifecycle import CaseStatus
from cases.models import Case, PlanItem
from cases.plan_state import read_plan
from compensation.subject import Cause
from ledger.clock import now
from verbs.move import Moves, sharing

__all__ = ["advance", "carry_out", "change_context", "result_of"]

CASE_COMPLETED = "The case is completed without it."


def advance(case: Case, *, cause: Cause) -> None:
    """Let a locked case go on by itself, if it is RUNNING.

    A binding fires once for each trigger: not again before the context has changed, or the case was
    resumed or came out of a rollback, since it last did. Doing this at any time, any number of
    times, is therefore right.
    """
    if case.status == CaseStatus.RUNNING:
        plan = read_plan(case, (), most=MAX_FIRINGS)
        carry_out(case, decide(case, plan, (), go_on=cause))


def carry_out(case: Case, decision: Decision) -> None:
    """Do what was decided about a case, which is locked and has not moved since."""
    moves, cause = Moves(), decision.cause
    for each in decision.ended:
        if each.change is not None:
            change_context(case, each.change, cause=each.cause, step=each.item.binding, moves=moves)
    items, completed = [each.item for each in decision.ended], None
    if cause is not None and decision.completes:
        completed = change_case(
            case,
            "completed",
            moves=moves,
            cause=cause,
            step=case.complete,
            also={"ended_at": now()},
        )
    if cause is not None:
        items += open_all(case, decision.fired, cause=cause, moves=moves)
    if cause is not None and decision.fault:
        fault_case(case, decision.fault, cause=cause, moves=moves)
    _save_items(items)
    moves.record()
    if cause is not None and completed is not None and decision.others_open:
        # Because of the entry that has just been written.
        because = Cause(cause.by, completed.ref)
        cancel_open_work(case.id, cause=because, reason=CASE_COMPLETED)


def _save_items(items: Sequence[PlanItem]) -> None:
    """Write plan items that ended, and new ones, in one statement, in that order."""
    if items:
        PlanItem.objects.bulk_create(
            items,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["status", "completion_seq", "ended_at", "written", "error"],
        )


def change_context(
    case: Case,
    change: ContextChange,
    *,
    cause: Cause,
    step: str,
    invalidated: list[str] | None = None,
    problem: str = "",
    moves: Moves | None = None,
) -> None:
    """Store a changed context: what was stated is valid, what was undone is marked, never gone."""
    marked = sorted((set(case.invalidated) | set(invalidated or ())) - set(change.stated))
    differs = change.differs(case.context)
    if not differs and marked == case.invalidated and not problem:
        return
    also: dict[str, Any] = {"context": change.after, "invalidated": marked}
    if differs:
        # To mark what was undone is no change: else an undone step would at once be done again.
        also["triggered"] = case.version + 1
    stated = {key: change.after[key] for key in change.stated}
    said: dict[str, Any] = {"step": step, "changed": stated}
    if invalidated:
        said["invalidated"] = sorted(invalidated)
    if problem:
        said["problem"] = problem
    with sharing(moves) as own:
        change_case(case, "context_changed", moves=own, cause=cause, also=also, payloads=said)
