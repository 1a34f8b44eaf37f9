"""`manage.py worker`: everything that one machine needs to get work done."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand
from typing_extensions import override

from config import pools
from config.celery import broker_url
from config.management.commands.sweep import add_processes, set_up_logs, sweeping
from config.pools import POOLS
from config.supervisor import Supervisor
from ledger.dispatch.runner import run_until_idle


class Command(BaseCommand):
    """Run two Celery workers, one for what programs do and one for everything else, and the sweep.

    Without a broker the sweep's own pools do all of it. SIGTERM or Ctrl-C ends it after the work at
    hand; what takes longer than 20 seconds is left to its lease and another worker.
    """

    help = "Do due work: news, executions and whatever else falls due. Any number may run."

    @override
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="do what is due now, then exit")
        add_processes(parser)

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Work until told to stop."""
        set_up_logs()
        if options["once"]:
            self.stdout.write(f"{run_until_idle()} runs")
            return
        processes = max(1, options["processes"])
        parts = sweeping(processes)
        if broker_url():
            for name in POOLS:
                parts[f"pool for {name}"] = pools.over_the_broker(name, processes)
        told = "told by the broker" if broker_url() else "no broker"
        Supervisor(parts).run(f"{processes} processes a pool, looking every second, {told}")
