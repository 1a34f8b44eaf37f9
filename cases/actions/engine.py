"""The engine: hears what happened to a case and its parts, and draws the consequences.

It runs in the dispatcher only, all due news of one case at once, in one transaction:

1. read, without a lock: the case (its compiled definition is kept by the process), what matters of
   its plan, the work that the news is about;
2. decide, in memory (`deciding`): take in all results, see whether the case has ended, make ready
   what fires. This is where jq runs, so that a slow definition makes nobody wait;
3. lock the case and the end of its chain, in one exchange with what is written first: the database
   refuses it unless both are as they were decided about. If the case has moved, all is put back and
   done again; if it moves on, the dispatcher comes back;
4. write (`forward`): the case, its plan items, new work, and all entries in one statement; then
   what a rollback under way makes of it; mark the news done.

News is taken together only where no piece of it can change what the next one means: steps that are
done, and that the case goes on. What fails, or is tried again, or comes in during a rollback, ends
what was decided so far: the rest is read and decided afresh in the same transaction, as if it had
come later, so that all is done or nothing is. What that needs of jq, and what an undo that a
rollback begins is told, is asked with the transaction put back (`answered_outside`).

A repeated event finds its plan item already where it should be: then nothing is locked or written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction

from accounts.acting import authority_of, system_of
from cases.actions.deciding import Decision, Ended, count_groups, decide, end, end_sub_case
from cases.actions.firing import MAX_FIRINGS
from cases.actions.forward import carry_out
from cases.actions.tree_parts import part_in_case
from cases.events import ARRIVALS, GOES_ON, RESUMES, RETRIED, UNSETTLED
from cases.lifecycle import OPEN_ITEMS, ROLLING_BACK, CaseStatus, PlanItemStatus, PlanItemType
from cases.models import Case, PlanItem
from cases.plan_state import (
    CaseMoved,
    PlanState,
    lock_unmoved,
    read_case,
    read_plan,
    telling_moved,
    work_behind,
)
from cases.selectors import compiled_of
from compensation.actions.advancing import go_on_waiting, take_late_result
from compensation.locking import lock_rows
from compensation.subject import Cause
from json_values.jq.known_answers import asked_at_once
from ledger import failpoints
from ledger.dispatch.consumer_registry import Done, Event
from ledger.record import ActorRef, EntryRef
from ledger.tenancy import set_tenant
from verbs.answered_outside import answered_outside

# How often a case may move under the engine before the dispatcher is asked to come back: as often
# as the slowest definition can be asked in the time of a handler.
TRIES = 2
# Kinds of what a step may be, as news names them, and as what they are read.
_WORK: Mapping[str, str] = {
    str(PlanItemType.WORK_ITEM): str(PlanItemType.WORK_ITEM),
    str(PlanItemType.EXECUTION): str(PlanItemType.EXECUTION),
    str(PlanItemType.SUB_CASE): Case.subject_type,
}
failpoints.declare("engine.handled")


@dataclasses.dataclass(frozen=True, slots=True)
class _News:
    """What one event says: that a step ended, that a result is still not known (`waits`), that the
    case shall try again (`retries`) or goes on after a halt (`resumes`), or else that it just goes
    on. `position`: of its event."""

    position: int
    cause: Cause
    ended: Ended | None = None
    waits: bool = False
    retries: bool = False
    resumes: bool = False

    @property
    def failed(self) -> bool:
        """Whether it is about a step that was not done, and not left out either."""
        return self.ended is not None and self.ended.failed

    @property
    def is_unusable(self) -> bool:
        """Whether a step was done, but its result could not be taken in."""
        return self.ended is not None and self.ended.was_done and bool(self.ended.item.error)


def handle(events: Sequence[Event], done: Done) -> None:
    """Handle events of one case, of its work items and executions, in order."""
    rest: Cause | None = None
    moved = 0
    while True:
        try:
            with telling_moved():
                rest = answered_outside(functools.partial(_handle, events, done, rest))
        except CaseMoved:
            moved += 1
            if moved == TRIES:
                raise
            continue
        if rest is None:
            return


def _handle(events: Sequence[Event], done: Done, rest: Cause | None) -> Cause | None:
    """Handle the events, and mark them done; or, where more has come for steps than is seen to at
    once, commit that and return in whose name to go on. Then they are not done: whoever comes after
    a killed worker finds what it has handled as it should be, and goes on too."""
    first = events[0]
    with transaction.atomic(durable=True):
        set_tenant(first.tenant_id)
        if rest is not None and first.case_id is not None and _see_to_more(first, rest):
            return rest
        by = authority_of(system_of(first.tenant_id)).ref()
        left = events if first.case_id is not None else ()
        while left:
            handled, more = _carry(left, by, locked=left is not events or rest is not None)
            if more is not None:
                return more
            left = left[handled:]
        failpoints.reach("engine.handled")
        done()
    return None


def _see_to_more(event: Event, cause: Cause) -> bool:
    """Let the case see to what else has come for its steps; whether there may be more of it."""
    case = None if event.case_id is None else read_case(event.tenant_id, event.case_id)
    if case is None or case.status != CaseStatus.RUNNING:
        return False
    plan = read_plan(case, (), most=MAX_FIRINGS)
    with asked_at_once():
        decision = decide(case, plan, (), go_on=cause)
    if decision.is_nothing:
        return False
    lock_unmoved(case)
    carry_out(case, decision)
    return decision.more


def _carry(events: Sequence[Event], by: ActorRef, *, locked: bool) -> tuple[int, Cause | None]:
    """Handle the first of these events, and those after it that can be decided with it. Returns
    how many are handled, and in whose name to see to what else has come for the steps, if anything
    has. `locked`: the case may be, by what was handled before."""
    first = events[0]
    work = _work_behind(events)
    case = None if first.case_id is None else read_case(first.tenant_id, first.case_id)
    if case is None:
        return len(events), None
    plan = read_plan(case, {event.subject_id for event in events}, most=MAX_FIRINGS)
    news = _news(case, plan, events, work(), by)
    if not news:
        return len(events), None
    with contextlib.nullcontext() if locked else asked_at_once():
        taken, decision = _decided(case, plan, news)
    if case.status in ROLLING_BACK:
        _tell_run(case, taken[0], decision)
    elif not decision.is_nothing:
        lock_unmoved(case)
        carry_out(case, decision)
        if decision.more and decision.cause is not None:
            return 0, decision.cause
    return (news[len(taken)].position if len(taken) < len(news) else len(events)), None


def _work_behind(events: Sequence[Event]) -> Callable[[], dict[uuid.UUID, Any]]:
    """Read what the news is about right behind the next statement, the read of the case."""
    first = events[0]
    return work_behind(
        first.tenant_id,
        ((_WORK[each.subject_type], each.subject_id) for each in events
         if each.subject_type in _WORK),
    )  # fmt: skip


def _news(
    case: Case,
    plan: PlanState,
    events: Sequence[Event],
    rows: Mapping[uuid.UUID, Any],
    by: ActorRef,
) -> list[_News]:
    """Return what is news: of work whose plan item is open, and of the case however long ago. What
    has fired since does not fire again, so an old event of the case does no harm, and one that was
    overtaken by a change that nobody evaluated is not lost."""
    found = []
    owed = {item.target_id for item in plan.items.values() if _is_owed(case, item)}
    work = {id_: row for id_, row in rows.items() if id_ in owed}
    for position, event in enumerate(events):
        cause = Cause(by, EntryRef(event.id, event.hash))
        if event.subject_type == Case.subject_type:
            if event.action in GOES_ON | ARRIVALS:
                retries, resumes = event.action == RETRIED, event.action in RESUMES
                found.append(_News(position, cause, retries=retries, resumes=resumes))
        elif event.subject_id not in work:
            continue
        elif event.action in UNSETTLED:
            found.append(_News(position, cause, waits=True))
        else:
            item, row = plan.items[event.subject_id], work[event.subject_id]
            ended = _ended(item, row, event, cause)
            if ended is not None:
                found.append(_News(position, cause, ended))
    if case.has_children:
        count_groups(case, [each.ended for each in found if each.ended is not None])
    return found


def _is_owed(case: Case, item: PlanItem) -> bool:
    """Whether a result may yet come. Of a sub-case that failed, and that its group can do without,
    one comes where it is tried again by itself."""
    failed_below = item.is_case and item.status == PlanItemStatus.FAULTED
    return item.status in OPEN_ITEMS or (failed_below and case.status == CaseStatus.RUNNING)


def _ended(item: PlanItem, row: Any, event: Event, cause: Cause) -> Ended | None:
    """Return how a step has ended; None for a sub-case that goes on, whatever its news says."""
    if item.is_case:
        if item.status not in OPEN_ITEMS and row.status != CaseStatus.COMPLETED:
            return None  # It failed, and that has been heard.
        return end_sub_case(item, row, event.to_status, cause)
    return end(item, row, event.action, cause)


def _decided(case: Case, plan: PlanState, news: Sequence[_News]) -> tuple[list[_News], Decision]:
    """Decide about the first of the news, and about what can be taken together with it."""
    taken = _together(case, news)
    while True:
        told = [each for each in taken if not each.waits]
        decision = decide(
            case, plan, [each.ended for each in taken if each.ended is not None],
            go_on=told[-1].cause if told else None,
            retry=next((each.cause for each in taken if each.retries), None),
            resumed=next((each.cause for each in taken if each.resumes), None),
        )  # fmt: skip
        unusable = next((n for n, each in enumerate(taken) if each.is_unusable), None)
        if unusable is None or len(taken) == 1:
            return taken, decision
        # Only jq could say so: it is a failure like any other.
        taken = taken[: max(unusable, 1)]


def _together(case: Case, news: Sequence[_News]) -> list[_News]:
    """Return the first of the news, and those after it that mean the same as if it had been heard
    alone before. A rollback starts nothing while the plan still shows another result that is owed,
    and may be over after any."""
    taken: list[_News] = []
    for each in news:
        if taken and each.failed:
            break
        taken.append(each)
        if each.failed or each.retries or case.status in ROLLING_BACK:
            break
    return taken


def _tell_run(case: Case, news: _News, decision: Decision) -> None:
    """Let the rollback under way undo first what has just been done, or say what it waits for."""
    if news.waits:
        lock_unmoved(case)
        go_on_waiting(case, cause=news.cause)
    elif news.ended is not None:
        lock_unmoved(case)
        item, row = news.ended.item, news.ended.row
        if item.is_case:
            # What a sub-case did is not undone by this rollback, whose plan has left it out.
            carry_out(case, decision)
            return
        rows = lock_rows(case.tenant_id, [item.work])
        carry_out(case, decision)
        part = part_in_case(item, rows[row.id], compiled_of(case.tenant_id, case.definition_id))
        take_late_result(case, part, completed=news.ended.was_done, cause=news.cause)
