"""Every benchmark in order, each with servers of its own, and what came of it. `make bench`.

`python -m benchmarks NAME …` runs those alone. Exit 1 where a bound is broken or a benchmark fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import figures
from benchmarks.preparing import ROOT


class Benchmark(NamedTuple):
    """A module of this package, what it is told, and whether it gets Redis."""

    module: str
    arguments: tuple[str, ...] = ()
    redis: bool = False


BENCHMARKS = (
    Benchmark("transition"),
    Benchmark("process"),
    Benchmark("many_cases"),
    Benchmark("long_runs"),
    Benchmark("claims"),
    Benchmark("latency", ("--redis",), redis=True),
    Benchmark("latency"),
    Benchmark("appending"),
    Benchmark("sealing"),
    Benchmark("lists"),
)


def main() -> int:
    """Run, print a table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = sorted({each.module for each in BENCHMARKS})
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"one of {', '.join(names)}")
    options = parser.parse_args()
    if unknown := set(options.only) - set(names):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    found: list[figures.Figure] = []
    failed: list[str] = []
    for each in BENCHMARKS:
        if not options.only or each.module in options.only:
            code, told = _run(each)
            found += told
            if code:
                failed.append(" ".join((each.module, *each.arguments)))
    _print_table(found)
    for name in failed:
        print(f"failed: {name}")
    return 1 if failed else 0


def _run(benchmark: Benchmark) -> tuple[int, list[figures.Figure]]:
    """Run one with a server of its own, show what it says, and return its code and figures."""
    print(f"\n== {' '.join((benchmark.module, *benchmark.arguments))}", flush=True)
    servers = ["-m", "tools.localstack.ephemeral", "--durable"]
    servers += [] if benchmark.redis else ["--no-redis"]
    command = [sys.executable, "-m", f"benchmarks.{benchmark.module}", *benchmark.arguments]
    found = []
    with subprocess.Popen(
        [sys.executable, *servers, "--", *command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            figure = figures.read(line)
            if figure is not None:
                found.append(figure)
    return process.returncode, found


def _print_table(found: Sequence[figures.Figure]) -> None:
    width = max((len(figure.name) for figure in found), default=0)
    print(f"\n{'figure':<{width}}  {'value':>8}  bound")
    for figure in found:
        bound = "none" if figure.bound is None else str(figure.bound)
        broken = "" if figure.holds else "  broken"
        print(f"{figure.name:<{width}}  {figure.value:>8g}  {bound}{broken}")


if __name__ == "__main__":
    sys.exit(main())
