"""What follows for a case from what happened, decided in memory: no lock is held, nothing written.

Only here does the engine ask jq, three times at most however much happened: all output mappings,
then all goals and conditions, then the inputs of what fires.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from cases.actions.arrivals import Taken, as_seen, free_to_start, taken_from, what_came
from cases.actions.conflicts import laying_of
from cases.actions.firing import MAX_ERROR, Known, Opening, openings, waiting, why_failed
from cases.actions.milestone_moves import ahead_of
from cases.actions.rerouting import may_reroute
from cases.actions.sub_case_groups import Group, counted, may_fire
from cases.actions.sub_cases import end_of, goes_on_below, open_below
from cases.arrival_tables import Arrival
from cases.definitions import (
    Binding,
    CompiledDefinition,
    ContextChange,
    ExpressionFailed,
    Readiness,
    Seen,
    SubCase,
    Throw,
    contexts_after,
    outlook,
)
from cases.fault_words import FAILURE_GOAL
from cases.lifecycle import ROLLING_BACK, TAKES_RESULTS, CaseStatus, PlanItemStatus
from cases.models import Case, PlanItem
from cases.plan_state import Changes, PlanState, failed_steps, is_untaken, work_of
from cases.selectors import compiled_of
from compensation.subject import Cause
from ledger.clock import now

_ENDINGS = {
    "completed": PlanItemStatus.COMPLETED,
    "succeeded": PlanItemStatus.COMPLETED,
    "rejected": PlanItemStatus.REJECTED,
    "failed": PlanItemStatus.FAULTED,
    "cancelled": PlanItemStatus.CANCELLED,
    "skipped": PlanItemStatus.OBSOLETE,
    "expired": PlanItemStatus.FAULTED,
    "escalated": PlanItemStatus.FAULTED,
    "superseded": PlanItemStatus.FAULTED,
}


@dataclasses.dataclass(slots=True)
class Ended:
    """A step whose work has ended, or whose result is taken in once more; `change` is what that
    makes of the context. Of a step of a group: `tolerated`, that can do without it; `meets`, that
    is met by it; `why`, why it cannot be met any more."""

    item: PlanItem
    row: Any
    cause: Cause
    change: ContextChange | None = None
    tolerated: bool = False
    meets: Group | None = None
    why: str = ""

    @property
    def was_done(self) -> bool:
        """Whether the work was done, be its result usable or not."""
        return self.item.status == PlanItemStatus.COMPLETED

    @property
    def failed(self) -> bool:
        """Whether it was to be done and was not. What is left out is missed by nobody."""
        left_out = self.item.status == PlanItemStatus.OBSOLETE or self.tolerated
        return not self.was_done and not left_out


@dataclasses.dataclass(slots=True)
class Decision:
    """What is to be done about a case, and in whose name. `fault`: why it fails. `reopened`: steps
    that are tried again in the sub-cases that they have already. `seen`: what has become of its
    milestones. `arrivals`: what has come for steps and was seen to; `more`: there may be more."""

    ended: Sequence[Ended]
    cause: Cause | None = None
    completes: bool = False
    fired: Sequence[Opening] = ()
    fault: str = ""
    others_open: bool = False
    reopened: Sequence[tuple[PlanItem, Case]] = ()
    seen: Sequence[Seen] = ()
    arrivals: Sequence[Arrival] = ()
    more: bool = False

    @property
    def met(self) -> list[Ended]:
        """The ends by which a group of sub-cases is met."""
        return [each for each in self.ended if each.meets is not None]

    @property
    def bindings(self) -> set[str]:
        """The bindings that fire."""
        return {each.binding.name for each in self.fired}

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to be done."""
        ends = self.completes or self.fault
        done = self.ended or self.fired or self.reopened or self.seen or self.arrivals
        return not (done or ends)


def end(item: PlanItem, row: Any, action: str, cause: Cause) -> Ended:
    """Mark how a plan item has ended."""
    item.status = _ENDINGS[action]
    item.completion_seq = row.completion_seq
    item.ended_at = row.ended_at or now()
    return Ended(item, row, cause)


