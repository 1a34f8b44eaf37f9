"""The doorbell: rings, and keeps quiet for a while when nobody hears it."""

from __future__ import annotations

import pytest

from config import celery
from config.celery import SILENCE_SECONDS, Doorbell, app


class Broker:
    """Counts what is sent; refuses while it is down."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0

    def send(self) -> None:
        self.asked += 1
        if self.down:
            raise ConnectionError("nobody there")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_a_broker_that_is_down_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    broker, clock = Broker(), Clock()
    monkeypatch.setattr(celery, "time", clock)
    bell = Doorbell(broker.send)
    bell.ring()
    bell.ring()
    assert broker.asked == 2
    broker.down = True
    bell.ring()
    assert broker.asked == 3
    broker.down = False
    clock.now += SILENCE_SECONDS - 0.01
    bell.ring()
    assert broker.asked == 3, "it asked again although the broker had just failed"
    clock.now += 0.01
    bell.ring()
    bell.ring()
    assert broker.asked == 5


def test_celery_keeps_nothing_and_retries_nothing() -> None:
    kept = ("task_publish_retry", "result_backend", "accept_content", "beat_schedule")
    assert [app.conf[name] for name in kept] == [False, None, ["json"], {}]
    assert [name for name in app.tasks if not name.startswith("celery.")] == ["amends.wake"]
