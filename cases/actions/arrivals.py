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

from cases.actions.changes import change_case
from cases.arrival_tables import Arrival
from cases.definitions import Arrived, Binding, CompiledDefinition, ExpressionFailed, Heard
from cases.lifecycle import ArrivalStatus
from cases.models import Case
from cases.plan_state import PlanState
from compensation.subject import Cause
from ledger.clock import now
from ledger.record import Recorded
from verbs.move import Moves

#: What the entries of a case say of what has come for its steps.
SIGNALLED, EVENT_ARRIVED, MOMENT_CAME = "signalled", "event_arrived", "moment_came"
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

    def as_seen(self, context: Mapping[str, Any]) -> Arrived:
        """Return it with the context as its condition sees that."""
        return Arrived(self.binding, {**context, **self.heard})


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """What has been decided about: what starts its step, by step; whose condition failed, with
    why; the rows that have changed, and whether there may be more of them."""

    starts: Mapping[str, Came]
    failed: Sequence[tuple[str, ExpressionFailed]]
    rows: Sequence[Arrival]
    more: bool

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
    """Store that something has come for steps of a locked case, with an entry. `told_by`: the entry
    that told of it, where that is another one; of one entry a step hears once. `at`: when that
    was, by which what waits is ordered."""
    entry = change_case(case, action, moves=moves, cause=cause, payloads=payloads)
    moves.add_many(
        [
            Arrival(
                tenant_id=case.tenant_id, case_id=case.id, binding=step.name, heard=heard,
                data=data, entry_id=told_by or entry.id, created_at=at or now(),
            )
            for step in steps
        ]
    )  # fmt: skip
    return entry


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


def what_came(case: Case, steps: Sequence[Binding], again: Collection[str]) -> list[Came]:
    """Return what has come for these steps and waits, oldest first, so many at once; before it,
    for a step that is tried again and that nothing else starts, what had started it."""
    if not steps:
        return []
    by_name = {step.name: step for step in steps}
    rows = Arrival.objects.filter(tenant_id=case.tenant_id, case_id=case.id)
    once_more = [name for name in by_name if name in again and by_name[name].deaf]
    before: list[Arrival] = []
    if once_more:
        taken = rows.filter(binding__in=once_more, status=ArrivalStatus.TAKEN)
        before = list(taken.order_by("binding", "-created_at", "-id").distinct("binding"))
    waiting = rows.filter(binding__in=by_name, status=ArrivalStatus.WAITING)
    found = [*before, *waiting.order_by("created_at", "id")[:AT_ONCE]]
    return [Came(by_name[row.binding], row) for row in found]


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
        if each.row.status != was:
            rows.append(each.row)
    return Taken(starts, list(failed.items()), rows, more=bool(rows) and len(came) >= AT_ONCE)
