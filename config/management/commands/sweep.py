"""`manage.py sweep`: sees to it that whatever is due gets done, with a broker or without."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection
from typing_extensions import override

from config import pools
from config.celery import broker_url
from config.pools import POOLS, Ready
from config.supervisor import Supervisor
from ledger.dispatch.runner import run_until_idle
from ledger.tree.anchoring import compare_soon

log = logging.getLogger(__name__)
PROCESSES = 2


def sweeping(processes: int) -> dict[str, Callable[[Ready], None]]:
    """Return the parts of the sweep by name."""
    beside = bool(broker_url())
    parts = {
        f"embedded pool for {name}": pools.embedded(
            name, pools.processes_of(name, processes), beside_workers=beside
        )
        for name in POOLS
    }
    return {"publisher": pools.publishing, **parts} if beside else parts


def set_up_logs() -> None:
    """Let workers say what they do. Of their own: Celery sets the level of all others."""
    for told in ("worker", "executions"):
        logging.getLogger(told).setLevel(logging.INFO)
    for chatty in ("celery", "kombu"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


def look_outside() -> None:
    """Have the trees of the ledger compared with their anchors. Where the database does not answer
    now, that is left to the night; a connection would be inherited by what is forked."""
    try:
        compare_soon()
    except DatabaseError as error:
        log.warning("the ledger is not compared with its anchors now: %s", error)
    connection.close()


class Command(BaseCommand):
    """Look every second for work that is due and not taken, and tell the workers of it.

    Where no broker is set, none answers, or work stays untaken for some seconds, it is done here,
    by two pools: one for what programs do, one for everything else.
    """

    help = "Tell workers of due work that nobody takes, or do it here. One for each installation."

    @override
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="do what is due now, then exit")
        parser.add_argument(
            "--processes",
            type=int,
            default=PROCESSES,
            metavar="N",
            help=f"how many programs each pool runs at a time (default {PROCESSES})",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Work until told to stop."""
        set_up_logs()
        look_outside()
        if options["once"]:
            self.stdout.write(f"{run_until_idle()} runs")
            return
        processes = max(1, options["processes"])
        told = "told by the broker" if broker_url() else "no broker"
        Supervisor(self.parts(processes)).run(
            f"{processes} processes for programs, looking every second, {told}"
        )

    def parts(self, processes: int) -> dict[str, Callable[[Ready], None]]:
        """Return what is run, by name."""
        return sweeping(processes)
