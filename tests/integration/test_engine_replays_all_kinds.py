"""The engine is deterministic of all that a case waits for: tasks, programs, cases below, signals,
and a step that failed and is tried again. Stories are told as in `test_engine_replays`."""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from cases import actions
from cases.actions import engine, sub_case_news
from cases.events import ENGINE_NEWS, OF_SUB_CASE
from cases.models import Case, PlanItem
from executions.actions import record_result
from executions.models import Execution
from ledger.dispatch.consumer_registry import Event
from ledger.tenancy import tenant_scope
from tests.casework import case_row, counted, deploy, entries
from tests.definitions import automated, definition, human
from tests.engine_news import event_of
from tests.states import work
from tests.subcases import below, children
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

#: Handles events of one lane, and says when that is done.
Handler = Callable[[Sequence[Event], Callable[[], None]], None]
Hear = Callable[[Handler, Sequence[Event]], None]
#: What may happen next, and how it ends; and whether the engine hears of it at once.
Move = tuple[str, bool, bool]
ENDED: Final = ".last != null and .poked != null"
_numbers = itertools.count()


def whole(handler: Handler, events: Sequence[Event]) -> None:
    """Deliver events."""
    handler(events, lambda: None)


class _Killed(Exception):
    """The worker ends before what it did is committed."""


def broken_off(handler: Handler, events: Sequence[Event]) -> None:
    """Break off the delivery at its very end, and deliver again."""

    def die() -> None:
        raise _Killed

    with pytest.raises(_Killed):
        handler(events, die)
    whole(handler, events)


def twice(handler: Handler, events: Sequence[Event]) -> None:
    """Deliver twice: one by one what was already heard together."""
    whole(handler, events)
    for each in events:
        whole(handler, [each])


def _source(name: str) -> dict[str, Any]:
    poked = human("poked", on={"signal": {"name": "poke"}})
    return definition(
        name,
        human("first"),
        automated("pay", "outside.pay", ".first != null", "{}"),
        below("part", "replayed-low", ".first != null and .part == null"),
        poked,
        human("last", when=".pay != null and .part != null and .last == null"),
        success=ENDED,
    )


@dataclasses.dataclass
class Told:
    """A case in which a story was told."""

    world: World
    hear: Hear
    heard: set[tuple[Handler, uuid.UUID]] = dataclasses.field(default_factory=set)
    kinds: set[str] = dataclasses.field(default_factory=set)

    def __post_init__(self) -> None:
        name = f"replayed-all-{next(_numbers)}"
        deploy(self.world, definition("replayed-low", human("task"), success=".task != null"))
        deploy(self.world, _source(name))
        opened = actions.open_case(call=self.operator, definition=f"tests/{name}", context={})
        self.id: uuid.UUID = opened.id
        self.catch_up()

    @property
    def operator(self) -> Call:
        return Call(self.world.operator)

    def tell(self, moves: Sequence[Move]) -> Told:
        """Let all of it happen that can; a case that failed is only tried again."""
        for kind, well, now in moves:
            failed = case_row(self.world, self.id).status == "FAULTED"
            if failed == (kind == "retry") and self._moved(kind, well=well):
                self.kinds.add(kind if well else f"{kind} failed")
            if now:
                self.catch_up()
        self.catch_up()
        return self

    def _moved(self, kind: str, *, well: bool) -> bool:
        case = case_row(self.world, self.id)
        if kind == "retry":
            actions.retry_case(self.id, call=self.operator)
        elif case.status != "RUNNING":
            return False
        elif kind == "signal":
            actions.signal_case(self.id, call=self.operator, name="poke")
        elif kind == "program":
            return self._reported(well=well)
        else:
            ids = [self.id] if kind == "task" else [row.id for row in children(self.world, self.id)]
            return self._answered(ids)
        return True

    def _answered(self, case_ids: Sequence[uuid.UUID]) -> bool:
        with tenant_scope(self.world.operator.tenant_id):
            tasks = WorkItem.objects.filter(case_id__in=case_ids, status="PENDING")
            found = tasks.order_by("binding").values_list("id", flat=True).first()
        if found is not None:
            work(self.world.analyst, found, "OK")
        return found is not None

    def _reported(self, *, well: bool) -> bool:
        with tenant_scope(self.world.operator.tenant_id):
            rows = Execution.objects.filter(case_id=self.id, status="WAITING")
            found = rows.values_list("id", flat=True).first()
        if found is not None:
            said = {"outcome": "succeeded"} if well else {"outcome": "failed", "error": "Closed"}
            record_result(found, call=self.operator, **said)
        return found is not None

    def news(self) -> Iterator[tuple[Handler, list[Event]]]:
        """Yield all that the engine hears of, by lane: of the case, of those below it, and of how
        these have ended in the lane of the case above."""
        for id_ in [self.id, *(row.id for row in children(self.world, self.id))]:
            events = [event_of(each) for each in entries(self.world, id_)]
            yield engine.handle, [each for each in events if each.type in ENGINE_NEWS]
            if id_ != self.id:
                ends = [e for e in events if e.subject_id == id_ and e.action in OF_SUB_CASE]
                yield sub_case_news.hear, ends

    def catch_up(self) -> None:
        """Let the engine hear of all that is new; what it writes itself may be news too."""
        while True:
            new = [
                (handler, [each for each in events if (handler, each.id) not in self.heard])
                for handler, events in self.news()
            ]
            if not any(events for _handler, events in new):
                return
            for handler, events in new:
                self.heard |= {(handler, each.id) for each in events}
                if events:
                    self.hear(handler, events)

    def became(self) -> tuple[Any, ...]:
        """Return what matters of the case, of those below it and of their plan items."""
        found = []
        for id_ in [self.id, *(row.id for row in children(self.world, self.id))]:
            case = case_row(self.world, id_)
            with tenant_scope(self.world.operator.tenant_id):
                rows = PlanItem.objects.filter(case_id=id_).order_by("created_at", "id")
                items = [
                    (each.binding, each.type, each.status, each.completion_seq, each.written)
                    for each in rows
                ]
            found.append((items, _state(case)))
        return tuple(found)


def _state(case: Case) -> tuple[Any, ...]:
    return case.status, case.version, case.context, case.changed_keys, case.fault


#: Everything there is, once; the program fails first and is tried again.
WHOLE: Final[list[Move]] = [
    ("task", True, True), ("program", False, True), ("retry", True, True), ("signal", True, False),
    ("below", True, False), ("program", True, True), ("signal", True, True), ("task", True, False),
    ("task", True, True), ("task", True, True),
]  # fmt: skip
MOVES: Final = st.tuples(
    st.sampled_from(("task", "program", "below", "signal", "retry")), st.booleans(), st.booleans()
)


@settings(
    max_examples=3, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(moves=st.lists(MOVES, min_size=6, max_size=10))
@example(moves=WHOLE)
def test_of_all_kinds_the_same_events_make_the_same_plan_items(
    world: World, moves: list[Move]
) -> None:
    told = Told(world, whole).tell(moves)
    first = told.became()
    assert first[0][0], "nothing has happened"
    if moves == WHOLE:
        assert told.kinds == {"task", "program", "program failed", "retry", "signal", "below"}
        assert [row[1][0] for row in first] == ["COMPLETED", "COMPLETED"]
    for hear in (broken_off, twice):
        assert Told(world, hear).tell(moves).became() == first
    # What was heard once is heard again for nothing.
    before = counted(world)
    for handler, events in told.news():
        if events:
            twice(handler, events)
    assert (told.became(), counted(world)) == (first, before)
