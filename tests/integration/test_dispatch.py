"""The dispatcher: order within a lane, back-off, dead letters, leases."""

from __future__ import annotations

import io
import threading
import time
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from config.demo.transfers import balances, open_accounts
from ledger.dispatch import dead_tasks, hints, lanes
from ledger.dispatch.consumer_registry import Done, Event, Trouble
from ledger.dispatch.hints import LaneWork
from ledger.dispatch.lanes import is_lost
from ledger.dispatch.lease_table import QUEUES
from ledger.ids import new_id
from ledger.models import OutboxTask
from ledger.tenancy import system_scope, tenant_scope
from tests.consumers import consuming, count_up, news, taken
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


def dead_of(name: str) -> list[dead_tasks.DeadLetter]:
    return [letter for letter in dead_tasks.dead_letters() if letter.consumer == name]


def execute(statement: str, *parameters: int, tenant: uuid.UUID | None = None) -> None:
    """Run a statement as the dispatcher, or as a tenant."""
    scope = system_scope("dispatch") if tenant is None else tenant_scope(tenant)
    with scope, connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("dead_letters", *arguments, stdout=out)
    return out.getvalue()


def test_a_commit_names_its_lanes_as_the_search_does(world: World) -> None:
    # One that differed from itself would be worked, and told of, twice.
    shard = new_id()
    with consuming("test.named", lambda _event, _done: None), hints.collected() as left:
        news(world, shard)
        due = {LaneWork(queue, lane) for queue, lane in lanes.due(QUEUES, limit=1_000)}
    told = {work for work in left if isinstance(work, LaneWork)}
    assert [work.lane.shard for work in told if work.lane.name == "test.named"] == [shard]
    assert told == {work for work in due if work.lane.tenant_id == world.system.tenant_id}


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


def test_news_for_an_unknown_consumer_is_left_to_programs_that_know_it(world: World) -> None:
    handler = Handler()
    with consuming("test.newer", handler):
        subject = news(world, new_id())
    drain(fast_forward=True)
    assert dead_of("test.newer") == []
    with tenant_scope(world.system.tenant_id):
        task = OutboxTask.objects.get(consumer="test.newer")
        assert (task.attempts, task.leased_until, task.last_error) == (0, None, "")
    with consuming("test.newer", handler):
        drain()
    assert handler.seen == [subject]


def test_a_consumer_that_nobody_knew_for_a_day_leaves_a_dead_letter(world: World) -> None:
    with consuming("test.gone", Handler()):
        news(world, new_id())
    execute("UPDATE ledger_outboxtask SET due_at = now() - interval '25 hours'"
            " WHERE consumer = 'test.gone'")  # fmt: skip
    drain()
    (letter,) = dead_of("test.gone")
    assert letter.last_error == "no consumer named 'test.gone' is registered"
    command("--retry", str(letter.id))
    drain()
    assert dead_of("test.gone") == []
    with consuming("test.gone", Handler()):
        drain()
    assert dead_of("test.gone") == []


def test_tasks_of_one_instant_are_claimed_without_locking_them_all(world: World) -> None:
    with consuming("test.many", Handler()):
        news(world, new_id())
    with tenant_scope(world.system.tenant_id):
        task = OutboxTask.objects.get(consumer="test.many")
    execute(
        "INSERT INTO ledger_outboxtask (tenant_id, event_id, consumer, lane, shard, attempts,"
        " due_at) SELECT tenant_id, event_id, consumer || n, lane, gen_random_uuid(), 0,"
        " now() - interval '2 days' FROM ledger_outboxtask, generate_series(1, 5000) n"
        " WHERE id = %s",
        task.id,
        tenant=world.system.tenant_id,
    )
    with transaction.atomic():
        found = [lane for _queue, lane in lanes.due(QUEUES, limit=4)]
        batches = [lanes.take_within(lane)() for lane in found]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                " AND pid = pg_backend_pid()"
            )
            assert cursor.fetchone() == (4,)
        transaction.set_rollback(True)
    assert [batch and batch.consumer for batch in batches] == [f"test.many{n}" for n in range(1, 5)]


