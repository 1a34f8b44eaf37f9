"""Steps that say when they are undone come before the others, the lowest first."""

from __future__ import annotations

import dataclasses
import itertools

from hypothesis import given
from hypothesis import strategies as st

from cases.definitions import compile_definition
from compensation.models import CompensationStep
from compensation.plan_scope import parse_scope
from tests.definitions import definition, human
from tests.unit.test_cases_planning import part, plan, seqs

ORDERS = st.one_of(st.none(), st.sampled_from([-1.5, 0.0, 2.0, 2.5, 10.0]))


@given(st.lists(ORDERS, min_size=1, max_size=8).flatmap(st.permutations))
def test_declared_ones_come_first_and_the_rest_as_always(orders: list[float | None]) -> None:
    parts = [
        dataclasses.replace(part(seq), order=order) for seq, order in enumerate(orders, start=1)
    ]
    content = plan(parts)
    wanted = sorted(
        range(1, len(orders) + 1),
        key=lambda seq: (orders[seq - 1] is None, orders[seq - 1] or 0.0, -seq),
    )
    assert seqs(content) == wanted
    # Each waits for the one before; equal numbers for what the first of them waits for.
    layers = [
        [step["n"] for step in group]
        for _, group in itertools.groupby(content.steps, lambda each: each.get("undo_order", each))
    ]
    waits = [before for before, layer in zip([[], *layers], layers, strict=False) for _ in layer]
    assert [step["depends_on"] for step in content.steps] == waits
    # A run goes by what it keeps of each step.
    steps = [
        CompensationStep(
            n=step["n"], completion_seq=step["completion_seq"], undo_order=step.get("undo_order")
        )
        for step in content.steps
    ]
    assert sorted(steps, key=lambda step: step.place) == steps


def test_what_one_step_did_several_times_is_undone_one_after_the_other() -> None:
    did = [
        (1, "b", 1.0),
        (2, "a", 1.0),
        (3, "a", 1.0),
        (4, "c", 1.0),
        (5, "a", 1.0),
        (6, "d", None),
    ]
    parts = [dataclasses.replace(part(seq, name=name), order=order) for seq, name, order in did]
    steps = plan(parts).steps
    assert [(step["original"]["name"], step["depends_on"]) for step in steps] == [
        ("a", []), ("c", []), ("a", [1]), ("a", [3]), ("b", [3]), ("d", [1, 2, 3, 4, 5]),
    ]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("abc"), ORDERS), min_size=1, max_size=9))
def test_no_time_of_a_step_is_undone_beside_another_of_it(
    did: list[tuple[str, float | None]],
) -> None:
    parts = [
        dataclasses.replace(part(seq, name=name), order=order)
        for seq, (name, order) in enumerate(did, start=1)
    ]
    before: dict[int, set[int]] = {}
    earlier: dict[tuple[str, float | None], int] = {}
    for step in plan(parts).steps:
        waits = before[step["n"]] = set()
        for each in step["depends_on"]:
            waits |= {each} | before[each]
        key = step["original"]["name"], step.get("undo_order")
        assert key not in earlier or earlier[key] in waits
        earlier[key] = step["n"]
        # Whatever has another number, or none, is over.
        assert waits >= {
            other["n"]
            for other in plan(parts).steps[: step["n"] - 1]
            if other.get("undo_order") is None or other["undo_order"] != step.get("undo_order")
        }


def test_a_thousand_times_of_one_step_wait_for_one_each() -> None:
    parts = [dataclasses.replace(part(seq, name="a"), order=1.0) for seq in range(1, 1001)]
    assert [step["depends_on"] for step in plan(parts).steps] == [
        [], *([n] for n in range(1, 1000)),
    ]  # fmt: skip


def test_only_what_is_in_scope_is_ordered() -> None:
    parts = [dataclasses.replace(part(seq), order=float(seq)) for seq in (1, 2, 3)]
    scope = parse_scope({"kind": "from_step", "step": "step-2"})
    assert seqs(plan(parts, scope)) == [2, 3]


def test_another_order_is_another_digest() -> None:
    plain = [part(seq) for seq in (1, 2)]
    first = [dataclasses.replace(plain[0], order=1.0), plain[1]]
    assert plan(plain).digest != plan(first).digest
    # Where it changes nothing it says nothing.
    last = [plain[0], dataclasses.replace(plain[1], order=1.0)]
    assert plan(plain).digest == plan(last).digest


def test_equal_numbers_are_no_surprise_and_an_undo_step_has_none() -> None:
    undo = {
        "name": "u", "compensation": True, "humanTask": {"title": "U"}, "compensationOrder": 1,
    }  # fmt: skip
    steps = [
        human("a", compensation=None, compensate="u", compensationOrder=1),
        human("b", compensationOrder=1.0),
        human("c", compensationOrder=2),
        human("d"),
        undo,
    ]
    found = compile_definition(definition("order", *steps, success=".d"), capabilities=None)
    assert [(each.code, each.pointer, each.message) for each in found.warnings] == [
        ("idle", "/spec/bindings/4/compensationOrder",
         "compensationOrder has no effect: it is about steps that fire, and an undo step does not"),
    ]  # fmt: skip
