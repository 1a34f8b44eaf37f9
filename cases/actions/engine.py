"""The engine: hears what happened to a case and its parts, and draws the consequences.

It runs in the dispatcher only, all due news of one case at once, in one transaction:

1. read, without a lock: the case (its compiled definition is kept by the process), what matters of
   its plan, the work that the news is about;
2. decide, in memory (`deciding`): take in all results, see whether the case has ended, make ready
   what fires. This is where jq runs, so that a slow definition makes nobody wait;
3. lock the case and the end of its chain, and see that it is still at the version decided about.
   If it has moved, all is put back and done again; if it moves on, the dispatcher comes back;
4. write (`forward`): the case, its plan items, new work, and all entries in one statement; then
   what a rollback under way makes of it; mark the news done.

A repeated event finds its plan item already where it should be: then nothing is locked or written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from django.db import transaction

from accounts.acting import authority_of, system_of
from cases.actions.deciding import Decision, Ended, decide, end
from cases.actions.firing import MAX_FIRINGS
from cases.actions.forward import carry_out
from cases.actions.rollback import part_in_case
from cases.events import GOES_ON, RETRIED, UNSETTLED
from cases.lifecycle import OPEN_ITEMS, ROLLING_BACK
from cases.models import Case
from cases.plan_state import CaseMoved, PlanState, lock_unmoved, read_case, read_plan, work_of
from cases.selectors import compiled_of
from compensation.actions.advancing import go_on_waiting, take_late_result
from compensation.locking import lock_rows
from compensation.subject import Cause
from ledger import failpoints
from ledger.dispatch.consumer_registry import Done, Event
from ledger.record import ActorRef, EntryRef
from ledger.tenancy import set_tenant

# How often a case may move under the engine before the dispatcher is asked to come back: as often
# as the slowest definition can be asked in the time of a handler.
TRIES = 2
failpoints.declare("engine.handled")


@dataclasses.dataclass(slots=True)
class _News:
    """What the events say: steps that ended, results that nobody knows yet, and that the case shall
    go on or try again."""

    ended: list[Ended] = dataclasses.field(default_factory=list)
    unsettled: list[Cause] = dataclasses.field(default_factory=list)
    go_on: Cause | None = None
    retry: Cause | None = None


def handle(events: Sequence[Event], done: Done) -> None:
    """Handle events of one case, of its work items and executions, in order."""
    for left in reversed(range(TRIES)):
        try:
            _handle(events, done)
        except CaseMoved:
            if not left:
                raise
        else:
            return


def _handle(events: Sequence[Event], done: Done) -> None:
    first = events[0]
    with transaction.atomic(durable=True):
        set_tenant(first.tenant_id)
        case = None if first.case_id is None else read_case(first.tenant_id, first.case_id)
        if case is not None:
            _carry(case, events, authority_of(system_of(first.tenant_id)).ref())
        failpoints.reach("engine.handled")
        done()


def _carry(case: Case, events: Sequence[Event], by: ActorRef) -> None:
    plan = read_plan(case, {event.subject_id for event in events}, most=MAX_FIRINGS)
    news = _news(plan, events, by)
    decision = decide(case, plan, news.ended, go_on=news.go_on, retry=news.retry)
    of_run = case.status in ROLLING_BACK and bool(news.ended or news.unsettled)
    if decision.is_nothing and not of_run:
        return
    lock_unmoved(case)
    if of_run:
        _tell_run(case, news)
    else:
        carry_out(case, decision)


def _news(plan: PlanState, events: Sequence[Event], by: ActorRef) -> _News:
    """Return what is news: of work whose plan item is open, and of the case however long ago. What
    has fired since does not fire again, so an old event of the case does no harm, and one that was
    overtaken by a change that nobody evaluated is not lost."""
    found = _News()
    work = work_of(item for item in plan.items.values() if item.status in OPEN_ITEMS)
    for event in events:
        cause = Cause(by, EntryRef(event.id, event.hash))
        item = plan.items.get(event.subject_id)
        if event.subject_type == Case.subject_type:
            if event.action == RETRIED:
                found.retry = cause
            elif event.action in GOES_ON:
                found.go_on = cause
        elif item is None or item.status not in OPEN_ITEMS or event.subject_id not in work:
            continue
        elif event.action in UNSETTLED:
            found.unsettled.append(cause)
        else:
            found.ended.append(end(item, work[event.subject_id], event.action, cause))
            found.go_on = cause
    return found


def _tell_run(case: Case, news: _News) -> None:
    """Let the rollback under way undo first what has just been done, or wait on: one result after
    the other, because it starts nothing while the plan still shows another that is owed."""
    definition = compiled_of(case.definition_id)
    rows = lock_rows(each.item.work for each in news.ended)
    for each in news.ended:
        carry_out(case, Decision([each]))
        part = part_in_case(each.item, rows[each.row.id], definition)
        take_late_result(case, part, completed=each.was_done, cause=each.cause)
    for cause in news.unsettled:
        go_on_waiting(case, cause=cause)
