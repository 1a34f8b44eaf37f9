"""A worker killed anywhere between dispatch, effect, record and event: each effect exactly once.

The effects are made by another program, a real server, which counts them. Workers are processes of
their own and die by SIGKILL at a named point, with a broker that they tell what is to be done, and
without.
"""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cases.actions import open_case
from executions.actions import request_execution
from executions.models import Execution
from ledger.tenancy import tenant_scope
from tests.answering import LOOPBACK, Answering, answering
from tests.bank import actions_of, stored
from tests.casework import case_row, deploy, plan_items
from tests.counting import Seats, Way, declare_seats, known, saying
from tests.definitions import automated, definition
from tests.draining import drain, expire_leases
from tests.faults.kills import Runner
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

FILE = """
capabilities:
  - name: test.book
    url: {url}/book
    secret_env: SEATS_SECRET
    status_url: "{status}"
    output_schema: {{type: object, required: [seat]}}
    limits: {{read: 2, whole: 4}}
    retry: {{max_attempts: 5, base_seconds: 0.1, cap_seconds: 0.1}}
"""
# Dispatch, effect, record and event, and whether the effect is there when the worker dies.
RECORD = ("record.before", "record.after")
POINTS = {
    "record.before": False,
    "record.after": False,
    "execution.dispatched": False,
    "execution.handled": True,
    "execution.before_settle": True,
    "execution.settled": True,
}
# Where an attempt had begun, so that another is made.
AGAIN = {"execution.dispatched", "execution.handled", "execution.before_settle"}
# What comes after: the case hears of it and goes on.
EVENT_POINTS = ["dispatch.leased", "engine.handled", "dispatch.before_done", "dispatch.handled"]
SEAT = {"seat": 7}


@pytest.fixture
def seats() -> Seats:
    return Seats()


@pytest.fixture
def target(seats: Seats, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    drain(fast_forward=True)  # whatever earlier tests left would reach the point first
    with answering(seats) as server:
        declare_seats(monkeypatch, server)
        yield server


@pytest.fixture(params=["redis", "none"])
def workers(
    request: pytest.FixtureRequest,
    target: Answering,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What workers, started after this, find in their environment: the capability, and a broker or
    none."""
    path, url = tmp_path / "capabilities.yaml", target.url("")
    path.write_text(FILE.format(url=url, status=f"{url}/calls/{{key}}"))
    monkeypatch.setenv("AMENDS_CAPABILITIES", str(path))
    monkeypatch.setenv("AMENDS_EGRESS_ALLOW", LOOPBACK)
    if request.param == "none":
        monkeypatch.setenv("REDIS_URL", "")


def requested(world: World) -> Execution:
    return request_execution(call=Call(world.operator), capability="test.book", input=SEAT)


def test_a_call_killed_anywhere_has_one_effect(
    world: World, workers: None, runner: Runner, seats: Seats
) -> None:
    for point, is_there in POINTS.items():
        row = requested(world)
        assert runner.do("work", row.id, world.operator, point=point) == -signal.SIGKILL, point
        assert seats.made_for(row.id) == ([7] if is_there else []), point
        assert runner.do("work", row.id, world.operator) == 0, point
        row = stored(world, row.id)
        assert (row.status, row.output) == ("SUCCEEDED", SEAT), point
        assert row.attempts == (2 if point in AGAIN else 1), point
        assert seats.made_for(row.id) == [7], point
        assert actions_of(world, row).count("succeeded") == 1, point
    verify()


def test_accepted_work_killed_anywhere_has_one_effect(
    world: World, workers: None, runner: Runner, seats: Seats
) -> None:
    """The first worker records that it was accepted; the second dies while it asks."""
    asks: Way = saying(202)
    for point in ("execution.handled", "execution.before_settle", *RECORD):
        seats.ways, seats.knows = [saying(202, books=True, Location="/jobs/1")], asks
        row = requested(world)
        assert runner.do("once", row.id, world.operator) == 0, point
        assert stored(world, row.id).status == "WAITING", point
        seats.knows = known
        assert runner.do("work", row.id, world.operator, point=point) == -signal.SIGKILL, point
        row = stored(world, row.id)
        assert (row.status, row.attempts) == ("WAITING", 1), point
        assert runner.do("work", row.id, world.operator) == 0, point
        row = stored(world, row.id)
        assert (row.status, row.output, row.attempts) == ("SUCCEEDED", SEAT, 1), point
        assert seats.made_for(row.id) == [7], point
        told = ["requested", "dispatched", "accepted", "succeeded"]
        assert actions_of(world, row) == told, point
    verify()


def test_what_was_accepted_and_not_recorded_is_called_again_by_the_same_key(
    world: World, workers: None, runner: Runner, seats: Seats
) -> None:
    seats.ways, seats.knows = [saying(202, books=True, Location="/jobs/1")], saying(404)
    row = requested(world)
    by = world.operator
    assert runner.do("work", row.id, by, point="execution.before_settle") == -signal.SIGKILL
    assert stored(world, row.id).status == "RUNNING"
    expire_leases()
    assert runner.do("once", row.id, by) == 0
    assert stored(world, row.id).status == "WAITING"
    assert seats.made_for(row.id) == [7]
    seats.knows = known
    assert runner.do("work", row.id, by) == 0
    row = stored(world, row.id)
    assert (row.status, row.attempts, seats.made_for(row.id)) == ("SUCCEEDED", 2, [7])


def test_a_case_killed_while_it_hears_of_an_effect_goes_on_once(
    world: World, workers: None, runner: Runner, seats: Seats
) -> None:
    name = f"books-{uuid.uuid4().hex[:8]}"
    step = automated("book", "test.book", "true", "{seat: 7}")
    deploy(world, definition(name, step, success=".book"))
    drain()
    by = world.operator
    for point in (*POINTS, *EVENT_POINTS):
        case_id = open_case(call=Call(by), definition=f"tests/{name}", context={}).id
        assert runner.do("work", case_id, by, point=point) == -signal.SIGKILL, point
        # Of what lies on the way twice, the beginning of the step and its end, both.
        assert runner.do("work", case_id, by, point=point) in {0, -signal.SIGKILL}, point
        assert runner.do("work", case_id, by) == 0, point
        assert case_row(world, case_id).status == "COMPLETED", point
        [item] = plan_items(world, case_id).values()
        assert item.status == "COMPLETED", point
        with tenant_scope(by.tenant_id):
            [row] = Execution.objects.filter(case_id=case_id)
        assert seats.made_for(row.id) == [7], point
        assert actions_of(world, row).count("succeeded") == 1, point
    verify()
