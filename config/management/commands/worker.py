"""`manage.py worker`: everything that one machine needs to get work done."""

from __future__ import annotations

from collections.abc import Callable

from typing_extensions import override

from config import pools
from config.celery import broker_url
from config.management.commands import sweep
from config.pools import POOLS, Ready


class Command(sweep.Command):
    """Run two Celery workers, one for what programs do and one for everything else, and the sweep.

    Without a broker the sweep's own pools do all of it. SIGTERM or Ctrl-C ends it after the work at
    hand; what takes longer than 20 seconds is left to its lease and another worker.
    """

    help = "Do due work: news, executions and whatever else falls due. Any number may run."

    @override
    def parts(self, processes: int) -> dict[str, Callable[[Ready], None]]:
        """Return the sweep, and what works over the broker where there is one."""
        over = POOLS if broker_url() else ()
        return {
            **sweep.sweeping(processes),
            **{
                f"pool for {name}": pools.over_the_broker(name, pools.processes_of(name, processes))
                for name in over
            },
        }
