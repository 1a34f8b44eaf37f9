"""`manage.py worker`: runs due work. Any number may run, with Redis or without."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from types import FrameType
from typing import Any

from celery.worker import WorkController, state
from django.conf import settings
from django.core.management.base import BaseCommand
from typing_extensions import override

from config.celery import QUEUE, app, woken
from config.sweeping import Sweepers, sweep_once

log = logging.getLogger("worker")
THREADS = 2
_LAST_BATCH_SECONDS = 20.0
_LISTEN_AGAIN_SECONDS = 5.0


class Command(BaseCommand):
    """Look for due work once a second, and at once when Redis carries a wake-up.

    SIGTERM or Ctrl-C ends it after the batch at hand; what takes longer than 20 seconds is left to
    its lease and another worker.
    """

    help = "Run due work: news, executions and whatever else falls due. Any number may run."

    @override
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="run what is due now, then exit")
        parser.add_argument(
            "--threads",
            type=int,
            default=THREADS,
            metavar="N",
            help=f"how many pieces of work run at a time (default {THREADS})",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Work until told to stop."""
        # Of their own: Celery sets the level of all others.
        for told in (log.name, "executions"):
            logging.getLogger(told).setLevel(logging.INFO)
        for chatty in ("celery", "kombu"):
            logging.getLogger(chatty).setLevel(logging.ERROR)
        if options["once"]:
            self.stdout.write(f"{sweep_once()} runs")
            return
        stop = threading.Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            stop.set()
            # Asks the Celery worker to end after the message it is at.
            state.should_stop = 0  # type: ignore[assignment]  # its stub knows only the initial None

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        sweepers = Sweepers(max(1, options["threads"]), woken)
        sweepers.start()
        bell = "woken by Redis" if settings.REDIS_URL else "no Redis"
        log.info("ready: %s threads, looking every second, %s", options["threads"], bell)
        if settings.REDIS_URL:
            _listen(stop)
        stop.wait()
        sweepers.stop()
        if sweepers.join(_LAST_BATCH_SECONDS):
            log.info("stopped")
        else:
            log.warning("stopped in the middle of a task; its lease runs out and it is done again")


def _listen(stop: threading.Event) -> None:
    """Hear the doorbell until `stop` is set. The main thread's only work is to wake the others.

    The Celery worker may lose Redis, find it again, or never see it.
    """
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
        stop.wait(_LISTEN_AGAIN_SECONDS)
