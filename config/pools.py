"""The processes in which work is done on one machine, each a part of `manage.py worker` or `sweep`.

A pool is a Celery worker with forked children: over the broker, or embedded, with its own memory as
broker and a thread that looks for due work. One pool is for `work`, where programs may take their
time or hang, and one for all other queues: neither waits for the other. `publisher` looks for due
work and tells workers of it over the broker.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from celery.exceptions import SecurityWarning
from celery.signals import worker_init, worker_ready
from celery.worker import state
from django.conf import settings
from django.db import connections
from kombu import Connection

from config import row_slots
from config.celery import app, beat_as
from config.publishing import broker_answers, message_of, publisher, send_task
from config.sweeping import (
    EMBEDDED_AFTER_SECONDS,
    PUBLISH_AFTER_SECONDS,
    SWEEP_SECONDS,
    TOLD_BRIEFLY_SECONDS,
    Looker,
)
from ledger.dispatch.hints import Work
from ledger.dispatch.lease_table import QUEUES

log = logging.getLogger("worker")
Ready = Callable[[], None]
#: The queues of the two pools: what programs do never shares processes with the others.
POOLS = {"lanes": tuple(name for name in QUEUES if name != "work"), "work": ("work",)}
#: How many pieces of work an embedded pool keeps in its memory for each of its children.
_IN_MEMORY = 2
_POLL_SECONDS = 0.02


def processes_of(name: str, processes: int) -> int:
    """Return how many processes a pool has where each is given so many. The one that does not only
    do programs has three beside: one for what is short, and two for what else takes long."""
    return processes if name == "work" else processes + 3


def over_the_broker(name: str, processes: int) -> Callable[[Ready], None]:
    """Return what runs one pool over the broker, until it is told to stop."""

    def run(ready: Ready) -> None:
        # It is there, also when the broker is not: that is waited for as long as it takes.
        worker_init.connect(lambda **_said: ready(), weak=False)
        _celery(name, processes)

    return run


def embedded(name: str, processes: int, *, beside_workers: bool) -> Callable[[Ready], None]:
    """Return what runs one embedded pool; `beside_workers`, it starts its children only when due
    work has been left untaken for some seconds."""

    def run(ready: Ready) -> None:
        def untaken() -> float:
            return EMBEDDED_AFTER_SECONDS if beside_workers and broker_answers() else 0.0

        app.conf.update(
            broker_url="memory://",
            broker_transport_options={"polling_interval": _POLL_SECONDS},
            worker_enable_remote_control=False,
        )
        looker = Looker(
            POOLS[name], _Memory(), untaken=untaken, told_for=TOLD_BRIEFLY_SECONDS,
            room=lambda: processes * _IN_MEMORY - _outstanding(POOLS[name]),
            slots=_slots_in(name, processes),
        )  # fmt: skip
        if beside_workers:
            # It stands by: what nobody takes will be done.
            beat_as(f"standby-{name}@{os.uname().nodename}", POOLS[name])
            ready()
            _wait_until_needed(POOLS[name], untaken)
        looking = threading.Thread(
            target=looker.run, args=(threading.Event(),), name="look", daemon=True
        )
        looking.start()
        worker_ready.connect(lambda **_said: ready(), weak=False)
        _celery(f"embedded-{name}", processes, POOLS[name])

    return run


def _slots_in(name: str, processes: int) -> Callable[[uuid.UUID, bool], int]:
    """Return what says how many rows of a tenant a pool would do now."""
    if name == "work":
        return lambda _tenant_id, _program: processes
    row_slots.prepare()
    return lambda tenant_id, program: row_slots.free(processes, tenant_id, program=program)


def publishing(ready: Ready) -> None:
    """Tell workers over the broker what is due and not taken, until told to stop."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.set())
    ready()
    Looker(QUEUES, publisher, untaken=lambda: PUBLISH_AFTER_SECONDS).run(stopping)


def _wait_until_needed(queues: Sequence[str], untaken: Callable[[], float]) -> None:
    found: list[Work] = []
    looker = Looker(queues, found.extend, untaken=untaken, told_for=0, room=lambda: 1)
    while not looker.look():
        time.sleep(SWEEP_SECONDS)
    connections.close_all()
    log.warning("due work is left untaken: doing it here")


def _celery(name: str, processes: int, queues: Sequence[str] | None = None) -> None:
    connections.close_all()
    if settings.AMENDS_DEMO:
        # A developer's container may have no other user, and needs no page of it at each start.
        warnings.filterwarnings("ignore", category=SecurityWarning)
    app.worker_main(
        [
            "--quiet", "worker", "--pool=prefork", f"--concurrency={processes}",
            f"--hostname={name}@%h", f"--queues={','.join(queues or POOLS[name])}",
            "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]
    )  # fmt: skip


class _Memory:
    """Puts work into the memory of this process, from which its Celery worker takes it."""

    def __init__(self) -> None:
        self._producer: Any = None

    def __call__(self, works: Sequence[Work]) -> None:
        if self._producer is None:
            self._producer = app.amqp.Producer(Connection("memory://"), auto_declare=False)
        for work in works:
            send_task(self._producer, message_of(work))


def _outstanding(queues: Sequence[str]) -> int:
    """Return how many messages wait in memory or are being worked on."""
    with Connection("memory://") as connection:
        channel: Any = connection.default_channel
        waiting: int = sum(channel._size(name) for name in queues)  # noqa: SLF001  -- the only way to ask
    return waiting + len(state.reserved_requests)
