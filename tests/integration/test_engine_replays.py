"""The engine is deterministic: the same stored events make the same plan items, whatever else.

Definitions and stories are drawn. A story is told again in a case of its own, with each delivery
broken off in the middle and repeated, or twice; afterwards all its events are heard once more.
"""

from __future__ import annotations

import dataclasses
import itertools
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from cases import actions
from cases.actions.engine import handle
from cases.events import ENGINE_NEWS
from cases.models import PlanItem
from ledger.dispatch.consumer_registry import Event
from ledger.tenancy import tenant_scope
from tests.casework import case_row, counted, deploy, entries
from tests.definitions import definition, human
from tests.engine_news import event_of
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

NAMES: Final = ("a", "b", "c", "d", "e")
#: What a condition may say of an earlier step: that it is done, or not yet, or how it ended.
ASKED: Final = (".{} != null", ".{} == null", '.{}.outcome == "YES"')
Hear = Callable[[Sequence[Event]], None]
_numbers = itertools.count()


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    """What happens in a case: which of the open tasks is answered next, and how; and after which
    answers the engine hears of what is new."""

    conditions: tuple[str, ...]
    success: str | None
    answers: tuple[tuple[int, str], ...]
    heard: tuple[bool, ...]


@st.composite
def stories(draw: st.DrawFn, asked: Sequence[str] = ASKED, *, goals: bool = True) -> Story:
    conditions = []
    for n, name in enumerate(NAMES):
        earlier = draw(st.lists(st.sampled_from(NAMES[:n]), unique=True, max_size=2)) if n else []
        said = [draw(st.sampled_from(asked)).format(each) for each in earlier]
        conditions.append(" and ".join([*said, f".{name} == null"]))
    answers = st.tuples(st.integers(0, 4), st.sampled_from(("YES", "NO")))
    return Story(
        tuple(conditions),
        draw(st.sampled_from((None, ".c != null", ".a != null and .e != null"))) if goals else None,
        tuple(draw(st.lists(answers, min_size=2, max_size=5))),
        tuple(draw(st.lists(st.booleans(), min_size=5, max_size=5))),
    )


drawn = settings(
    max_examples=12, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def whole(events: Sequence[Event]) -> None:
    """Let the engine hear of events."""
    handle(events, lambda: None)


class _Killed(Exception):
    """The worker ends before what it did is committed."""


def broken_off(events: Sequence[Event]) -> None:
    """Break off the delivery at its very end, and deliver again."""

    def die() -> None:
        raise _Killed

    with pytest.raises(_Killed):
        handle(events, die)
    whole(events)


def twice(events: Sequence[Event]) -> None:
    """Deliver twice: one by one what was already heard together."""
    whole(events)
    for event in events:
        whole([event])


class Told:
    """A case in which a story was told."""

    def __init__(self, world: World, story: Story, hear: Hear = whole) -> None:
        self.world, self.heard, self.hear = world, 0, hear
        name = f"replayed-{next(_numbers)}"
        bindings = [
            human(step, when=when, humanTask=_asking(step))
            for step, when in zip(NAMES, story.conditions, strict=True)
        ]
        deploy(world, definition(name, *bindings, success=story.success))
        opened = actions.open_case(
            call=Call(world.operator), definition=f"tests/{name}", context={}
        )
        self.id: uuid.UUID = opened.id
        self.catch_up()

    def events(self) -> list[Event]:
        """Return all that the engine hears of, in the order in which it was stored."""
        found = [event_of(each) for each in entries(self.world, self.id)]
        return [event for event in found if event.type in ENGINE_NEWS]

    def tell(self, story: Story) -> Told:
        """Let all of it happen."""
        for (which, outcome), now in zip(story.answers, story.heard, strict=False):
            if names := sorted(self.open()):
                self.answer(names[which % len(names)], outcome)
            if now:
                self.catch_up()
        self.catch_up()
        return self

    def catch_up(self) -> None:
        """Let the engine hear of all that is new; what it writes itself may be news too."""
        while new := self.events()[self.heard :]:
            self.heard += len(new)
            self.hear(new)

    def open(self) -> dict[str, uuid.UUID]:
        """Return the open tasks by the names of their steps."""
        with tenant_scope(self.world.operator.tenant_id):
            tasks = WorkItem.objects.filter(case_id=self.id, status="PENDING")
            return dict(tasks.values_list("binding", "id"))

    def answer(self, step: str, outcome: str) -> None:
        """Complete the open task of a step."""
        work(self.world.analyst, self.open()[step], outcome)

    def became(self) -> tuple[Any, ...]:
        """Return what matters of the case and its plan items, in the order they were made."""
        case = case_row(self.world, self.id)
        with tenant_scope(self.world.operator.tenant_id):
            rows = PlanItem.objects.filter(case_id=self.id).order_by("created_at", "id")
            items = [
                (each.binding, each.status, each.completion_seq, each.case_version, each.written)
                for each in rows
            ]
        return items, case.status, case.version, case.context, case.changed_keys, case.fault


def _asking(step: str) -> dict[str, Any]:
    return {
        "title": f"Do {step}",
        "outcomes": ["YES", "NO"],
        "outputMapping": f"{{{step}: {{outcome: .outcome}}}}",
    }


@drawn
@given(story=stories())
def test_the_same_events_make_the_same_plan_items(world: World, story: Story) -> None:
    first = Told(world, story).tell(story).became()
    assert first[0], "nothing has happened"
    for hear in (broken_off, twice):
        assert Told(world, story, hear).tell(story).became() == first


@drawn
@given(story=stories())
def test_what_was_heard_once_is_heard_again_for_nothing(world: World, story: Story) -> None:
    told = Told(world, story).tell(story)
    became, all_of_it = told.became(), counted(world)
    whole(told.events())
    for event in told.events():
        whole([event])
    assert (told.became(), counted(world)) == (became, all_of_it)


@drawn
@given(
    story=stories([ASKED[0], ASKED[2]], goals=False),
    order=st.permutations(NAMES),
    outcomes=st.lists(st.sampled_from(("YES", "NO")), min_size=5, max_size=5),
)
def test_together_or_one_by_one_the_same_is_done(
    world: World, story: Story, order: list[str], outcomes: list[str]
) -> None:
    """Of conditions that stay true once they are: others ask what is there when they are asked."""
    apart, together = Told(world, story), Told(world, story)
    ended = dict(zip(NAMES, outcomes, strict=True))
    while asked := apart.open():
        assert together.open().keys() == asked.keys()
        for step in filter(asked.__contains__, order):
            for told in (apart, together):
                told.answer(step, ended[step])
            apart.catch_up()
        together.catch_up()
    one, other = ({item[:3] for item in told.became()[0]} for told in (apart, together))
    assert one == other
    assert apart.became()[3] == together.became()[3]
    assert {status for _step, status, _seq in one} == {"COMPLETED"}
