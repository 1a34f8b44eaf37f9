"""What one step of a case costs while a thousand cases are open, against ten.

Each case has ten human steps. A thousand are opened in one database; then every one of them goes
one step on, and again, until all have ended. In a second database of the same server there are
never more than ten. A step is all that belongs to it: started, completed, its result taken in, the
next task opened, its person told. Both sides take turns.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import uuid
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from benchmarks import figures
from benchmarks.preparing import analyze, enter, prepare, second_database

STEPS = 10
ALONE = "alone"


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--few", type=int, default=10)
    options = parser.parse_args()
    prepare()
    url = os.environ["DATABASE_OWNER_URL"]
    alone_url = second_database(url, ALONE)
    of = import_module("benchmarks.step_cases").StepCases
    many = Side(of, urlsplit(url).path.strip("/"))
    few = Side(of, ALONE)
    many.open(options.cases)
    few.open(options.few)
    few.end_all()  # warm
    analyze(url)
    analyze(alone_url)
    rounds = []
    for _ in range(STEPS):
        ours = many.one_step_each()
        few.open(options.few)
        alone = few.end_all()
        rounds.append((ours, alone))
        print(f"  a step: {ours * 1000:.2f} ms and {alone * 1000:.2f} ms", flush=True)
    many.check()
    few.check()
    return figures.report([figures.durations(f"cases {options.cases:,} at once", "alone", rounds)])


class Side:
    """One of the databases, and its cases."""

    def __init__(self, of: Any, database: str) -> None:
        self._database = database
        enter(database)
        self._cases = of(by_hints=True, steps=STEPS)
        self._open: list[uuid.UUID] = []
        self._ended: list[uuid.UUID] = []

    def open(self, number: int) -> None:
        """Open so many cases more."""
        self._enter()
        self._open += [self._cases.open() for _ in range(number)]

    def one_step_each(self) -> float:
        """Let each open case go one step on. Returns the mean seconds of a step."""
        self._enter()
        started = time.perf_counter()
        for case_id in self._open:
            self._cases.work(case_id, "DONE")
        return (time.perf_counter() - started) / len(self._open)

    def end_all(self) -> float:
        """Bring the open cases to their ends, and count them among the ended. Returns as above."""
        means = [self.one_step_each() for _ in range(STEPS)]
        self._ended += self._open
        self._open = []
        return sum(means) / STEPS

    def check(self) -> None:
        """Raise RuntimeError unless all cases have ended as they should."""
        enter(self._database)
        for case_id in (*self._open, *self._ended):
            self._cases.check(case_id, "COMPLETED", STEPS)

    def _enter(self) -> None:
        enter(self._database)
        self._cases.hear()


if __name__ == "__main__":
    sys.exit(main())
