"""Planning is pure: order, dependents and digest for any order of completion."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compensation.plan import Content, difference, make_plan
from compensation.plan_scope import Scope, parse_scope
from compensation.planning import OriginalRef, Part
from compensation.policy import CompensationPolicy
from ledger.errors import Invalid

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
CASE = ("case", uuid.UUID(int=7))
HUMAN = CompensationPolicy(mode="human")
WHOLE = Scope()


@dataclasses.dataclass
class Row:
    """The columns planning reads."""

    completion_seq: int | None
    status: str = "COMPLETED"
    compensation_state: str = "NONE"
    reversibility: str = "unspecified"
    policy: dict[str, Any] = dataclasses.field(default_factory=dict)


def part(seq: int | None, *, name: str | None = None, **row: Any) -> Part:
    """A finished task; its time of completion says nothing about its order."""
    id_ = uuid.UUID(int=1000 + (seq or 0))
    made = Row(seq, **row)
    return Part(
        row=made,
        original=OriginalRef("work_item", id_, name or f"step-{seq}"),
        settled="COMPLETED",
        policy=HUMAN,
        reversibility=made.reversibility,
        completed_at=NOW,
        completed_by=None,
        in_flight=False,
    )


def plan(parts: list[Part], scope: Scope = WHOLE, **more: Any) -> Content:
    """Plan as of noon."""
    given_ = {"strategy": None, "include": (), "now": NOW, **more}
    return make_plan(parts, subject=CASE, scope=scope, **given_)


def seqs(content: Content) -> list[int]:
    return [step["completion_seq"] for step in content.steps]


@given(st.permutations(range(1, 9)))
def test_any_order_of_completion_is_undone_in_reverse(order: list[int]) -> None:
    content = plan([part(seq) for seq in order])
    assert seqs(content) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert [step["n"] for step in content.steps] == list(range(1, 9))
    assert [step["depends_on"] for step in content.steps] == [[], [1], [2], [3], [4], [5], [6], [7]]


def test_a_plan_grows_with_its_steps_and_not_with_their_square() -> None:
    content = plan([part(seq) for seq in range(1, 1001)])
    assert sum(len(step["depends_on"]) for step in content.steps) == 999
    smaller = plan([part(seq) for seq in range(1, 101)])
    size, tenth = (len(json.dumps(each.to_json())) for each in (content, smaller))
    assert size < 11 * tenth


@given(st.permutations(range(1, 7)), st.integers(1, 6))
def test_a_suffix_takes_everything_later_and_nothing_earlier(order: list[int], at: int) -> None:
    content = plan([part(seq) for seq in order], Scope("from_step", step=f"step-{at}"))
    assert seqs(content) == list(range(6, at - 1, -1))
    assert content.excluded == ()


@given(st.sets(st.integers(1, 6), min_size=1))
def test_only_this_leaves_later_ones_and_says_so(chosen: set[int]) -> None:
    words = tuple(f"step-{seq}" for seq in sorted(chosen))
    content = plan([part(seq) for seq in range(1, 7)], Scope("steps", steps=words, only_this=True))
    assert seqs(content) == sorted(chosen, reverse=True)
    left = {each["original"]["name"] for each in content.excluded}
    assert left == {f"step-{s}" for s in range(min(chosen), 7) if s not in chosen}
    assert {each["code"] for each in content.excluded} <= {"dependents_remain"}


@given(st.permutations(range(1, 6)))
def test_the_digest_does_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    assert plan([part(s) for s in order]).digest == plan([part(s) for s in range(1, 6)]).digest


def test_the_digest_knows_no_clock_and_no_reason() -> None:
    later = NOW + dt.timedelta(days=3)
    assert plan([part(1)]).digest == plan([part(1)], now=later).digest


@pytest.mark.parametrize(
    "other",
    [
        [part(1), part(2), part(3)],
        [part(1), part(3)],
        [part(1), part(2, status="REJECTED")],
        [part(1), part(2, compensation_state="COMPENSATED", status="COMPENSATED")],
        [part(1), part(2, reversibility="pivot")],
        [part(1), dataclasses.replace(part(2), policy=CompensationPolicy(strategy="correct"))],
        [part(1), dataclasses.replace(part(2), policy=None)],
        [part(1), dataclasses.replace(part(2), in_flight=True)],
    ],
)
def test_what_would_be_done_differently_changes_the_digest(other: list[Part]) -> None:
    assert plan([part(1), part(2)]).digest != plan(other).digest


def test_a_name_of_many_instances_means_all_of_them() -> None:
    parts = [part(1), part(2, name="twice"), part(3), part(4, name="twice")]
    content = plan(parts, Scope("steps", steps=("twice",), only_this=True))
    assert seqs(content) == [4, 2]


def test_not_needed_is_left_out_silently() -> None:
    content = plan([part(1), part(2, reversibility="not_needed")])
    assert (seqs(content), content.excluded) == ([1], ())


def test_the_difference_names_what_moved() -> None:
    before, after = plan([part(1), part(2)]), plan([part(2), part(3)])
    said = difference(before.to_json(), after)
    assert (said["added"], said["removed"], said["reordered"]) == (["step-3"], ["step-1"], False)


@pytest.mark.parametrize("value", [[], {}, {"kind": None}, {"kind": ["whole"]}, {"kind": "x"}])
def test_no_scope_crashes_the_reader(value: Any) -> None:
    with pytest.raises(Invalid):
        parse_scope(value)


@pytest.mark.parametrize(
    ("parts", "covered"),
    [
        # Done, and undone since, in a first round: the second counts.
        ([(1, "a", "NONE"), (2, "b", "COMPENSATED"), (3, "c", "NONE"), (4, "b", "NONE")], [4]),
        ([(1, "a", "NONE"), (2, "b", "COMPENSATED"), (3, "c", "NONE")], [3]),
        # Never finished, so nowhere in the order.
        ([(1, "a", "NONE"), (2, "c", "NONE"), (None, "b", "NONE")], []),
        ([(1, "a", "NONE"), (2, "b", "NONE"), (None, "b", "NONE")], [2]),
    ],
)
def test_a_step_begins_where_it_was_finished_last_and_still_stands(
    parts: list[tuple[int | None, str, str]], covered: list[int]
) -> None:
    made = [
        part(
            seq, name=name, compensation_state=state,
            status="COMPENSATED" if state == "COMPENSATED"
            else "COMPLETED" if seq is not None else "ASSIGNED",
        )
        for seq, name, state in parts
    ]  # fmt: skip
    assert seqs(plan(made, Scope("from_step", step="b"))) == covered
