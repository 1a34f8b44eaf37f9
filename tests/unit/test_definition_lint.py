"""What a definition's own logic gets wrong: steps without a way back, after a pivot, out of reach,
or without an end. Each with what must be said, and with what must not."""

from __future__ import annotations

from typing import Any

import pytest

from cases.definitions import compile_definition
from tests.definitions import automated, definition, human

TOLD = frozenset({"coverage_gap", "pivot_before", "unreachable", "repeats"})


def told(*bindings: dict[str, Any], covered: tuple[str, ...] = (), **spec: Any) -> list[Any]:
    source = definition("linted", *bindings, success=".done")
    source["spec"] |= spec
    found = compile_definition(source, capabilities=None, covered=covered).warnings
    return [(each.code, each.pointer) for each in found if each.code in TOLD]


def gap(number: int) -> tuple[str, str]:
    return ("coverage_gap", f"/spec/bindings/{number}")


def test_a_human_step_without_a_way_back_is_a_gap() -> None:
    bare = human("a", compensation=None)
    assert told(bare) == [gap(0)]
    assert told(human("a")) == []
    for word in ("irreversible", "not_needed", "pivot"):
        assert told({**bare, "reversibility": word}) == []
    for word in ("compensable", "retriable"):
        assert told({**bare, "reversibility": word}) == [gap(0)]
    undo = {"name": "u", "compensation": True, "humanTask": {"title": "U"}}
    assert told({**bare, "compensate": "u"}, undo) == []


def test_a_program_without_a_way_back_is_a_gap_unless_it_says_so_itself() -> None:
    step = automated("a", "act", ".go", "{}")
    assert told(step) == [gap(0)]
    assert told(step, covered=("act",)) == []
    assert told(step, covered=("other",)) == [gap(0)]


def test_a_pivot_before_steps_that_can_be_undone() -> None:
    pivot = human("a", compensation=None, reversibility="pivot")
    then = human("b", when='.a.outcome == "YES" and .b == null')
    last = human("c", when=".b != null and .c == null")
    assert told(pivot, then, last) == [("pivot_before", "/spec/bindings/0/reversibility")]
    # One that stays, or does not follow, is no contradiction.
    assert told(pivot, {**then, "reversibility": "irreversible"}) == []
    assert told(pivot, human("b", when=".x and .b == null")) == []


@pytest.mark.parametrize(
    "condition",
    ["false", "null", ".x != null and .x == null", ".x == null and .x.y == 1 and .a == null"],
)
def test_a_condition_that_holds_of_nothing_is_out_of_reach(condition: str) -> None:
    (found,) = [each for each in told(human("a", when=condition)) if each[0] == "unreachable"]
    assert found == ("unreachable", "/spec/bindings/0")


def test_steps_that_wait_for_each_other_are_out_of_reach() -> None:
    one = human("a", when=".b != null and .a == null")
    other = human("b", when='.a.outcome == "OK" and .b == null')
    assert told(one, other) == [
        ("unreachable", "/spec/bindings/0"), ("unreachable", "/spec/bindings/1"),
    ]  # fmt: skip
    # What a case is opened with may begin the round.
    schema = {"type": "object", "properties": {"b": {"type": "object"}}}
    assert told(one, other, inputSchema=schema) == []
    # So may a step of which nobody can tell what it writes.
    anything = human("c", when=".go and .c == null", humanTask={"title": "T"})
    assert told(one, other, anything) == []


def unreachable(*bindings: dict[str, Any], **spec: Any) -> list[str]:
    return [where for code, where in told(*bindings, **spec) if code == "unreachable"]


def test_a_key_that_a_step_rewrites_may_be_there_from_the_start() -> None:
    refine = human("refine", when='.request != null and .request.state == "raw"')
    refine["humanTask"]["outputMapping"] = "{request: .resolution}"
    assert unreachable(refine) == []
    # Also where another step makes the same key only once.
    make = human("request", when=".ready != null and .request == null")
    ready = human("ready", when=".request != null and .ready == null")
    assert unreachable(make, ready) == ["/spec/bindings/0", "/spec/bindings/1"]
    assert unreachable(make, ready, refine) == []


def test_what_an_undo_writes_may_be_there_at_any_time() -> None:
    one = human("a", when=".b != null and .a == null")
    other = human("b", when=".a != null and .b == null")
    undo = {"name": "u", "compensation": True, "humanTask": {"title": "U"}}
    assert unreachable(one, other, undo) == ["/spec/bindings/0", "/spec/bindings/1"]
    for mapping in ("{b: .outcome}", ".resolution"):
        wrote = {**undo, "humanTask": {"title": "U", "outputMapping": mapping}}
        assert unreachable(one, other, wrote) == []


def test_keys_may_be_declared_by_patterns() -> None:
    step = human("a", when=".x_1 and .a == null")
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    assert unreachable(step, inputSchema=schema) == ["/spec/bindings/0"]
    assert unreachable(step, inputSchema={**schema, "patternProperties": {"^x_": {}}}) == []


def test_what_nobody_writes_is_out_of_reach_only_where_nothing_else_is_let_in() -> None:
    step = human("a", when=".x and .a == null")
    assert told(step) == []
    closed = {"type": "object", "properties": {"y": {}}, "additionalProperties": False}
    assert told(step, inputSchema=closed) == [("unreachable", "/spec/bindings/0")]


@pytest.mark.parametrize(
    "condition",
    [
        "(.b != null) and .a == null", ".b != null or .x", ".b != true and .a == null",
        "if .b then .x else .y end", ".b? // .x", ".b == null and .a == null", ".n < 3",
    ],
)  # fmt: skip
def test_of_a_condition_that_is_not_plain_nothing_is_said(condition: str) -> None:
    other = human("b", when=".a != null and .b == null")
    found = told(human("a", when=condition), other)
    assert ("unreachable", "/spec/bindings/0") not in found


def test_a_sentinel_fires_again_after_every_result() -> None:
    # What is given its own result once more changes with it.
    watch = automated("watch", "look", ".request", "{report}") | {"when": ".request != null"}
    again = ("repeats", "/spec/bindings/0")
    assert again in told({**watch, "outputMapping": "{report: .}"})
    for mapping in (".", "{report: .}", None):
        for everything in (".", None):
            given = {"outputMapping": mapping, "inputMapping": everything}
            assert again in told({**watch, **given})
            # What is given no result of its own has nothing to answer to after one.
            assert again not in told({**watch, **given, "inputMapping": "{id: .request.id}"})
    for guarded in (".request != null and .report == null", ".report.n != 3", ".request"):
        assert again not in told({**watch, "when": guarded, "outputMapping": "{report, request}"})
    for unread in (".x != null and (.report // 1) == 1", '.x != null and .["report"] == null'):
        assert again not in told({**watch, "when": unread, "outputMapping": "{report: .}"})
    # What its whole result changes nobody knows, nor what a computed key does.
    assert again not in told({**watch, "when": '.status == "new"', "outputMapping": "."})
    computed = '{"\\(.k)_done": 1}'
    assert again not in told({**watch, "when": ".a_done != 1", "outputMapping": computed})
    # A condition that asks for absence may be met by what nobody can foresee.
    task = human("a", when=".request and .done == null", humanTask={"title": "T"})
    assert told(task) == []


def test_the_example_has_none_of_these_faults() -> None:
    step = human("a", when=".x and .a == null")
    assert told(step, human("b", when=".a != null and .b == null")) == []