def end_sub_case(item: PlanItem, row: Case, to_status: str, cause: Cause) -> Ended | None:
    """Mark how the step of a sub-case has ended, if it has; `to_status`: what its news says."""
    status = end_of(row, to_status)
    if status is None:
        return None
    item.status, item.ended_at = status, row.ended_at or now()
    return Ended(item, row, cause)


def count_groups(case: Case, ended: Sequence[Ended]) -> None:
    """Say of each end of a sub-case, in order, what it means for the group of its step."""
    below = [each for each in ended if each.item.is_case]
    if not below:
        return
    definition = compiled_of(case.tenant_id, case.definition_id)
    counts = counted(case, definition, [each.item for each in below])
    for each in below:
        count = counts.get(each.item.binding)
        if count is None:
            continue
        count.add(each.item)
        if not each.was_done:
            each.tolerated = count.can_do_without
            each.why = "" if each.tolerated else count.why_not
        elif not count.met and count.done >= count.group.required:
            count.met, each.meets = True, count.group


def decide(
    case: Case,
    plan: PlanState,
    news: Sequence[Ended],
    *,
    go_on: Cause | None = None,
    retry: Cause | None = None,
    resumed: Cause | None = None,
) -> Decision:
    """Say what follows from the endings of steps, from going on, from trying again, and from going
    on after a halt.

    All results are taken in before anything else is asked. A step that failed lets its case fail,
    unless a goal speaks of that. Else a RUNNING case goes on. What is being rolled back does
    nothing else: its run hears of it.
    """
    is_running = case.status == CaseStatus.RUNNING
    once_more = retry or resumed
    failed = failed_steps(case) if once_more is not None and is_running else []
    # Whoever goes on takes in what could not be taken in: else what is done would be done again.
    retaken = [] if once_more is None else _once_more(failed, once_more)
    if once_more is not None and case.has_children:
        missed, since = _missed(case, once_more), _done_since(failed, once_more)
        count_groups(case, [*missed, *since])
        news, retaken = [*news, *missed], [*retaken, *since]
    known = _taken_in(case, [*news, *retaken], plan)
    plan = plan.without_open(each.item.binding for each in news)
    decision = Decision([*news, *retaken], others_open=plan.has_open)
    if retry is not None and is_running:
        decision.reopened = goes_on_below(failed)
        plan = plan.with_open(item.binding for item, _row in decision.reopened)
    broken = [each for each in news if each.failed or each.item.error]
    if case.status in ROLLING_BACK:
        _say_why(broken)
        return decision
    if broken:
        _break_off(known, plan, broken, decision)
    elif is_running and (go_on or once_more):
        decision.cause = go_on or once_more
        again = {item.binding for item in failed if retry and not is_untaken(item)}
        again -= {item.binding for item, _row in decision.reopened}
        _go_on(known, plan, again, decision, retried=bool(again), halted=resumed is not None)
        if decision.completes:
            decision.reopened = ()
    return decision


def _break_off(known: Known, plan: PlanState, broken: Sequence[Ended], decision: Decision) -> None:
    """Let the case fail, unless all that has failed is to be opened again; in a case on hold that
    is done when it goes on."""
    if not all(_may_reroute(known, each) for each in broken):
        _fail(known, broken, decision)
    elif known.case.status == CaseStatus.RUNNING:
        decision.cause = broken[0].cause
        _go_on(known, plan, {each.item.binding for each in broken}, decision)


def _may_reroute(known: Known, each: Ended) -> bool:
    # A group that cannot be met without it is not to be met by another one.
    # Nor is one whose answer cannot be taken in: it would be asked for the same again.
    return (
        each.failed
        and not each.why
        and not each.item.error
        and may_reroute(known.case, known.definition, each.item, each.row)
    )


