"""A worker's turn that is over: what is left is put back and told to others, as urgent as it is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

import pytest
from django.db import transaction

from executions.actions.execution_opening import NewExecution, open_execution
from ledger.dispatch import consumer_registry, hints, runner
from ledger.dispatch.consumer_registry import Consumer, Done, Event
from ledger.dispatch.hints import LaneWork, Work
from ledger.dispatch.lanes import Lane
from ledger.ids import new_id
from ledger.models import OutboxTask
from ledger.record import ActorRef
from ledger.tenancy import set_tenant, tenant_scope
from tests.consumers import REQUESTED, news
from tests.draining import drain
from tests.world import World

NAME = "test.turns"


class Clock:
    """The monotonic clock of the runner; moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Handler:
    """Takes so many seconds for each call, and fails on several events at once. `then`: the shard
    in which its first effect leaves more news."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.world = world
        self.clock = clock
        self.seconds = 0.0
        self.then: uuid.UUID | None = None
        self.seen: list[list[uuid.UUID]] = []

    def __call__(self, events: Sequence[Event], done: Done) -> None:
        self.seen.append([event.subject_id for event in events])
        self.clock.now += self.seconds
        if len(events) > 1:
            raise ConnectionError("too many at once")
        with transaction.atomic(durable=True):
            set_tenant(events[0].tenant_id)
            self._leave_more()
            done()

    def _leave_more(self) -> None:
        system, case_id, self.then = self.world.system, self.then, None
        if case_id is not None:
            new = NewExecution(
                tenant_id=system.tenant_id, capability="nobody.here", input={},
                requested_by=system.actor_id, case_id=case_id,
            )  # fmt: skip
            open_execution(new, by=ActorRef(system.actor_id, system.actor_type, "system"))

    def turn(self, shard: uuid.UUID) -> int:
        """Work a lane for ten seconds, going on with everything that is left."""
        return runner.work_lane(
            self.lane(shard), goes_on=lambda work: isinstance(work, LaneWork),
            until=self.clock.now + 10,
        )  # fmt: skip

    def lane(self, shard: uuid.UUID) -> Lane:
        return Lane(self.world.system.tenant_id, NAME, shard)


@pytest.fixture
def handler(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Handler]:
    drain(fast_forward=True)
    clock = Clock()
    made = Handler(world, clock)
    consumer = Consumer(NAME, lambda type_: type_ == REQUESTED, made)
    monkeypatch.setattr(runner, "time", clock)
    monkeypatch.setitem(consumer_registry._consumers, NAME, consumer)  # noqa: SLF001  -- there is no way back
    consumer_registry.consumers_of.cache_clear()
    yield made
    monkeypatch.undo()
    consumer_registry.consumers_of.cache_clear()


@pytest.fixture
def told(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> list[LaneWork]:
    """What others are told of the lanes of the handler."""
    found: list[LaneWork] = []

    def tell(works: Sequence[Work]) -> None:
        lanes = [work for work in works if isinstance(work, LaneWork)]
        found.extend(work for work in lanes if work.lane.name == NAME)

    monkeypatch.setattr(hints, "_publish", tell)
    return found


def waiting(world: World) -> list[tuple[uuid.UUID, int, bool]]:
    """Return what is not done yet: where, tried how often, leased or not."""
    with tenant_scope(world.system.tenant_id):
        rows = list(OutboxTask.objects.filter(consumer=NAME, done_at=None).order_by("id"))
    return [(row.shard, row.attempts, row.leased_until is not None) for row in rows]


def test_tasks_that_are_handled_apart_have_one_turn_together(
    world: World, handler: Handler, told: list[LaneWork]
) -> None:
    shard = new_id()
    ids = [news(world, shard) for _ in range(6)]
    told.clear()
    handler.seconds = 4
    assert handler.turn(shard) == 2
    assert handler.seen == [ids, ids[:1], ids[1:2]]
    assert waiting(world) == [(shard, 0, False)] * 4
    assert told == [LaneWork("engine", handler.lane(shard))]
    handler.seconds = 0
    assert handler.turn(shard) == 4
    assert handler.seen[3:] == [ids[2:], *([each] for each in ids[2:])]
    assert (waiting(world), len(told)) == ([], 1)


def test_a_lane_goes_back_as_urgent_as_what_waits_in_it(
    world: World, handler: Handler, told: list[LaneWork]
) -> None:
    shard = new_id()
    for _ in range(3):
        news(world, shard)
    with tenant_scope(world.system.tenant_id):
        last = OutboxTask.objects.filter(consumer=NAME).latest("id")
        OutboxTask.objects.filter(id=last.id).update(queue="undo")
    told.clear()
    handler.seconds = 11
    assert handler.turn(shard) == 1
    assert told == [LaneWork("undo", handler.lane(shard))]
    assert waiting(world) == [(shard, 0, False)] * 2


@pytest.mark.parametrize("over", [False, True])
def test_past_the_turn_no_further_lane_is_leased(
    world: World, handler: Handler, told: list[LaneWork], *, over: bool
) -> None:
    shard, further = new_id(), new_id()
    news(world, shard)
    told.clear()
    handler.then, handler.seconds = further, 11 if over else 0
    assert handler.turn(shard) == (1 if over else 2)
    assert waiting(world) == ([(further, 0, False)] if over else [])
    assert told == ([LaneWork("engine", handler.lane(further))] if over else [])
