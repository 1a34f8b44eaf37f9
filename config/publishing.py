"""Telling workers over the broker what a commit has left: a hint that may fail, never an error."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from kombu import Connection, Producer

from config.celery import app, broker_url, transport_options
from ledger.dispatch.consumer_registry import consumers_in
from ledger.dispatch.hints import LaneWork, Work
from ledger.dispatch.runner import TURN_SECONDS

log = logging.getLogger(__name__)
#: After a failure nobody tries again for this long: a request never waits twice.
SILENCE_SECONDS = 5.0
#: How long one message may take. A request waits for no more than one that fails.
_PUBLISH_SECONDS = 0.2
#: How long one goes on telling of all that a commit has left.
_TELL_SECONDS = 0.3
#: What a killed child needs to be killed after its work's own limit.
_GRACE_SECONDS = 5.0
_ASK_EVERY_SECONDS = 1.0
_asked = [float("-inf"), False]
#: Redis serves 0 before all else, whatever its queue. RabbitMQ was told of no priorities, and does
#: not look at them.
_USUAL, _OVERTAKES = 3, 0
LANE_TASK = "amends.lane"
ROW_TASK = "amends.row"


def message_of(work: Work) -> dict[str, Any]:
    """Return a piece of work as a message: `name`, `args`, `queue`, its hard `time_limit` and its
    `priority`."""
    if isinstance(work, LaneWork):
        lane = work.lane
        longest = max((each.max_seconds for each in consumers_in(lane.name)), default=0)
        return {
            "name": LANE_TASK,
            "args": [str(lane.tenant_id), lane.name, str(lane.shard)],
            "queue": work.queue,
            "time_limit": longest + TURN_SECONDS + _GRACE_SECONDS,
            "priority": _OVERTAKES if work.overtakes else _USUAL,
        }
    return {
        "name": ROW_TASK,
        "args": [work.source, str(work.tenant_id), str(work.id), work.seconds],
        "queue": work.queue,
        "time_limit": work.seconds + _GRACE_SECONDS,
        "priority": _OVERTAKES if work.overtakes else _USUAL,
    }


class Publisher:
    """Sends hints over one connection a process; silent for `SILENCE_SECONDS` after a failure.

    Threads share the connection under a lock, for which none of them waits long.
    """

    def __init__(self, send: Callable[[Work], object] | None = None) -> None:
        self._send = send or self._over_the_broker
        self._silent_until = 0.0
        self._lock = threading.Lock()
        self._connection: Any = None
        self._process = os.getpid()

    @property
    def silent(self) -> bool:
        """Whether the broker has failed a moment ago."""
        return time.monotonic() < self._silent_until

    def __call__(self, works: Sequence[Work]) -> None:
        """Tell workers of `works`, quickly or not at all."""
        if self.silent:
            return
        if self._process != os.getpid():
            # A fork must not write to its parent's socket, nor wait for its parent's threads.
            self._process, self._connection, self._lock = os.getpid(), None, threading.Lock()
        if not self._lock.acquire(timeout=_PUBLISH_SECONDS):
            return
        try:
            until = time.monotonic() + _TELL_SECONDS
            for work in works:
                self._send(work)
                if time.monotonic() > until:
                    # What is not told is found by the sweep.
                    self._silent_until = time.monotonic() + SILENCE_SECONDS
                    break
        except Exception as error:  # noqa: BLE001  -- broker libraries raise many kinds; none matters
            self._silent_until = time.monotonic() + SILENCE_SECONDS
            self._forget()
            log.warning("no worker could be told (%s); the sweep finds the work", error)
        finally:
            self._lock.release()

    def _over_the_broker(self, work: Work) -> None:
        if self._connection is None:
            self._connection = quick_connection()
        send_task(app.amqp.Producer(self._connection, auto_declare=False), message_of(work))

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.collect(_PUBLISH_SECONDS)


def quick_connection() -> Any:
    """Return a connection to the broker that would rather fail than wait."""
    url = broker_url()
    options = transport_options(url, _PUBLISH_SECONDS)
    if url.startswith("amqp"):
        options = {"read_timeout": _PUBLISH_SECONDS, "write_timeout": _PUBLISH_SECONDS}
    return Connection(url, connect_timeout=_PUBLISH_SECONDS, transport_options=options)


def broker_answers() -> bool:
    """Whether the broker answers, by an answer that is no older than a second."""
    moment = time.monotonic()
    if moment - _asked[0] > _ASK_EVERY_SECONDS:
        _asked[:] = [moment, _answers()]
    return bool(_asked[1])


def _answers() -> bool:
    try:
        with quick_connection() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
    except Exception as error:  # noqa: BLE001  -- broker libraries raise many kinds
        log.debug("the broker does not answer: %s", error)
        return False
    return True


def send_task(producer: Producer, said: dict[str, Any]) -> None:
    """Send one message as `message_of` makes it."""
    app.send_task(
        said["name"], args=said["args"], queue=said["queue"], time_limit=said["time_limit"],
        priority=said["priority"], producer=producer, retry=False, ignore_result=True,
    )  # fmt: skip


publisher = Publisher()
