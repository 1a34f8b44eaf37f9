"""The dispatcher: order within a lane, back-off, dead letters, leases."""

from __future__ import annotations

import io
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from config.demo.transfers import balances, open_accounts
from ledger.dispatch import queue
from ledger.dispatch.queue import LeaseLost
from ledger.dispatch.registry import Done, Event
from ledger.ids import new_id
from ledger.models import OutboxTask
from ledger.tenancy import tenant_scope
from tests.consumers import consuming, count_up, news
from tests.draining import drain, expire_leases, skip_backoffs
from tests.world import World


class Handler:
    """Notes what it sees; fails on the subjects in `broken`."""

    def __init__(self) -> None:
        self.seen: list[uuid.UUID] = []
        self.broken: set[uuid.UUID] = set()

    def __call__(self, event: Event, _done: Done) -> None:
        self.seen.append(event.subject_id)
        if event.subject_id in self.broken:
            raise ConnectionError("not today")


def counted(world: World) -> int:
    return balances(world.system.tenant_id)["count"]


def dead_of(name: str) -> list[queue.DeadLetter]:
    return [letter for letter in queue.dead_letters() if letter.consumer == name]


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("dead_letters", *arguments, stdout=out)
    return out.getvalue()


def test_news_of_a_lane_is_handled_once_in_its_order(world: World) -> None:
    handler, shard = Handler(), new_id()
    with consuming("test.order", handler):
        expected = [news(world, shard) for _ in range(5)]
        drain()
        assert handler.seen == expected
        drain(fast_forward=True)
    assert handler.seen == expected


def test_news_that_was_rolled_back_never_arrives(world: World) -> None:
    handler, shard = Handler(), new_id()
    with consuming("test.rollback", handler):
        with transaction.atomic():
            news(world, shard)
            transaction.set_rollback(True)
        drain()
    assert handler.seen == []


def test_a_failure_waits_for_its_backoff_and_keeps_its_lane_in_order(world: World) -> None:
    handler, shard, other = Handler(), new_id(), new_id()
    with consuming("test.backoff", handler):
        first, second = news(world, shard), news(world, shard)
        elsewhere = news(world, other)
        handler.broken = {first}
        drain()
        assert sorted(handler.seen) == sorted([first, elsewhere])
        drain()
        assert len(handler.seen) == 2, "it was tried again before its back-off was over"
        handler.broken.clear()
        skip_backoffs()
        drain()
        assert handler.seen[-2:] == [first, second]
    assert len(handler.seen) == 4


def test_after_the_last_attempt_it_is_a_dead_letter_with_its_reason(world: World) -> None:
    handler, shard = Handler(), new_id()
    with consuming("test.dead", handler, attempts=3):
        subject = news(world, shard)
        handler.broken = {subject}
        drain(fast_forward=True)
        assert handler.seen == [subject] * 3
        (letter,) = dead_of("test.dead")
        assert (letter.subject_id, letter.attempts) == (subject, 3)
        assert letter.event_type == "amends.execution.requested.v1"
        assert letter.last_error == "ConnectionError: not today"
        listed = command()
        assert f"{letter.id}  test.dead" in listed
        assert "ConnectionError: not today" in listed

        handler.broken.clear()
        assert command("--retry", str(letter.id)) == "1 made due again\n"
        drain()
        assert handler.seen == [subject] * 4
        assert dead_of("test.dead") == []
        with pytest.raises(CommandError, match="no such dead letter"):
            command("--retry", str(letter.id))


def test_a_dead_letter_of_a_holding_consumer_holds_its_own_lane_only(world: World) -> None:
    handler, shard, other = Handler(), new_id(), new_id()
    with consuming("test.holds", handler, holds=True, attempts=1):
        first, second = news(world, shard), news(world, shard)
        elsewhere = news(world, other)
        handler.broken = {first}
        drain(fast_forward=True)
        assert sorted(handler.seen) == sorted([first, elsewhere])
        handler.broken.clear()
        command("--retry", str(dead_of("test.holds")[0].id))
        drain()
        assert handler.seen[2:] == [first, second]


def test_a_dead_letter_of_any_other_consumer_is_stepped_over(world: World) -> None:
    handler, shard = Handler(), new_id()
    with consuming("test.steps", handler, attempts=1):
        first, second = news(world, shard), news(world, shard)
        handler.broken = {first}
        drain()
        assert handler.seen == [first, second]
        assert [letter.subject_id for letter in dead_of("test.steps")] == [first]
        command("--retry-all")
        handler.broken.clear()
        drain()
        assert handler.seen == [first, second, first]


def test_a_consumer_that_is_gone_leaves_a_dead_letter(world: World) -> None:
    with consuming("test.gone", Handler()):
        news(world, new_id())
    drain()
    (letter,) = dead_of("test.gone")
    assert letter.last_error == "no consumer named 'test.gone' is registered"
    command("--retry", str(letter.id))
    with consuming("test.gone", Handler()):
        drain()
    assert dead_of("test.gone") == []


def test_an_effect_and_its_done_mark_are_one(world: World) -> None:
    open_accounts(world.system.tenant_id, {"count": 0})
    marks: list[str] = []

    def fault_after_the_mark(event: Event, done: Done) -> None:
        def mark() -> None:
            done()
            marks.append("done")
            if len(marks) == 1:
                raise ConnectionError("after effect and mark, before the commit")

        count_up(event, mark)

    with consuming("test.atomic", fault_after_the_mark):
        news(world, new_id())
        drain()
        assert (marks, counted(world)) == (["done"], 0)
        drain(fast_forward=True)
    assert (marks, counted(world)) == (["done", "done"], 1)


def test_a_worker_that_lost_its_lease_rolls_its_effect_back(world: World) -> None:
    open_accounts(world.system.tenant_id, {"count": 0})
    lost: list[BaseException] = []

    def overtaken(event: Event, done: Done) -> None:
        if not lost:
            expire_leases()
            (other,) = [c for c in queue.claim(50) if c.consumer == "test.lease"]
            assert other.event == event
        try:
            count_up(event, done)
        except LeaseLost as error:
            lost.append(error)
            assert counted(world) == 0
            raise

    with consuming("test.lease", overtaken):
        news(world, new_id())
        drain()
        assert len(lost) == 1
        assert counted(world) == 0, "the effect of the worker that lost its lease was kept"
        expire_leases()
        drain()
    assert counted(world) == 1


def test_another_tenant_sees_none_of_the_tasks(world: World) -> None:
    with consuming("test.tenant", Handler()):
        news(world, new_id())
        with tenant_scope(world.outsider.tenant_id):
            assert queue_rows() == 0
        with tenant_scope(world.system.tenant_id):
            assert queue_rows() == 1
        drain()


def queue_rows() -> int:
    """Return how many tasks of `test.tenant` this scope shows."""
    return OutboxTask.objects.filter(consumer="test.tenant").count()
