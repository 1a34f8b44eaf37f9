"""A process of five human steps, with and without its undo, against django-viewflow 2.4.

Ours: a case through the service layer, drained in this process, notices on. viewflow: the same five
human tasks; its undo is five function calls inside the last transaction, where ours is five tasks
for people (or five runs of a program). It keeps no ledger and tells nobody.

Both use one server, a database each, analysed after a warm-up, and are measured in turn.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

from benchmarks import figures
from benchmarks.preparing import analyze, prepare
from benchmarks.viewflow_server import Viewflow, viewflow


class Shape(NamedTuple):
    """What is measured: how it is called, which method of ours and which flow of viewflow's does
    it, and how a case of ours must end: its status, and how many notices it made."""

    name: str
    ours: str
    theirs: str
    status: str
    notices: int


# One for each task, two at the end of a rollback: to who asked for it, and to who did the work.
SHAPES = (
    Shape("process 5 human steps", "forward", "forward", "COMPLETED", 5),
    Shape(
        "process 5 human steps + 5 human undos", "with_human_undos", "undone", "COMPENSATED", 12
    ),
    Shape(
        "process 5 human steps + 5 automated undos", "with_automated_undos", "undone",
        "COMPENSATED", 7,
    ),
)  # fmt: skip


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=10, help="of each side, shape and round")
    options = parser.parse_args()
    prepare()
    ours = import_module("benchmarks.step_cases").StepCases(by_hints=True)
    owner_url = os.environ["DATABASE_OWNER_URL"]
    rounds: dict[Shape, list[tuple[float, float]]] = {shape: [] for shape in SHAPES}
    with viewflow(owner_url) as theirs:
        for shape in SHAPES:
            _both(ours, theirs, shape, options.processes)
        analyze(owner_url)
        analyze(theirs.url)
        for _ in range(options.rounds):
            for shape in SHAPES:
                rates = _both(ours, theirs, shape, options.processes)
                rounds[shape].append(rates)
                print(f"  {shape.name}: {rates[0]:.1f}/s and {rates[1]:.1f}/s", flush=True)
    return figures.report(figures.rates(shape.name, "viewflow", rounds[shape]) for shape in SHAPES)


def _both(ours: Any, theirs: Viewflow, shape: Shape, number: int) -> tuple[float, float]:
    """Return how many processes a second either side does."""
    drive: Callable[[], Any] = getattr(ours, shape.ours)
    started = time.perf_counter()
    case_ids = [drive() for _ in range(number)]
    seconds = time.perf_counter() - started
    for case_id in case_ids:
        ours.check(case_id, shape.status, shape.notices)
    return number / seconds, number / theirs.run(shape.theirs, number)


if __name__ == "__main__":
    sys.exit(main())