def test_a_flood_in_one_queue_hides_nothing_in_another(world: World) -> None:
    with consuming("test.flood", Handler()):
        news(world, new_id())
        execute(
            "INSERT INTO ledger_outboxtask (tenant_id, event_id, consumer, lane, shard, attempts,"
            " queue, due_at) SELECT tenant_id, event_id, consumer || n, lane, gen_random_uuid(), 0,"
            " 'undo', due_at - interval '2 days' FROM ledger_outboxtask, generate_series(1, 300) n"
            " WHERE consumer = 'test.flood'",
            tenant=world.system.tenant_id,
        )
        found = [queue for queue, _lane in lanes.due(("undo", "engine"), limit=4)]
    assert found[:4] == ["undo"] * 4
    assert set(found[4:]) == {"engine"}


def test_revived_dead_letters_do_not_fall_due_as_one(world: World) -> None:
    handler = Handler()
    with consuming("test.revived", handler, attempts=1):
        handler.broken = {news(world, new_id()) for _ in range(5)}
        drain()
        assert dead_tasks.revive([letter.id for letter in dead_of("test.revived")]) == 5
        with tenant_scope(world.system.tenant_id):
            due = OutboxTask.objects.filter(consumer="test.revived")
            assert len({task.due_at for task in due}) == 5
        handler.broken.clear()
        drain()
    assert len(handler.seen) == 10


def test_a_task_that_kills_its_workers_is_buried_after_the_last_attempt(world: World) -> None:
    handler = Handler()
    with consuming("test.killer", handler, attempts=2):
        subject = news(world, new_id())
        for _ in range(2):
            assert [batch.consumer for batch in taken()] == ["test.killer"]
            assert expire_leases() == 1
        drain(fast_forward=True)
        assert handler.seen == []
        (letter,) = dead_of("test.killer")
        assert (letter.subject_id, letter.attempts) == (subject, 2)
        assert letter.last_error == "the worker died during the last of 2 attempts"
        command("--retry", str(letter.id))
        drain()
    assert handler.seen == [subject]


def test_trouble_that_lasts_counts_where_it_holds_nothing_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[uuid.UUID] = []

    def in_trouble(event: Event, _done: Done) -> None:
        seen.append(event.subject_id)
        if event.subject_id == expected[0]:
            raise Trouble("not to be had")

    with consuming("test.trouble", in_trouble, attempts=2):
        shard = new_id()
        expected = [news(world, shard), news(world, shard)]
        for _ in range(4):
            drain()
            skip_backoffs()
        assert (seen, dead_of("test.trouble")) == ([expected[0]] * 4, [])
        monkeypatch.setattr(lanes, "TROUBLE_SECONDS", 0)
        drain(fast_forward=True)
        (letter,) = dead_of("test.trouble")
        assert (letter.subject_id, letter.attempts) == (expected[0], 2)
        assert seen[-1] == expected[1]


def test_a_task_is_leased_when_its_turn_comes_and_for_as_long_as_it_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LEASE_SECONDS", 1)
    seen: list[tuple[int, bool]] = []

    def slow(event: Event, _done: Done) -> None:
        first = leases(event.tenant_id)
        now = first
        until = time.monotonic() + 30
        while now == first and time.monotonic() < until:
            threading.Event().wait(0.02)
            now = leases(event.tenant_id)
        seen.append((len(first), now > first))

    def leases(tenant: uuid.UUID) -> list[object]:
        with tenant_scope(tenant):
            held = OutboxTask.objects.filter(consumer="test.slow", leased_until__isnull=False)
            return list(held.values_list("leased_until", flat=True))

    with consuming("test.slow", slow):
        news(world, new_id())
        news(world, new_id())
        drain()
    assert seen == [(1, True), (1, True)]


def test_an_error_is_stored_whatever_is_in_its_text(world: World) -> None:
    def broken(_event: Event, _done: Done) -> None:
        raise ConnectionError("nul \x00 and half a pair \ud800.")

    with consuming("test.words", broken, attempts=1):
        news(world, new_id())
        drain()
    assert [letter.last_error for letter in dead_of("test.words")] == [
        "ConnectionError: nul \ufffd and half a pair \ufffd."
    ]


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
    lost: list[DatabaseError] = []

    def overtaken(event: Event, done: Done) -> None:
        if not lost:
            expire_leases()
            (other,) = [batch for batch in taken() if batch.consumer == "test.lease"]
            assert other.events == [event]
        try:
            count_up(event, done)
        except DatabaseError as error:
            lost.append(error)
            assert counted(world) == 0
            raise

    with consuming("test.lease", overtaken):
        news(world, new_id())
        drain()
        assert [is_lost(error) for error in lost] == [True]
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
