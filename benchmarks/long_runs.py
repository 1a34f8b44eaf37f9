"""What an undo step costs in a rollback of a thousand steps, or three hundred, against a hundred.

A case of one task that is done again and again is rolled back by programs, all that follows in this
process: planned, executed, each step undone in its turn, the case told. Work that grows with the
length of the run would show as a ratio that grows with it. The sizes take turns. Beside, how long
the plan of each takes that an operator waits for: read, drawn up and stored.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from importlib import import_module
from typing import Any

from benchmarks import figures
from benchmarks.preparing import analyze, prepare

SIZES = (100, 300, 1000)


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    prepare()
    world = import_module("benchmarks.step_cases").StepCases(by_hints=True)
    _undone(world, options.sizes[0])  # warm
    took: dict[int, list[float]] = {size: [] for size in options.sizes}
    planned: dict[int, list[float]] = {size: [] for size in options.sizes}
    for _ in range(options.rounds):
        for size in options.sizes:
            step, plan = _undone(world, size)
            took[size].append(step)
            planned[size].append(plan)
            print(f"  {size:,} steps: {step * 1000:.2f} ms each", flush=True)
    short, *longer = options.sizes
    return figures.report(
        [
            figures.durations(
                f"steps {size:,} undone in one run", "short",
                list(zip(took[size], took[short], strict=True)),
            )
            for size in longer
        ]
        + [
            figures.absolute(f"plan of {size:,} steps", statistics.median(each) * 1000, " ms")
            for size, each in planned.items()
        ]
    )  # fmt: skip


def _undone(world: Any, size: int) -> tuple[float, float]:
    """Return the seconds that each step of a rollback of so many took, and those of its plan."""
    case_id = world.looped(size)
    analyze(os.environ["DATABASE_OWNER_URL"])
    begun = time.perf_counter()
    planned = world.undo_all(case_id)
    took = (time.perf_counter() - begun) / size
    world.check_undone(case_id, size)
    return took, planned


if __name__ == "__main__":
    sys.exit(main())