def _once_more(failed: Sequence[PlanItem], cause: Cause) -> list[Ended]:
    """Return the steps that were done, but whose results could not be taken in."""
    untaken = [item for item in failed if is_untaken(item)]
    rows = work_of(untaken)
    return [Ended(item, rows[item.work[1]], cause) for item in untaken if item.target_id in rows]


def _missed(case: Case, cause: Cause) -> list[Ended]:
    """Return the open steps of sub-cases that have ended, should nobody have heard of that."""
    ended = (end_sub_case(item, row, str(row.status), cause) for item, row in open_below(case))
    return [each for each in ended if each is not None]


def _done_since(failed: Sequence[PlanItem], cause: Cause) -> list[Ended]:
    """Return the failed steps whose sub-cases were tried again by themselves, and are done."""
    rows = work_of(item for item in failed if item.is_case and item.target_id is not None)
    found = []
    for item in failed:
        row = rows.get(item.target_id) if item.target_id and not is_untaken(item) else None
        if row is not None and row.status == CaseStatus.COMPLETED:
            item.status, item.ended_at = PlanItemStatus.COMPLETED, row.ended_at
            found.append(Ended(item, row, cause))
    return found


def _taken_in(case: Case, ended: Sequence[Ended], plan: PlanState) -> Known:
    """Let the results of done steps change the context, and what was answered to tasks that ended
    otherwise. Of a case that is over, a late result is kept with the work, and changes nothing."""
    definition = compiled_of(case.tenant_id, case.definition_id)
    takes = case.status in TAKES_RESULTS
    taken = [each for each in ended if takes and (each.was_done or _says(each.row))]
    steps = [definition.binding(each.item.binding) for each in taken]
    results = [
        (step.target.output_mapping, _result_for(step, each.row))
        for step, each in zip(steps, taken, strict=True)
    ]
    laying = {
        n: laying_of(case, step, each.item)
        for n, (step, each) in enumerate(zip(steps, taken, strict=True))
    }
    context, changes = case.context, Changes.of(case)
    for each, change in zip(taken, contexts_after(context, results, laying=laying), strict=True):
        if isinstance(change, ExpressionFailed):
            each.item.error = why_failed(change)[:MAX_ERROR]
            continue
        each.change, each.item.error = change, ""
        # With what it has written as it fired.
        each.item.written = sorted({*each.item.written, *change.stated})
        changes = changes.having(change.changed(context), case.version + 1)
        context = change.after
    return Known(case, definition, context, changes, plan.members)


def _fail(known: Known, broken: Sequence[Ended], decision: Decision) -> None:
    """Let the case fail because of steps that did, unless it has ended by its goals."""
    first = broken[0]
    unusable = next((each for each in broken if each.was_done), None)
    said = ""
    if known.case.status == CaseStatus.RUNNING and unusable is None:
        ahead = ahead_of(known.case, known.definition)
        seen = outlook(known.definition, known.context, waiting=(), ahead=ahead)
        if seen.ended is not None:
            decision.cause, decision.seen = first.cause, seen.seen
            _end(seen.ended, decision)
            return
        said = "" if seen.problem is None else why_failed(seen.problem)
    _say_why(broken, said)
    first = unusable or first
    binding, error = first.item.binding, first.item.error
    decision.cause = first.cause
    decision.fault = f"{binding}: {error}" if first.was_done else error


def _say_why(broken: Sequence[Ended], said: str = "") -> None:
    """Keep with the steps that were not done why: in these words, or each in its own."""
    for each in broken:
        if not each.was_done:
            each.item.error = (said or _how_it_failed(each))[:MAX_ERROR]


def _how_it_failed(each: Ended) -> str:
    words = (getattr(each.row, name, "") for name in ("error", "ended_reason", "fault"))
    said = each.why or next(filter(None, words), "")
    return f"{each.item.binding}: {each.item.status.lower()}" + (f", {said}" if said else "")


