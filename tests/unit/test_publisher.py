"""What is told to workers over the broker, and the silence when it does not answer."""

from __future__ import annotations

import dataclasses

import pytest
from kombu import Connection

from config import publishing
from config.celery import app
from config.publishing import SILENCE_SECONDS, Publisher, message_of
from ledger.dispatch.hints import LaneWork, RowWork, Work
from ledger.dispatch.lanes import Lane
from ledger.dispatch.lease_table import QUEUES
from ledger.ids import new_id

TENANT, SHARD = new_id(), new_id()
ROW = RowWork("work", "executions", TENANT, SHARD, 30)


class Broker:
    """Counts what is sent; refuses while it is down."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0

    def send(self, _work: Work) -> None:
        self.asked += 1
        if self.down:
            raise ConnectionError("nobody there")

    @staticmethod
    def refuse(*_said: object) -> None:
        raise ConnectionError("nobody there")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_a_broker_that_is_down_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, clock = Broker(), Clock()
    monkeypatch.setattr(publishing, "time", clock)
    publisher = Publisher(broker.send)
    publisher([ROW])
    publisher([ROW])
    assert broker.asked == 2
    broker.down = True
    publisher([ROW, ROW, ROW])
    assert broker.asked == 3, "it went on asking a broker that had just failed"
    broker.down = False
    clock.now += SILENCE_SECONDS - 0.01
    publisher([ROW])
    assert broker.asked == 3, "it asked again although the broker had just failed"
    clock.now += 0.01
    publisher([ROW])
    publisher([ROW])
    assert broker.asked == 5


def test_after_a_failure_the_connection_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    # Kept open it would be one more descriptor for each time that the broker went away.
    with Connection("memory://") as connection:
        connection.ensure_connection()
        monkeypatch.setattr(publishing, "quick_connection", lambda: connection)
        monkeypatch.setattr(publishing, "send_task", Broker.refuse)
        publisher = Publisher()
        publisher([ROW])
        assert publisher.silent
        assert not connection.connected


def test_a_message_names_a_lane_or_a_row_and_how_long_it_may_take() -> None:
    lane = LaneWork("undo", Lane(TENANT, "engine", SHARD))
    assert message_of(lane) == {
        "name": "amends.lane",
        "args": [str(TENANT), "engine", str(SHARD)],
        "queue": "undo",
        "time_limit": 75.0,
        "priority": 3,
    }
    assert message_of(ROW) == {
        "name": "amends.row",
        "args": ["executions", str(TENANT), str(SHARD), 30],
        "queue": "work",
        "time_limit": 35.0,
        "priority": 3,
    }


def test_what_overtakes_goes_before_whatever_else_redis_has() -> None:
    said = message_of(dataclasses.replace(ROW, overtakes=True))
    assert said == {**message_of(ROW), "priority": 0}


def test_celery_keeps_nothing_and_retries_nothing() -> None:
    kept = ("task_publish_retry", "result_backend", "accept_content", "beat_schedule")
    assert [app.conf[name] for name in kept] == [False, None, ["json"], {}]
    app.loader.import_default_modules()
    own = sorted(name for name in app.tasks if not name.startswith("celery."))
    assert own == ["amends.lane", "amends.row"]
    assert {(queue.name, queue.routing_key) for queue in app.conf.task_queues} == {
        (name, name) for name in QUEUES
    }
    assert (app.conf.task_acks_late, app.conf.worker_prefetch_multiplier) == (True, 1)
