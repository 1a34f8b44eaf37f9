"""Several workers at once, as threads with connections of their own."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from compensation.counters import next_completion
from config.demo.transfers import balances, open_accounts, transfers
from executions.actions import request_execution
from executions.actions.execution_attempts import begin
from ledger.dispatch.consumer_registry import Done, Event
from ledger.dispatch.dead_tasks import dead_letters, revive
from ledger.dispatch.lanes import Lane, take
from ledger.dispatch.runner import do, find_due
from ledger.ids import new_id
from ledger.tenancy import tenant_scope
from tests.consumers import consuming, count_up, news
from tests.draining import drain
from tests.world import World
from verbs.call import Call

WORKERS = 6


def at_once(work: Callable[[], Any], count: int = WORKERS) -> list[Any]:
    """Run `work` in `count` threads that start together; return what each returned."""
    barrier = threading.Barrier(count)
    results: list[Any] = []
    faults: list[BaseException] = []

    def run() -> None:
        try:
            barrier.wait(30)
            results.append(work())
        except BaseException as fault:  # noqa: BLE001  -- shown by the test's own thread
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert len(results) == count
    return results


def until_quiet() -> int:
    """Work as a worker does until several looks in a row find nothing."""
    total = quiet = 0
    while quiet < 5:
        ran = do(find_due())
        total += ran
        quiet = 0 if ran else quiet + 1
    return total


def test_a_lane_is_worked_by_one_at_a_time_and_in_order(world: World) -> None:
    drain(fast_forward=True)
    open_accounts(world.system.tenant_id, {"count": 0})
    lanes = [new_id() for _ in range(3)]
    inside: Counter[uuid.UUID] = Counter()
    seen: dict[uuid.UUID, list[uuid.UUID]] = {lane: [] for lane in lanes}
    together: list[int] = []
    lock = threading.Lock()

    def handle(event: Event, done: Done) -> None:
        lane = event.case_id
        assert lane is not None
        with lock:
            inside[lane] += 1
            together.append(inside[lane])
            seen[lane].append(event.subject_id)

        def leaves() -> None:
            # Before the commit: after it the lane is free, and the next may be in it already.
            done()
            with lock:
                inside[lane] -= 1

        count_up(event, leaves)

    with consuming("test.lanes", handle):
        expected: dict[uuid.UUID, list[uuid.UUID]] = {lane: [] for lane in lanes}
        for _ in range(8):
            for lane in lanes:
                expected[lane].append(news(world, lane))
        at_once(until_quiet)
        drain()
    assert set(together) == {1}, "two workers were in one lane at the same time"
    assert seen == expected
    assert balances(world.system.tenant_id) == {"count": 24}


def test_news_that_comes_while_a_dead_task_is_revived_is_parked_by_nobody(world: World) -> None:
    drain(fast_forward=True)
    shard, seen = new_id(), []

    def handle(event: Event, _done: Done) -> None:
        seen.append(event.subject_id)
        if len(seen) == 1:
            raise ConnectionError("not today")

    with consuming("test.revived", handle, holds=True, attempts=1):
        expected = [news(world, shard)]
        drain()
        (letter,) = [each for each in dead_letters() if each.consumer == "test.revived"]
        lane = Lane(world.system.tenant_id, "test.revived", shard)
        with transaction.atomic():
            revive([letter.id])
            # Committed by others while the head is still dead for them.
            expected += at_once(lambda: (news(world, shard), take(lane))[0], 1)
        drain()
    assert seen == [expected[0], *expected]


def test_a_job_is_leased_by_one_worker(world: World) -> None:
    drain(fast_forward=True)
    execution = request_execution(
        call=Call(world.operator), capability="demo.flaky", input={"fail_times": 0}
    )
    began = at_once(lambda: begin(execution.tenant_id, execution.id))
    assert [each.due.id for each in began if each is not None] == [execution.id]


def test_a_pile_of_jobs_is_done_once_each(world: World) -> None:
    drain(fast_forward=True)
    open_accounts(world.system.tenant_id)
    for _ in range(12):
        request_execution(
            call=Call(world.operator),
            capability="demo.transfer",
            input={"from": "bank", "to": "customer", "amount": 5},
        )
    at_once(until_quiet)
    drain()
    assert balances(world.system.tenant_id) == {"bank": 999_940, "customer": 60}
    assert len(transfers(world.system.tenant_id)) == 12


def test_completion_numbers_have_neither_gap_nor_double(world: World) -> None:
    case = new_id()

    def draw() -> int:
        with tenant_scope(world.system.tenant_id):
            return next_completion(case, world.system.tenant_id)

    assert sorted(at_once(draw, 12)) == list(range(1, 13))
