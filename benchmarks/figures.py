"""The lines a benchmark prints, one for each figure, and the bounds they are held against.

`<name>: ours …, <other> …, ratio …`, `<name>: p50 … p95 … ms` for a latency, or `<name>: …` with a
unit for what is bound by itself.
"""

from __future__ import annotations

import dataclasses
import math
import re
import statistics
from collections.abc import Iterable, Sequence

from typing_extensions import override

_RATIO = re.compile(
    r"^(?P<name>[a-z]+ [^:]+): ours (?P<ours>[\d.]+)(?: ms| MB|/s), [a-z]+ (?P<other>[\d.]+)"
    r"(?P<unit> ms| MB|/s), ratio (?P<value>[\d.]+)$"
)
_ALONE = re.compile(r"^(?P<name>[a-z]+ [^:]+): (?P<value>[\d.]+)(?:/s| statements| ms)$")
_P95 = re.compile(r"^(?P<name>latency [^:]+): p50 [\d.]+ p95 (?P<value>[\d.]+) ms$")


#: A page that takes so many milliseconds more is not slower: that is the machine.
NOISE_MS = 1.5


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """What a figure may be at least, or at most."""

    value: float
    at_least: bool = False

    def holds(self, figure: float) -> bool:
        """Whether a figure keeps it."""
        return figure >= self.value if self.at_least else figure <= self.value

    @override
    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


#: By the beginning of the name; the longest that fits counts. None: measured, without a bound.
BOUNDS: dict[str, Bound | None] = {
    "transition": Bound(0.35, at_least=True),
    "process 5 human steps": Bound(0.45, at_least=True),
    "process 5 human steps + 5 human undos": Bound(0.30, at_least=True),
    "process 5 human steps + 5 automated undos": None,
    "cases": Bound(1.5),
    "steps": Bound(1.5),
    "plan": Bound(2_000),
    "claims": Bound(1.5),
    "lists": Bound(1.5),
    "appending": Bound(5, at_least=True),
    "appending 16 clients that do nothing else": None,
    "sealing": Bound(20_000, at_least=True),
    "verifying": Bound(20_000, at_least=True),
    "memory": Bound(1.1),
    "proof": Bound(4),
    "latency with Redis": Bound(250),
    "latency without Redis": Bound(1500),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """One line of a benchmark, read again."""

    name: str
    value: float
    #: How many milliseconds more than the other, where it is a duration.
    more_ms: float = math.inf

    @property
    def bound(self) -> Bound | None:
        """What it is held against."""
        known = [begin for begin in BOUNDS if self.name.startswith(begin)]
        return BOUNDS[max(known, key=len)] if known else None

    @property
    def holds(self) -> bool:
        """Whether it is as it should be."""
        if self.name.startswith("lists") and self.more_ms <= NOISE_MS:
            return True
        return self.bound is None or self.bound.holds(self.value)


def read(line: str) -> Figure | None:
    """Return the figure that a line is about, or None for other lines."""
    ratio = _RATIO.match(line.strip())
    if ratio is not None:
        more = float(ratio["ours"]) - float(ratio["other"]) if ratio["unit"] == " ms" else math.inf
        return Figure(ratio["name"], float(ratio["value"]), more)
    found = _P95.match(line.strip()) or _ALONE.match(line.strip())
    return None if found is None else Figure(found["name"], float(found["value"]))


def rates(name: str, other: str, rounds: Sequence[tuple[float, float]]) -> str:
    """Return the line of two rates a second, measured in turn: (ours, the other's) of each round.

    Machines drift, so the ratio is the median of the rounds' ratios.
    """
    ours, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(mine / its for mine, its in rounds)
    return f"{name}: ours {ours:.1f}/s, {other} {theirs:.1f}/s, ratio {ratio:.3f}"


def durations(name: str, other: str, rounds: Sequence[tuple[float, float]]) -> str:
    """Return the line of two durations in seconds, measured in turn, as `rates` does."""
    ours, theirs = (statistics.median(column) * 1000 for column in zip(*rounds, strict=True))
    ratio = statistics.median(mine / its for mine, its in rounds)
    return f"{name}: ours {ours:.2f} ms, {other} {theirs:.2f} ms, ratio {ratio:.3f}"


def sizes(name: str, other: str, rounds: Sequence[tuple[float, float]]) -> str:
    """Return the line of two sizes in MB, measured in turn, as `rates` does."""
    ours, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(mine / its for mine, its in rounds)
    return f"{name}: ours {ours:.1f} MB, {other} {theirs:.1f} MB, ratio {ratio:.3f}"


def absolute(name: str, value: float, unit: str) -> str:
    """Return the line of a figure bound by itself: `unit` is `/s`, ` statements` or ` ms`."""
    return f"{name}: {value:.0f}{unit}"


def latency(name: str, seconds: Sequence[float]) -> str:
    """Return the line of a latency: its median, and what 95 of a hundred stay below."""
    ordered = sorted(seconds)
    p95 = ordered[math.ceil(len(ordered) * 0.95) - 1] * 1000
    return f"{name}: p50 {statistics.median(ordered) * 1000:.0f} p95 {p95:.0f} ms"


def report(lines: Iterable[str]) -> int:
    """Print the lines of a benchmark and return its exit code: 1 where a bound is broken."""
    code = 0
    for line in lines:
        print(line, flush=True)
        figure = read(line)
        if figure is None:
            raise ValueError(f"no figure in {line!r}")
        if not figure.holds:
            print(f"  the bound is {figure.bound}", flush=True)
            code = 1
    return code
