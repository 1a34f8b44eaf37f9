"""Workers that are killed, doubled or cut off: no effect is lost, none happens twice."""

from __future__ import annotations

import signal
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from config.celery import app
from config.demo.transfers import balances, open_accounts, transfers
from config.env import redis_urls
from config.publishing import LANE_TASK
from executions import selectors
from executions.actions import request_execution
from executions.actions.execution_attempts import Attempt, LeaseLost, begin, settle
from executions.capability_registry import Result
from executions.due_executions import work
from executions.models import Execution
from ledger import selectors as entries
from ledger.tenancy import tenant_scope
from tests.draining import drain, expire_leases
from tests.processes import working
from tests.subprocesses import manage, start
from tests.world import World
from tools.localstack.programs import find_redis
from tools.localstack.redis_server import RedisServer
from verbs.call import Call

TRANSFER = {"from": "bank", "to": "customer", "amount": 25_000}
MOVED = {"bank": 975_000, "customer": 25_000}
# Whether the effect is there when the worker dies at this point.
POINTS = {
    "execution.dispatched": False,
    "execution.handled": True,
    "execution.before_settle": True,
    "execution.settled": True,
}


def requested(world: World) -> Execution:
    open_accounts(world.system.tenant_id)
    return request_execution(call=Call(world.operator), capability="demo.transfer", input=TRANSFER)


def stored(world: World, execution: Execution) -> Execution:
    with tenant_scope(world.system.tenant_id):
        return selectors.get(execution.tenant_id, execution.id)


def actions(world: World, execution: Execution) -> list[str]:
    with tenant_scope(world.system.tenant_id):
        return [
            e.action for e in entries.entries_of(execution.tenant_id, "execution", execution.id)
        ]


@pytest.mark.parametrize("point", sorted(POINTS))
def test_a_worker_killed_at_any_point_leaves_one_effect(world: World, point: str) -> None:
    drain(fast_forward=True)  # whatever earlier tests left would reach the point first
    execution = requested(world)

    killed = manage("worker", "--once", AMENDS_FAILPOINT=point)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert transfers(world.system.tenant_id) == (
        [("bank", "customer", 25_000)] if POINTS[point] else []
    )
    settled = point == "execution.settled"
    assert stored(world, execution).status == ("SUCCEEDED" if settled else "RUNNING")
    drain()
    assert stored(world, execution).status == ("SUCCEEDED" if settled else "RUNNING")

    expire_leases()
    again = manage("worker", "--once")

    assert again.returncode == 0, again.stderr
    row = stored(world, execution)
    assert (row.status, row.attempts) == ("SUCCEEDED", 1 if settled else 2)
    assert row.output == {"from_balance": 975_000, "to_balance": 25_000}
    assert balances(world.system.tenant_id) == MOVED
    assert transfers(world.system.tenant_id) == [("bank", "customer", 25_000)]
    assert actions(world, execution) == (
        ["requested", "dispatched", "succeeded"]
        if settled
        else ["requested", "dispatched", "retried", "succeeded"]
    )


def test_a_job_that_kills_its_workers_is_given_up(world: World) -> None:
    execution = requested(world)
    for attempt in range(1, 6):
        begun = begun_of(execution)
        assert begun is not None
        assert begun.call.attempt == attempt
        assert begun.call.idempotency_key == str(execution.id)
        expire_leases()
    assert begun_of(execution) is None
    row = stored(world, execution)
    assert (row.status, row.attempts, row.outcome_unknown) == ("UNCERTAIN", 5, True)
    assert row.error == "the worker fell silent during the last of 5 attempts"
    assert transfers(world.system.tenant_id) == []


