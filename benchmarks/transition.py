"""One human transition through the service layer against its ceiling.

Ours: `start` and `stop` of one work item, in turn, by one client through `workitems.actions`.
Ceiling: the same statements, in the same order, by pgbench: prepared, as the application's role, on
the same tables, with the same triggers and policies; see `transition.sql` beside this file.

Both run on one server in one process tree, interleaved round by round, because machines drift: the
figure that counts is the median of the per-round ratios.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import uuid
from importlib import import_module
from pathlib import Path

from benchmarks import figures
from benchmarks.pgbench import rate_of
from benchmarks.preparing import analyze, prepare

MAX_STATEMENTS = 8
SCRIPT = Path(__file__).resolve().with_name("transition.sql")


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--transitions", type=int, default=400, help="of each side, a round")
    options = parser.parse_args()
    prepare()
    subject = import_module("benchmarks.subject").Subject()
    statements = subject.count_statements()
    subject.run(options.transitions // 4)
    _pgbench(subject.ceiling_variables(), options.transitions // 4)
    analyze(os.environ["DATABASE_OWNER_URL"])
    rounds = []
    for _ in range(options.rounds):
        started = time.perf_counter()
        subject.run(options.transitions)
        ours = options.transitions / (time.perf_counter() - started)
        ceiling = _pgbench(subject.ceiling_variables(), options.transitions)
        rounds.append((ours, ceiling))
        print(f"  ours {ours:8.1f}/s   raw SQL {ceiling:8.1f}/s   ratio {ours / ceiling:.3f}")
    return _verdict(statements, rounds)


def _verdict(statements: int, rounds: list[tuple[float, float]]) -> int:
    code = figures.report([figures.rates("transition start/stop", "ceiling", rounds)])
    print(f"  {statements} statements (bound {MAX_STATEMENTS})")
    return code if statements <= MAX_STATEMENTS else 1


def _pgbench(variables: dict[str, uuid.UUID], transactions: int) -> float:
    """Run the ceiling script and return its transactions per second."""
    return rate_of(SCRIPT, variables, "--transactions", str(transactions))


if __name__ == "__main__":
    sys.exit(main())