def _go_on(
    known: Known,
    plan: PlanState,
    again: set[str],
    decision: Decision,
    *,
    retried: bool = False,
    halted: bool = False,
) -> None:
    """See whether the case has ended; else fire every binding that is ready.

    A step whose condition fails, or that cannot be opened, lets the case fail, after all the others
    are open. While steps are tried again a failure goal does not count: what the last tries have
    left in the context would end the case before the new ones have begun.
    """
    case, definition = known.case, known.definition
    asked, heard = (
        may_fire(
            case, definition, steps,
            met=[each.meets for each in decision.ended if each.meets is not None], again=again,
            ended=[each.item for each in decision.ended],
        )
        for steps in (
            waiting(known, plan, again=again), free_to_start(definition, plan, again)
        )
    )  # fmt: skip
    came = what_came(case, heard, again, halted=halted)
    trouble = [f"{e.item.binding}: {e.item.error}" for e in decision.ended if e.item.error]
    seen = outlook(
        definition, known.context, waiting=asked, ahead=ahead_of(case, definition),
        arrived=as_seen(came, known.context),
    )  # fmt: skip
    decision.seen = seen.seen
    if seen.problem is not None:
        trouble.append(why_failed(seen.problem))
    elif seen.ended is not None and not (seen.ended == "failure" and retried):
        _end(seen.ended, decision)
        return
    elif decision.cause is not None:
        taken = taken_from(came, seen.arrived)
        heard_by = {name: each.heard for name, each in taken.starts.items()}
        ready, throws = _alone_if_thrown(_with(taken, seen.ready, definition))
        fired = openings(known, ready, plan, decision.cause, heard=heard_by)
        over = (each.binding.name for each in fired if each.is_over)
        decision.fired, decision.more = fired, taken.goes_on(over) or throws
        names = {each.name for each in ready.fire}
        decision.arrivals = [each for each in taken.rows if not throws or each.binding in names]
        trouble += [each.trouble for each in fired if each.error]
    decision.fault = next(iter(trouble), "")


def _with(taken: Taken, ready: Readiness, definition: CompiledDefinition) -> Readiness:
    """Return what fires by the context together with what does by what has come."""
    names = {each.name for each in ready.fire} - taken.steps | taken.starts.keys()
    others = tuple(each for each in ready.failed if each[0] not in taken.steps)
    fire = tuple(each for each in definition.forward_bindings if each.name in names)
    return Readiness(fire, (*others, *taken.failed))


def _alone_if_thrown(ready: Readiness) -> tuple[Readiness, bool]:
    """Return what fires, and whether that is a throw: it alone then. What it undoes may be what the
    others stand on, and they would be called off with it; they are asked again after it."""
    thrown = [each for each in ready.fire if isinstance(each.target, Throw)][:1]
    return (Readiness(tuple(thrown), ()), True) if thrown else (ready, False)


def _end(kind: str, decision: Decision) -> None:
    decision.completes = kind == "success"
    decision.fault = FAILURE_GOAL if kind == "failure" else ""


def _result_for(step: Binding, row: Any) -> Any:
    """Return what finished work gives to its step. A sub-case whose step maps nothing gives
    nothing: what it knows was the case's own, and may be older than what that knows now."""
    keeps = isinstance(step.target, SubCase) and step.target.output_mapping is None
    return None if keeps else result_of(row)


def result_of(row: Any) -> Any:
    """Return what finished work gives to an output mapping: of a sub-case what that knows, of a
    work item the members of its resolution, and over them how it ended.

    `row` is one that `plan_state` has read: it has the name of who completed it.
    """
    if row.subject_type == "execution":
        return row.output
    if row.subject_type == Case.subject_type:
        return row.context
    own = row.resolution if isinstance(row.resolution, dict) else {}
    said = {"outcome": row.outcome, "resolution": row.resolution, "completed_by": row.finisher}
    return {**own, **said}


def _says(row: Any) -> bool:
    """Whether a task that was not done has a resolution all the same: that is taken in."""
    return row.subject_type == "work_item" and row.resolution is not None