def test_a_worker_that_lost_its_lease_stores_nothing(world: World) -> None:
    execution = requested(world)
    first = begun_of(execution)
    assert first is not None
    expire_leases()
    second = begun_of(execution)
    assert second is not None

    with pytest.raises(LeaseLost):
        settle(first, Result({"from_balance": 1, "to_balance": 1}))
    assert stored(world, execution).status == "RUNNING"
    assert stored(world, execution).output is None
    handler = first.capability.handler
    assert handler is not None
    assert handler(first.call) == handler(second.call)
    assert settle(second, handler(second.call)) == "SUCCEEDED"
    with pytest.raises(LeaseLost):
        settle(second, Result({"from_balance": 1, "to_balance": 1}))
    assert stored(world, execution).output == {"from_balance": 975_000, "to_balance": 25_000}
    assert transfers(world.system.tenant_id) == [("bank", "customer", 25_000)]
    assert not work(world.system.tenant_id, execution.id)
    assert stored(world, execution).version == 4


def test_two_workers_settle_a_pile_of_jobs_once_each(world: World) -> None:
    open_accounts(world.system.tenant_id)
    executions = [
        request_execution(
            call=Call(world.operator), capability="demo.transfer", input={**TRANSFER, "amount": 1}
        )
        for _ in range(20)
    ]
    workers = [start("worker", "--once") for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    for worker in workers:
        worker.communicate()
    drain()
    assert balances(world.system.tenant_id) == {"bank": 999_980, "customer": 20}
    assert len(transfers(world.system.tenant_id)) == 20
    for execution in executions:
        assert actions(world, execution) == ["requested", "dispatched", "succeeded"]


@pytest.mark.parametrize("redis", ["", "unix:///nowhere/redis.sock"], ids=["none", "stopped"])
def test_without_redis_a_running_worker_does_the_work_and_stops_cleanly(
    world: World, redis: str, tmp_path: Path
) -> None:
    with working(tmp_path, REDIS_URL=redis) as worker:
        execution = requested(world)
        until(lambda: stored(world, execution).status == "SUCCEEDED", worker)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    output = (tmp_path / "worker.log").read_text()
    assert "ready: 2 processes for programs" in output
    assert output.rstrip().endswith("stopped")
    assert balances(world.system.tenant_id) == MOVED


def begun_of(execution: Execution) -> Attempt | None:
    """Lease an execution and begin its next attempt."""
    return begin(execution.tenant_id, execution.id)


def until(holds: Callable[[], bool], worker: subprocess.Popen[Any], seconds: float = 30) -> None:
    """Wait until `holds`, as long as the worker lives."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert worker.poll() is None, "the worker ended"
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_redis_may_go_and_come_back_under_a_running_worker(world: World, tmp_path: Path) -> None:
    redis = own_redis(tmp_path)
    url = url_of(redis)
    worker = start("worker", REDIS_URL=url)
    try:
        work_is_done(world, worker)
        hints_are_heard(url, worker)
        redis.stop()
        work_is_done(world, worker)
        redis.start()
        work_is_done(world, worker)
        hints_are_heard(url, worker)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.communicate()
        redis.stop()


def own_redis(folder: Path) -> RedisServer:
    """Start a Redis of this test's own, which it may stop."""
    program = find_redis()
    assert program is not None, "the tests need Redis; the development requirements bring one"
    redis = RedisServer(
        program=program,
        folder=folder,
        socket=folder / "redis.sock",
        log=folder / "redis.log",
        keeps_data=False,
    )
    redis.start()
    return redis


def url_of(redis: RedisServer) -> str:
    """Return the URL of a database there that nobody else uses."""
    return redis.url.replace("?db=0", "?db=15")


def work_is_done(world: World, worker: subprocess.Popen[Any]) -> None:
    """Ask for an execution and wait until the worker has done it."""
    execution = request_execution(
        call=Call(world.operator), capability="demo.flaky", input={"fail_times": 0}
    )
    until(lambda: stored(world, execution).status == "SUCCEEDED", worker)


def hints_are_heard(url: str, worker: subprocess.Popen[Any]) -> None:
    """Send a hint that names nothing and wait until the worker has taken it off the queue."""
    said = [str(uuid.uuid4()), "nobody", str(uuid.uuid4())]
    with Celery("test", broker=redis_urls(url).celery, set_as_current=False) as sender:
        sender.conf.task_queues = app.conf.task_queues
        sender.send_task(LANE_TASK, args=said, queue="engine", retry=False, ignore_result=True)
    with Redis.from_url(url) as client:
        until(lambda: client.llen("engine") == 0, worker)
