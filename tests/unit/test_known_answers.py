"""What jq has said is kept between the attempts at one thing, and nobody who must not waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from json_values.jq import evaluation
from json_values.jq.child_pool import Answer, Item
from json_values.jq.evaluation import ExpressionFailed, evaluate, evaluate_many
from json_values.jq.known_answers import KnownAnswers, NotAskedYet, asked_at_once
from verbs.answered_outside import OVERTAKEN, Overtaken, answered_outside

LENGTH, KEYS = "{n: (. | length)}", "keys"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the expressions of each exchange with jq."""
    exchanges: list[list[str]] = []
    ask = evaluation._ask  # noqa: SLF001  -- the moment at which jq is asked

    def watched(values: Sequence[str], items: Sequence[Item]) -> list[Answer]:
        if items:
            exchanges.append([text for text, _ in items])
        return ask(values, items)

    monkeypatch.setattr(evaluation, "_ask", watched)
    return exchanges


def test_an_attempt_ends_where_it_would_wait_and_finds_the_answer_next(
    asked: list[list[str]],
) -> None:
    tries: list[str] = []

    def attempt() -> Any:
        tries.append("begun")
        first = evaluate(LENGTH, {"a": 1})
        tries.append("first")
        return [first, *evaluate_many([(KEYS, {"b": 1, "a": 2}), (".b", {"b": 1, "a": 2})])]

    assert answered_outside(attempt) == [{"n": 1}, ["a", "b"], 1]
    assert tries == ["begun", "begun", "first", "begun", "first"]
    assert asked == [[LENGTH], [KEYS]]


def test_what_is_simple_needs_one_attempt(asked: list[list[str]]) -> None:
    tries: list[int] = []

    def attempt() -> Any:
        tries.append(1)
        return evaluate("{a: .b}", {"b": 1})

    assert (answered_outside(attempt), tries, asked) == ({"a": 1}, [1], [])


def test_a_failure_is_known_as_well(asked: list[list[str]]) -> None:
    def attempt() -> Any:
        with pytest.raises(ExpressionFailed) as failed:
            evaluate("keys", 7)
        return failed.value.code, failed.value.detail, failed.value.expression

    at_once = attempt()
    assert at_once[0] == "runtime"
    assert answered_outside(attempt) == at_once
    assert asked == [["keys"], ["keys"]]


def test_one_who_changes_an_answer_changes_it_for_himself() -> None:
    seen: list[Any] = []

    def attempt() -> None:
        seen.append(evaluate(LENGTH, "abc"))
        seen[-1]["n"] += 1
        evaluate(KEYS, {"a": len(LENGTH)})

    answered_outside(attempt)
    assert seen == [{"n": 4}, {"n": 4}]


def test_another_value_is_another_question(asked: list[list[str]]) -> None:
    values = iter(["a", "bb", "bb"])
    assert answered_outside(lambda: evaluate(LENGTH, next(values))) == {"n": 2}
    assert asked == [[LENGTH], [LENGTH]]


def test_one_that_is_always_overtaken_gives_up(asked: list[list[str]]) -> None:
    values = ["x" * number for number in range(100)]
    tries = iter(values)
    with pytest.raises(Overtaken):
        answered_outside(lambda: evaluate(LENGTH, next(tries)))
    assert asked == [[LENGTH]] * OVERTAKEN
    assert next(tries) == "x" * (OVERTAKEN + 1)
    assert not Overtaken.counts


def test_a_long_attempt_is_not_overtaken(asked: list[list[str]]) -> None:
    many = ["x" * number for number in range(4 * OVERTAKEN)]
    found = answered_outside(lambda: [evaluate(LENGTH, each)["n"] for each in many])
    assert found == list(range(4 * OVERTAKEN))
    assert len(asked) == len(many)


def test_where_nothing_is_held_it_is_asked_at_once_and_kept(asked: list[list[str]]) -> None:
    tries: list[str] = []

    def attempt() -> Any:
        tries.append("begun")
        with asked_at_once():
            free = evaluate(LENGTH, "a")
        return free, evaluate(KEYS, {"a": 1})

    assert answered_outside(attempt) == ({"n": 1}, ["a"])
    assert tries == ["begun", "begun"]
    assert asked == [[LENGTH], [KEYS]]
    with asked_at_once():
        assert evaluate(LENGTH, "ab") == {"n": 2}


def test_what_several_need_is_asked_at_once_and_equal_ones_once(asked: list[list[str]]) -> None:
    def attempt() -> Any:
        found: list[Any] = []
        missing: list[NotAskedYet] = []
        for value in ({"a": 1}, {"b": 2}, {"a": 1}):
            try:
                found.append(evaluate_many([(KEYS, value), (LENGTH, value)]))
            except NotAskedYet as unknown:
                missing.append(unknown)
        if missing:
            raise NotAskedYet.of_all(missing)
        return found

    a, b = [["a"], {"n": 1}], [["b"], {"n": 1}]
    assert answered_outside(attempt) == [a, b, a]
    assert asked == [[KEYS, LENGTH, KEYS, LENGTH]]


def test_after_an_attempt_everybody_asks_as_before() -> None:
    known = KnownAnswers()
    with pytest.raises(NotAskedYet), known.without_asking():
        evaluate(LENGTH, "a")
    assert evaluate(LENGTH, "a") == {"n": 1}
