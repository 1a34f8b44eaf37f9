"""What comes for the steps of a case beside changes of its context: signals, events, moments.

Whatever comes is stored first, with an entry of the case, one row for each step that hears it
(`arrive`). The engine sees to it when it carries the case on, which may be later: while the step
is open, and while the case is on hold, has failed or is rolled back, it waits.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from cases.actions.changes import change_case
from cases.arrival_tables import Arrival
from cases.definitions import Arrived, Binding, CompiledDefinition, ExpressionFailed, Heard
from cases.lifecycle import ArrivalStatus, PlanItemStatus
from cases.models import Case, PlanItem
from cases.plan_state import PlanState, newest_tries
from compensation.subject import Cause
from ledger.clock import now
from ledger.record import Recorded
from verbs.move import Moves

#: What the entries of a case say of what has come for its steps.
SIGNALLED, EVENT_ARRIVED, MOMENT_CAME = "signalled", "event_arrived", "moment_came"
#: So many signals and events wait for the steps of one case at most. Of moments one waits for each
#: step, and a step that sends signals fires so often and no more.
MOST_WAITING = 1_000
#: What the rows of further steps hold, of what one row of their case says already: what comes is
#: never empty. It is kept once in each case, and not once for all: a legal hold may keep a case.
_AS_OF_ANOTHER: dict[str, Any] = {}
#: So many are seen to before what came of them is written: each is asked about with a context.
AT_ONCE = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Came:
    """A step for which something has come, and the row of that."""

    binding: Binding
    row: Arrival

    @property
    def heard(self) -> dict[str, Any]:
        """What is laid over the context, as the step sees it."""
        return {self.row.heard: self.row.data}


def as_seen(came: Iterable[Came], context: Mapping[str, Any]) -> list[Arrived]:
    """Return what has come with the context as its condition sees that: what several steps hear is
    one object, so that it is asked about once."""
    seen: dict[tuple[str, uuid.UUID], Mapping[str, Any]] = {}
    return [
        Arrived(
            each.binding,
            seen.setdefault((each.row.heard, each.row.entry_id), {**context, **each.heard}),
        )
        for each in came
    ]


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """What has been decided about: what starts its step, by step, and for which steps more waits
    (`left`); whose condition failed, with
    why; the rows that have changed or start their step again, and whether there may be more."""

    starts: Mapping[str, Came]
    failed: Sequence[tuple[str, ExpressionFailed]]
    rows: Sequence[Arrival]
    more: bool
    left: frozenset[str] = frozenset()

    def goes_on(self, over: Iterable[str]) -> bool:
        """Whether there is more to see to at once; `over`: steps that have fired and are over."""
        return self.more or not self.left.isdisjoint(over)

    @property
    def steps(self) -> set[str]:
        """The steps that fire, or try to."""
        return {*self.starts, *(name for name, _problem in self.failed)}


def arrive(
    case: Case,
    action: str,
    heard: Heard,
    data: Any,
    steps: Iterable[Binding],
    *,
    cause: Cause,
    moves: Moves,
    payloads: Mapping[str, Any],
    told_by: uuid.UUID | None = None,
    at: dt.datetime | None = None,
) -> Recorded:
    """Store that something has come for steps of a locked case, with an entry; what it says is
    stored with the first of them. `told_by`: the entry
    that told of it, where that is another one; of one entry a step hears once. `at`: when that
    was, by which what waits is ordered."""
    entry = change_case(case, action, moves=moves, cause=cause, payloads=payloads)
    moves.add_many(
        [
            Arrival(
                tenant_id=case.tenant_id, case_id=case.id, binding=step.name, heard=heard,
                data=_AS_OF_ANOTHER if number else data, entry_id=told_by or entry.id,
                created_at=at or now(),
            )
            for number, step in enumerate(steps)
        ]
    )  # fmt: skip
    return entry


def too_many_wait(case: Case) -> bool:
    """Whether so much waits for steps of a locked case that no more is kept."""
    rows = Arrival.objects.filter(
        tenant_id=case.tenant_id, case_id=case.id, status=ArrivalStatus.WAITING
    )
    return rows[:MOST_WAITING].count() >= MOST_WAITING


def hearing_signal(definition: CompiledDefinition, name: str) -> list[Binding]:
    """Return the steps that hear a signal."""
    return [step for step in definition.listening if step.on_signal == name]


def send_signal(
    case: Case, definition: CompiledDefinition, name: str, data: Any, *, cause: Cause, moves: Moves
) -> Recorded:
    """Send a signal to a locked case; one that no step hears leaves its entry and nothing else."""
    said = {"name": name, "data": data}
    return arrive(
        case, SIGNALLED, "signal", said, hearing_signal(definition, name), cause=cause,
        moves=moves, payloads={"signal": name, "data": data, "detail": name},
    )  # fmt: skip


def free_to_start(
    definition: CompiledDefinition, plan: PlanState, again: Collection[str]
) -> list[Binding]:
    """Return the steps that start by what comes, if it comes: those without open work."""
    return [
        step
        for step in definition.listening
        if step.name in again or (fired := plan.fired.get(step.name)) is None or not fired.is_open
    ]


def what_came(
    case: Case,
    steps: Sequence[Binding],
    again: Collection[str],
    *,
    halted: bool = False,
) -> list[Came]:
    """Return what has come for these steps and waits, oldest first, so many at once; before it, for
    a step that is tried again, what had started it; and, `halted`, for one whose work was
    called off, as a rollback does that lets the case go on."""
    if not steps:
        return []
    by_name = {step.name: step for step in steps}
    rows = Arrival.objects.filter(tenant_id=case.tenant_id, case_id=case.id)
    once_more = {name for name in by_name if name in again}
    before: list[Arrival] = []
    if halted or once_more:
        taken = rows.filter(binding__in=by_name, status=ArrivalStatus.TAKEN)
        last = taken.order_by("binding", "-created_at", "-id").distinct("binding")
        newest = newest_tries(case, by_name)
        before = [row for row in last if _is_again(by_name[row.binding], row, newest, once_more)]
    waiting = rows.filter(binding__in=by_name, status=ArrivalStatus.WAITING)
    found = [*before, *waiting.order_by("created_at", "id")[:AT_ONCE]]
    _complete(rows, found)
    return [Came(by_name[row.binding], row) for row in found]


def _complete(rows: QuerySet[Arrival], found: Collection[Arrival]) -> None:
    """Let each row say what came, also one that another step's row says it for."""
    without = [row for row in found if row.data == _AS_OF_ANOTHER]
    if not without:
        return
    told = rows.filter(entry_id__in={row.entry_id for row in without}).exclude(data=_AS_OF_ANOTHER)
    said = {row.entry_id: row.data for row in told}
    for row in without:
        row.data = said[row.entry_id]


