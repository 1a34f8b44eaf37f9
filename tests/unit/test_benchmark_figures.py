"""The lines that benchmarks print are read again, and held against the bounds of the design."""

from __future__ import annotations

import pytest

from benchmarks import figures

ROUNDS = [(1.0, 10.0), (4.0, 8.0), (3.0, 10.0)]


def test_a_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_the_medians() -> None:
    line = figures.rates("process 5 human steps", "viewflow", ROUNDS)
    assert line == "process 5 human steps: ours 3.0/s, viewflow 10.0/s, ratio 0.300"
    line = figures.durations("claims 40,000 blocked", "alone", [(0.003, 0.002)])
    assert line == "claims 40,000 blocked: ours 3.00 ms, alone 2.00 ms, ratio 1.500"


def test_what_is_bound_by_itself_says_its_unit_and_sizes_are_compared_in_turn() -> None:
    assert figures.absolute("sealing 9 entries", 20_000.4, "/s") == "sealing 9 entries: 20000/s"
    line = figures.sizes("memory 9 entries", "tenth", [(110.0, 100.0), (99.0, 90.0)])
    assert line == "memory 9 entries: ours 104.5 MB, tenth 95.0 MB, ratio 1.100"


def test_a_latency_says_what_ninety_five_of_a_hundred_stay_below() -> None:
    seconds = [number / 1000 for number in range(1, 101)]
    assert figures.latency("latency with Redis", seconds) == "latency with Redis: p50 50 p95 95 ms"


@pytest.mark.parametrize(
    ("line", "value", "bound", "holds"),
    [
        ("transition start/stop: ours 1.0/s, ceiling 3.0/s, ratio 0.350", 0.35, "≥ 0.35", True),
        ("process 5 human steps: ours 1.0/s, viewflow 3.0/s, ratio 0.449", 0.449, "≥ 0.45", False),
        ("process 5 human steps + 5 human undos: ours 1.0/s, viewflow 3.0/s, ratio 0.301", 0.301,
         "≥ 0.3", True),
        ("process 5 human steps + 5 automated undos: ours 1.0/s, viewflow 3.0/s, ratio 0.01", 0.01,
         "None", True),
        ("claims 40,000 blocked: ours 2.00 ms, alone 1.00 ms, ratio 2.000", 2.0, "≤ 1.5", False),
        ("cases 1,000 at once: ours 9.00 ms, alone 6.00 ms, ratio 1.501", 1.501, "≤ 1.5", False),
        ("lists item: ours 3.4 ms, alone 2.0 ms, ratio 1.70", 1.7, "≤ 1.5", True),
        ("lists item: ours 3.6 ms, alone 2.0 ms, ratio 1.80", 1.8, "≤ 1.5", False),
        ("lists inbox: ours 2.00 ms, alone 2.00 ms, ratio 1.500", 1.5, "≤ 1.5", True),
        ("appending 16 clients with 2 ms of work each: ours 50.0/s, single 10.1/s, ratio 4.95",
         4.95, "≥ 5", False),
        ("appending 16 clients that do nothing else: ours 2.0/s, single 1.0/s, ratio 2.0", 2.0,
         "None", True),
        ("sealing 1,000,000 entries: 20000/s", 20_000, "≥ 20000", True),
        ("verifying 1,000,000 entries: 19999/s", 19_999, "≥ 20000", False),
        ("memory 1,000,000 entries: ours 111.0 MB, tenth 100.0 MB, ratio 1.110", 1.11, "≤ 1.1",
         False),
        ("proof 1,000,000 entries: 5 statements", 5, "≤ 4", False),
        ("latency with Redis: p50 20 p95 251 ms", 251, "≤ 250", False),
        ("latency without Redis: p50 500 p95 1200 ms", 1200, "≤ 1500", True),
    ],
)  # fmt: skip
def test_a_line_is_held_against_its_bound(
    line: str, value: float, bound: str, *, holds: bool
) -> None:
    figure = figures.read(line)
    assert figure is not None
    assert (figure.value, str(figure.bound), figure.holds) == (value, bound, holds)
    assert figures.report([line]) == (0 if holds else 1)


def test_other_lines_are_no_figures() -> None:
    assert figures.read("  ours    113.4/s   raw SQL    224.5/s   ratio 0.505") is None
    assert figures.read("  process 5 human steps: 4.2/s and 22.0/s") is None
    with pytest.raises(ValueError, match="no figure"):
        figures.report(["claims: much"])
