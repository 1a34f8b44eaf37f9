"""Hears the doorbell: a Celery worker in the main thread whose one task wakes the sweep threads.

It may lose Redis, find it again, or never see it; nothing here runs any work.
"""

from __future__ import annotations

import logging
import threading

from celery.worker import WorkController, state

from config.celery import QUEUE, app

log = logging.getLogger(__name__)
_AGAIN_SECONDS = 5.0


def listen(stop: threading.Event) -> None:
    """Receive wake-ups until `stop` is set and `hang_up` was called. Runs in the main thread."""
    while not stop.is_set():
        worker = WorkController(
            app=app,
            pool_cls="solo",
            concurrency=1,
            queues=[QUEUE],
            loglevel="WARNING",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
        # Celery gives up on errors it does not know; the sweep goes on meanwhile.
        stop.wait(_AGAIN_SECONDS)


def hang_up() -> None:
    """Ask the Celery worker to end after the message it is at. Safe in a signal handler."""
    state.should_stop = 0  # type: ignore[assignment]  # its stub knows only the initial None