def _is_again(
    step: Binding,
    row: Arrival,
    newest: Mapping[str, PlanItem],
    once_more: Collection[str],
) -> bool:
    """Whether what had started a step starts it again: its newest work was of that, and is tried
    again or was called off. Of older rows it is not known what became of them: a step that nothing
    else starts was started by the last."""
    item = newest.get(step.name)
    if item is not None and row.plan_item_id == item.id:
        return step.name in once_more or item.status == PlanItemStatus.CANCELLED
    return row.plan_item_id is None and step.deaf and step.name in once_more


def taken_from(came: Sequence[Came], wanted: Sequence[bool | ExpressionFailed]) -> Taken:
    """Decide about what has come: of each step the first whose condition holds starts it, those
    before it are over, those after it wait until its work is done."""
    starts: dict[str, Came] = {}
    failed: dict[str, ExpressionFailed] = {}
    rows: list[Arrival] = []
    for each, answer in zip(came, wanted, strict=True):
        name, was = each.binding.name, each.row.status
        if name in starts or name in failed:
            continue
        if isinstance(answer, ExpressionFailed):
            failed[name] = answer
        elif answer:
            starts[name] = each
        elif was == ArrivalStatus.TAKEN:
            continue
        each.row.status = ArrivalStatus.TAKEN if answer else ArrivalStatus.PASSED_OVER
        if each.row.status != was or name in starts:
            rows.append(each.row)
    more = bool(rows) and len(came) >= AT_ONCE
    left = {each.binding.name for each in came if each.row.status == ArrivalStatus.WAITING}
    return Taken(starts, list(failed.items()), rows, more, frozenset(left))
