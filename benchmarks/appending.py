"""Sixteen clients that append: to a chain for each of 20,000 subjects, and to one for everything.

The same script of `pgbench` on the same tables, as the application's role, with triggers and
policies: `appending.sql` beside this file. The only difference is how many heads there are to wait
for. Both take turns, round by round, because machines drift.

A verb has the lock of its chain while it checks, decides and writes: two milliseconds of that stand
for it. Without them only statements and the disk are waited for, which is measured beside.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from benchmarks import figures
from benchmarks.pgbench import rate_of
from benchmarks.preparing import prepare

CLIENTS = 16
SUBJECTS = 20_000
#: What a client does while it has the lock of a chain, by the name of the figure (microseconds).
WORK = {"with 2 ms of work each": 2000, "that do nothing else": 0}
SCRIPT = Path(__file__).resolve().with_name("appending.sql")


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each side, a round")
    options = parser.parse_args()
    prepare()
    variables = import_module("benchmarks.filled_ledger").with_heads(SUBJECTS)
    lines = []
    for name, work in WORK.items():
        rounds = []
        for number in range(options.rounds + 1):
            ours, single = (
                rate_of(
                    SCRIPT, {**variables, "subjects": subjects, "work": work},
                    "--time", str(options.seconds), clients=CLIENTS,
                )
                for subjects in (SUBJECTS, 1)
            )  # fmt: skip
            if number:  # the first warms up
                rounds.append((ours, single))
                print(f"  ours {ours:8.1f}/s   one head {single:8.1f}/s   {ours / single:.2f}")
        lines.append(figures.rates(f"appending {CLIENTS} clients {name}", "single", rounds))
    return figures.report(lines)


if __name__ == "__main__":
    sys.exit(main())
