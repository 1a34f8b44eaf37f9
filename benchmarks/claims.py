"""What it costs to find and do one due task beside 40,000 that wait behind dead ones.

A dead task of a consumer that holds its lane blocks whatever comes after it in the lane. Measured
is all of one task: it is looked for, leased, handled and marked done, and it is seen that nothing
else is due. Two databases of one server, one with blocked tasks and one without, take turns.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from importlib import import_module
from urllib.parse import urlsplit

from benchmarks import figures
from benchmarks.preparing import analyze, prepare, second_database

ALONE = "alone"


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tasks", type=int, default=60, help="of each side, a round")
    parser.add_argument("--blocked", type=int, default=40_000)
    options = parser.parse_args()
    prepare()
    # What dies does so by intent.
    logging.getLogger("ledger.dispatch").setLevel(logging.CRITICAL)
    beside = import_module("benchmarks.blocked_lanes")
    beside.register()
    url = os.environ["DATABASE_OWNER_URL"]
    alone_url = second_database(url, ALONE)
    ours = beside.Side(urlsplit(url).path.strip("/"), options.blocked)
    alone = beside.Side(ALONE, 0)
    for side in (ours, alone):
        side.work(options.tasks // 4)
    analyze(url)
    analyze(alone_url)
    rounds = []
    for _ in range(options.rounds):
        for side in (ours, alone):
            side.work(3)  # connects
        rounds.append((ours.work(options.tasks), alone.work(options.tasks)))
    name = f"claims {options.blocked:,} blocked"
    return figures.report([figures.durations(name, "alone", rounds)])


if __name__ == "__main__":
    sys.exit(main())
