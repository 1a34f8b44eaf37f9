"""What hangs, floods or goes away costs the others nothing they can feel."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from kombu import Connection
from redis import Redis

from accounts.acting import ActingUser
from config.celery import app
from config.demo.transfers import balances
from config.env import redis_urls
from config.publishing import LANE_TASK, ROW_TASK, Publisher
from executions import capability_registry
from executions.actions import request_execution
from executions.actions.execution_opening import NewExecution, open_execution
from executions.models import Execution, ExecutionJob
from ledger.clock import now
from ledger.dispatch import hints
from ledger.dispatch.hints import RowWork
from ledger.ids import new_id
from ledger.record import ActorRef, Change, record_many
from ledger.tenancy import tenant_scope
from notifications.models import Delivery
from tests import casework, states
from tests.casework import (
    approved_loan,
    deploy,
    finish,
    opened,
    plan_items,
    roll_back,
    run_row,
    steps,
)
from tests.definitions import definition, human
from tests.draining import drain, expire_leases, leave_behind
from tests.faults.test_worker import actions, own_redis, stored, until, url_of, work_is_done
from tests.processes import working
from tests.world import World
from verbs.call import Call
from workitems.actions import create_work_item, suspend
from workitems.models import HoldEnd, WorkItem

#: What the product promises, and the margin that a loaded machine is given.
UNDO_SECONDS = 2.0
ANOTHERS_SECONDS = 1.0
REQUEST_SECONDS = 0.5
MARGIN = 3
#: Until what is due by itself is found and done: some looks of the sweep.
DUE_SECONDS = 12.0
#: Those of workers over the broker, and of the sweep, which does what is left untaken.
POOLS_WITH_SLOTS = {"redis": 2, "none": 1}
with_and_without = pytest.mark.parametrize("broker", ["redis", "none"])


@pytest.fixture(autouse=True)
def _leaves_nothing(transactional_db: None) -> Iterator[None]:
    """Let no other test do what these leave undone: thousands of tasks, and programs that hang."""
    yield
    leave_behind()


def broker_of(name: str) -> str:
    return os.environ["REDIS_URL"] if name == "redis" else ""


def wait_until(holds: Callable[[], bool], seconds: float = 40.0) -> float:
    """Wait until `holds()` and return for how long; fail after `seconds`."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, "it did not happen"
        time.sleep(0.02)
    return time.monotonic() - begun


def slow(world: World, seconds: float) -> Execution:
    return slow_of(world.operator, seconds)


def slow_of(who: ActingUser, seconds: float) -> Execution:
    return request_execution(call=Call(who), capability="demo.slow", input={"seconds": seconds})


def hung_undos(who: ActingUser, count: int) -> list[uuid.UUID]:
    """Programs that hang where those wait that undo."""
    with hints.collected():
        # Nobody is told to do them where programs are done.
        ids = [slow_of(who, 600).id for _ in range(count)]
    with tenant_scope(who.tenant_id):
        ExecutionJob.objects.filter(execution_id__in=ids).update(queue="undo")
    return ids


def status_of(who: ActingUser, item_id: uuid.UUID) -> str:
    with tenant_scope(who.tenant_id):
        return str(WorkItem.objects.get(id=item_id).status)


def under_way(who: ActingUser, ids: list[uuid.UUID]) -> int:
    """Return how many of them run; the others have not begun."""
    with tenant_scope(who.tenant_id):
        found = list(Execution.objects.filter(id__in=ids).values_list("status", flat=True))
    assert set(found) <= {"PENDING", "RUNNING"}
    return found.count("RUNNING")


def being_sent(who: ActingUser) -> int:
    """Return how many messages to somebody a worker is at."""
    with tenant_scope(who.tenant_id):
        mails = Delivery.objects.filter(recipient_id=who.actor_id, channel="email")
        return mails.filter(status="PENDING", leased_until__gt=now()).count()


def undoing_case(world: World) -> uuid.UUID:
    """A case with one finished step, which a person can undo."""
    name = f"c{uuid.uuid4().hex[:8]}"
    deploy(world, definition(name, human("a")))
    case_id = opened(world, f"tests/{name}")
    finish(world.analyst, case_id, "a", None)
    return case_id


