"""From the commit of `execute` to the first undo that has started, with a worker of its own.

`manage.py worker` runs beside this process, as it does in service; with Redis where REDIS_URL names
one, else without. What is measured ends when another connection sees the step started. Nothing else
is going on, and the moments are spread, so that they do not keep step with the sweep.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.preparing import ROOT, SETTINGS, analyze, prepare

_LOOK_EVERY_SECONDS = 0.004
_PATIENCE_SECONDS = 30.0
#: A new worker may take so long to begin.
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--redis", action="store_true", help="refuse to measure without Redis")
    options = parser.parse_args()
    has_redis = bool(os.environ.get("REDIS_URL"))
    if options.redis and not has_redis:
        parser.error("there is no Redis: REDIS_URL names none")
    prepare()
    world = import_module("benchmarks.step_cases").StepCases(by_hints=False)
    case_ids = [world.forward() for _ in range(options.samples + 1)]
    analyze(os.environ["DATABASE_OWNER_URL"])
    with _worker() as is_alive:
        _measure(world, case_ids.pop(), _START_SECONDS, is_alive)
        seconds = []
        for case_id in case_ids:
            time.sleep(random.uniform(0.3, 1.3))  # noqa: S311  -- no secret
            seconds.append(_measure(world, case_id, _PATIENCE_SECONDS, is_alive))
    kind = "with" if has_redis else "without"
    return figures.report([figures.latency(f"latency {kind} Redis", seconds)])


def _measure(world: Any, case_id: Any, patience: float, is_alive: Callable[[], bool]) -> float:
    """Return the seconds from the commit of one `execute` to its first undo."""
    plan = world.plan_undo(case_id)
    run_id = world.execute(plan)
    committed = time.perf_counter()
    while not world.has_started(run_id):
        if time.perf_counter() - committed > patience or not is_alive():
            raise RuntimeError("no worker has started the undo")
        time.sleep(_LOOK_EVERY_SECONDS)
    return time.perf_counter() - committed


@contextlib.contextmanager
def _worker() -> Iterator[Callable[[], bool]]:
    """Run a worker while the body runs, and tell whether it does; what it said is shown if not."""
    log = Path(tempfile.mkdtemp(prefix="amends-latency-")) / "worker.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT, stdout=said, stderr=subprocess.STDOUT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS},
        )  # fmt: skip
        try:
            yield lambda: process.poll() is None
        except RuntimeError:
            print(log.read_text("utf-8")[-4000:], file=sys.stderr)
            raise
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


if __name__ == "__main__":
    sys.exit(main())