def until_undo_waits(world: World, case_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> float:
    """Roll a case back and return the seconds from its commit until its first step is under way."""
    monkeypatch.setattr(casework, "drain", lambda: None)
    run = roll_back(world, case_id)
    return wait_until(lambda: steps(world, run.id)[0].status == "RUNNING")


@with_and_without
def test_hung_executions_do_not_delay_an_undo(
    world: World, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain(fast_forward=True)
    case_id = undoing_case(world)
    hung = [slow(world, 600) for _ in range(2)]
    with working(tmp_path, REDIS_URL=broker_of(broker)):
        wait_until(lambda: all(stored(world, each).status == "RUNNING" for each in hung))
        took = until_undo_waits(world, case_id, monkeypatch)
        assert took < UNDO_SECONDS * MARGIN
        assert [stored(world, each).status for each in hung] == ["RUNNING", "RUNNING"]


@with_and_without
def test_hung_undos_leave_a_process_for_what_is_short(
    world: World, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many: those that find no slot are in nobody's way. Short is what is due by itself
    too, also of the tenant whose programs hang."""
    drain(fast_forward=True)
    on_hold = states.in_progress(world.analyst).id
    suspend(on_hold, call=Call(world.analyst), until=now() + dt.timedelta(hours=1))
    case_id = undoing_case(world)
    hung = hung_undos(world.operator, 40)
    with working(tmp_path, REDIS_URL=broker_of(broker)):
        wait_until(lambda: under_way(world.operator, hung) > 0)
        took = until_undo_waits(world, case_id, monkeypatch)
        assert took < UNDO_SECONDS * MARGIN
        with tenant_scope(world.operator.tenant_id):
            HoldEnd.objects.filter(item_id=on_hold).update(due_at=now() - dt.timedelta(hours=1))
        wait_until(lambda: status_of(world.analyst, on_hold) == "IN_PROGRESS", DUE_SECONDS)
        assert 1 <= under_way(world.operator, hung) <= POOLS_WITH_SLOTS[broker]


@with_and_without
def test_hung_undos_of_one_tenant_delay_no_automated_undo_of_another(
    world: World, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when the mail server hangs beside them: each message takes a process for as long."""
    drain(fast_forward=True)
    case_id = approved_loan(world)
    tenant_id = world.operator.tenant_id
    paid = balances(tenant_id)["customer"]
    hung = hung_undos(world.outsider, 40)
    for _ in range(4):
        create_work_item(call=Call(world.operator), title="Told", assignee=world.analyst.username)
    monkeypatch.setattr(casework, "drain", lambda: None)
    hanging = "tests.settings_mail_hangs"
    redis = broker_of(broker)
    with working(tmp_path, REDIS_URL=redis, DJANGO_SETTINGS_MODULE=hanging):
        wait_until(lambda: being_sent(world.analyst) == 1)
        wait_until(lambda: under_way(world.outsider, hung) > 0)
        roll_back(world, case_id)
        took = wait_until(lambda: balances(tenant_id)["customer"] == 0)
        assert paid > 0
        assert took < UNDO_SECONDS * MARGIN
        assert 1 <= under_way(world.outsider, hung) <= POOLS_WITH_SLOTS[broker]


@with_and_without
def test_a_capability_that_never_returns_is_killed_and_its_attempts_counted(
    world: World, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain(fast_forward=True)
    system = world.system
    # Known here, so that it is not taken for an outside party's; run by the worker.
    known = capability_registry.get("demo.fail")
    assert known is not None
    named = dataclasses.replace(known, name="test.hangs", max_seconds=2)
    monkeypatch.setitem(capability_registry._capabilities, "test.hangs", named)  # noqa: SLF001  -- for as long as this test
    with tenant_scope(system.tenant_id):
        execution = open_execution(
            NewExecution(
                tenant_id=system.tenant_id, capability="test.hangs", input={},
                requested_by=world.operator.actor_id, case_id=new_id(),
            ),
            by=ActorRef(system.actor_id, system.actor_type, "system"),
        )  # fmt: skip
    others = [slow(world, 0) for _ in range(4)]
    redis = broker_of(broker)
    with working(tmp_path, DJANGO_SETTINGS_MODULE="tests.settings_hanging", REDIS_URL=redis):
        wait_until(lambda: all(stored(world, each).status == "SUCCEEDED" for each in others), 20)
        assert stored(world, execution).status == "RUNNING"
        wait_until(lambda: stored(world, execution).status == "UNCERTAIN", 60)
    row = stored(world, execution)
    assert (row.attempts, row.error) == (2, "the worker fell silent during the last of 2 attempts")
    assert actions(world, execution) == ["requested", "dispatched", "retried", "outcome_unknown"]


def test_a_worker_that_was_stopped_beyond_its_lease_stores_nothing(
    world: World, tmp_path: Path
) -> None:
    drain(fast_forward=True)
    execution = slow(world, 2)
    with working(tmp_path, REDIS_URL="") as worker:
        wait_until(lambda: stored(world, execution).status == "RUNNING")
        stopped = descendants(worker.pid)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        expire_leases()
        drain()
        row = stored(world, execution)
        assert (row.status, row.attempts, row.version) == ("SUCCEEDED", 2, 4)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        log = tmp_path / "worker.log"
        wait_until(lambda: "was taken over by another worker" in log.read_text())
    assert stored(world, execution).version == 4
    assert actions(world, execution) == ["requested", "dispatched", "retried", "succeeded"]


def descendants(pid: int) -> list[int]:
    """Return the processes below one, the nearest first."""
    found = [pid]
    for parent in found:
        children = Path(f"/proc/{parent}/task/{parent}/children")
        with contextlib.suppress(FileNotFoundError):
            found += [int(each) for each in children.read_text().split()]
    return found[1:]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_wrong_holds_nothing_up(world: World, hours: int) -> None:
    drain(fast_forward=True)
    with time_machine.travel(time.time() + hours * 3600, tick=True):
        execution = slow(world, 0)
        case_id = undoing_case(world)
        run = roll_back(world, case_id)
        drain()
    assert stored(world, execution).status == "SUCCEEDED"
    assert [step.status for step in steps(world, run.id)] == ["RUNNING"]
    assert run_row(world, run.id).status == "RUNNING"


def flood(who: ActingUser, count: int, action: str) -> None:
    """Record so much news of an action, each in a lane of its own."""
    item = create_work_item(call=Call(who), title="Flooded")
    by = ActorRef(who.actor_id, who.actor_type, "operator")
    for _ in range(count // 300):
        with tenant_scope(who.tenant_id):
            record_many(
                [
                    Change(
                        tenant_id=who.tenant_id, subject_type="work_item", subject_id=item.id,
                        version=1, action=action, actor=by, to_status="PENDING",
                        case_id=new_id(),
                    )
                    for _ in range(300)
                ]
            )  # fmt: skip


def test_ten_thousand_notices_of_one_tenant_delay_nobody_else(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain(fast_forward=True)
    case_id = undoing_case(world)
    flood(world.outsider, 10_200, "assigned")
    with working(tmp_path, REDIS_URL=broker_of("redis")):
        took = until_undo_waits(world, case_id, monkeypatch)
        assert took < ANOTHERS_SECONDS * MARGIN


@with_and_without
def test_a_flood_of_one_tenant_delays_no_step_of_another(
    world: World, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one queue: news of ten thousand cases before the news of one."""
    drain(fast_forward=True)
    name = f"c{uuid.uuid4().hex[:8]}"
    deploy(world, definition(name, human("a"), human("b", when=".a != null and .b == null")))
    case_id = opened(world, f"tests/{name}")
    monkeypatch.setattr(casework, "drain", lambda: None)
    flood(world.outsider, 10_200, "completed")
    with working(tmp_path, REDIS_URL=broker_of(broker)):
        finish(world.analyst, case_id, "a", None)
        took = wait_until(lambda: "b" in plan_items(world, case_id))
        assert took < ANOTHERS_SECONDS * MARGIN


def test_a_flood_of_short_programs_delays_no_long_one_of_another_tenant(
    world: World, tmp_path: Path
) -> None:
    """Under the message of a short one it would be killed before its time: it overtakes them."""
    drain(fast_forward=True)
    with working(tmp_path, REDIS_URL=broker_of("redis")):
        call = Call(world.outsider)
        for _ in range(600):
            request_execution(call=call, capability="demo.flaky", input={"fail_times": 0})
        long = slow(world, 0)
        took = wait_until(lambda: stored(world, long).status == "SUCCEEDED")
        with tenant_scope(world.outsider.tenant_id):
            waiting = ExecutionJob.objects.count()
    assert took < ANOTHERS_SECONDS * MARGIN
    assert waiting > 0, "they were done before"


def test_redis_that_hangs_costs_a_request_nothing_and_no_work(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis = own_redis(tmp_path)
    url = url_of(redis)
    monkeypatch.setattr(settings, "REDIS_URL", url)
    publisher = Publisher()
    hint = RowWork("work", "executions", world.system.tenant_id, new_id(), 1)
    try:
        with working(tmp_path, REDIS_URL=url) as worker:
            publisher([hint])
            silent_before = publisher.silent
            assert redis.process is not None
            os.kill(redis.process.pid, signal.SIGSTOP)
            begun = time.monotonic()
            publisher([hint])
            publisher([hint])
            assert time.monotonic() - begun < REQUEST_SECONDS * MARGIN
            assert (silent_before, publisher.silent) == (False, True)
            work_is_done(world, worker)
            os.kill(redis.process.pid, signal.SIGCONT)
            work_is_done(world, worker)
    finally:
        redis.stop()


def test_a_flushed_broker_and_bad_messages_lose_nothing(world: World, tmp_path: Path) -> None:
    redis = own_redis(tmp_path)
    url = url_of(redis)
    log = tmp_path / "worker.log"
    try:
        with working(tmp_path, REDIS_URL=url) as worker, Redis.from_url(redis.url) as client:
            publisher_of_nonsense(url)
            until(lambda: "dropped a message" in log.read_text(), worker)
            client.flushall()
            work_is_done(world, worker)
            assert "Traceback" not in log.read_text()
    finally:
        redis.stop()


def publisher_of_nonsense(url: str) -> None:
    """Send messages that name nothing there is."""
    with Connection(redis_urls(url).celery) as broker:
        producer = app.amqp.Producer(broker, auto_declare=False)
        for args in (["x", "y", "z"], [1, 2, 3]):
            app.send_task(LANE_TASK, args=args, queue="engine", producer=producer)
        app.send_task(ROW_TASK, args=["nobody", "x", "y", 1], queue="work", producer=producer)
