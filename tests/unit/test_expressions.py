"""jq expressions: results, and what an expression cannot do to its host."""

from __future__ import annotations

import itertools
import json
import os
import resource
import threading
import types
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from json_values.jq import child_pool, evaluation
from json_values.jq.child_pool import MOST_AT_ONCE, JqProcess
from json_values.jq.evaluation import (
    FORBIDDEN,
    MAX_EXPRESSION_CHARACTERS,
    ExpressionFailed,
    check_syntax,
    evaluate,
    evaluate_many,
    expression_problem,
    truthy,
)
from json_values.jq.words_used import names_used
from json_values.limits import GROWN_BYTES, TOLD_BYTES, TOLD_DEPTH, depth_exceeds


def _code(expression: str, value: Any = None) -> str:
    with pytest.raises(ExpressionFailed) as failure:
        evaluate(expression, value)
    assert failure.value.expression == expression
    return failure.value.code


def test_returns_the_first_result() -> None:
    assert evaluate(".a, .b", {"a": 1, "b": 2}) == 1
    assert evaluate("{applicant, total: (.items | add)}", {"applicant": "é", "items": [1, 2]}) == {
        "applicant": "é",
        "total": 3,
    }


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (".a != null", True),
        (".missing.deeper != null", False),
        ("null", False),
        ("false", False),
        ("0", True),
        ('""', True),
        ("empty", False),
    ],
    ids=lambda value: str(value) or "empty text",
)
def test_truth_is_neither_null_nor_false(expression: str, expected: object) -> None:
    assert truthy(expression, {"a": 1}) is expected


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("1 +", "syntax"),
        ("nosuchfunction", "syntax"),
        ("empty", "no_result"),
        (".a.b", "runtime"),
        ('error("no")', "runtime"),
        ('"x" * 2200000', "too_large"),
        ("reduce range(65) as $i (1; [.])", "too_deep"),
        ("$ENV.PATH", "forbidden"),
    ],
    ids=str,
)
def test_a_failure_has_a_code(expression: str, code: str) -> None:
    assert _code(expression, {"a": "text"}) == code


def test_an_endless_expression_is_stopped_and_the_next_one_works() -> None:
    assert _code("def f: f; f") == "timeout"
    assert evaluate(".a | .", {"a": 7}) == 7


def test_a_greedy_expression_is_stopped_and_the_next_one_works() -> None:
    # Doubling reaches the memory limit long before the time limit; either way it ends.
    assert _code('"x" | until(false; . + .)') in ("memory", "timeout")
    assert evaluate(".a | .", {"a": 7}) == 7


def test_a_failure_among_many_does_not_stop_the_rest() -> None:
    context = {"a": "text"}

    results = evaluate_many(
        [
            (".a", context),
            (".a.b", context),
            ("def f: f; f", context),
            ("env", None),
            ("1 + 1", None),
        ]
    )

    assert [r.code if isinstance(r, ExpressionFailed) else r for r in results] == [
        "text",
        "runtime",
        "timeout",
        "forbidden",
        2,
    ]


def test_input_is_limited_in_size_and_depth() -> None:
    deep: Any = 1
    for _ in range(TOLD_DEPTH + 1):
        deep = [deep]

    assert _code(".", "x" * (TOLD_BYTES - 1)) == "too_large"
    assert _code(".", deep) == "too_deep"
    assert _code(".", "\ud800") == "runtime"
    assert evaluate("flatten | length", deep[0]) == 1


@pytest.mark.parametrize("unit", ["[]", '{"a":1}', "[[[[[]]]]]", "1.5", '"é"'])
def test_a_large_input_has_the_time_and_memory_that_it_takes(unit: str) -> None:
    for size, expression in ((TOLD_BYTES, ".t | length"), (GROWN_BYTES, ". | .")):
        value = {"t": [json.loads(unit)] * ((size - 10) // (len(unit.encode()) + 1))}
        found = evaluate(expression, value)
        assert found == (value if expression == ". | ." else len(value["t"]))
    # The next one is held to the plain limits again.
    assert _code("[range(10000000)] | length") in {"timeout", "memory"}


def test_an_expression_is_limited_in_length() -> None:
    problem = expression_problem("." + " " * MAX_EXPRESSION_CHARACTERS)

    assert problem is not None
    assert problem.code == "too_large"


@pytest.mark.parametrize("word", sorted(FORBIDDEN))
def test_what_reaches_outside_is_refused_before_it_is_compiled(word: str) -> None:
    for text in (
        word,
        f"[., {word}]",
        f"{{a: {word}}}",
        f'"text \\({word}) text"',
        f'"a\\("b\\({word})")"',
        f"{{({word}): 1}}",
        f"# comment\n{word}",
        f". as $x | {word}",
    ):
        problem = expression_problem(text)
        assert problem is not None, text
        assert (problem.code, problem.detail) == ("forbidden", f"{word} may not be used")


@pytest.mark.parametrize(
    "text",
    [
        ".env",
        ".a.input",
        '"env and input"',
        "{input: .a, env}",
        "{a: 1, halt}",
        "# env\n.",
        '.["import"]',
        '{"a\\"b": 1, debug: 2}',
    ],
)
def test_the_same_words_are_fine_as_names_and_text(text: str) -> None:
    assert expression_problem(text) is None
    assert check_syntax([text]) == [None]


def test_a_comment_cannot_hide_code() -> None:
    problem = expression_problem('# \\\n"\nenv # "')

    assert problem is not None
    assert problem.code == "forbidden"


def test_the_child_has_no_environment_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    # Even if the refusal were passed, there is nothing to see.
    monkeypatch.setattr("json_values.jq.evaluation.FORBIDDEN", frozenset())

    seen = evaluate("$ENV | keys", None)

    assert "PATH" not in seen
    assert not {key for key in seen if key.startswith(("DJANGO", "DATABASE", "AMENDS"))}


def test_syntax_is_checked_in_order() -> None:
    found = check_syntax([".a", ".a |", "env", ".b"])

    assert [problem and problem.code for problem in found] == [None, "syntax", "forbidden", None]


def test_threads_get_their_own_answers() -> None:
    answers: dict[int, list[Any]] = {}

    def ask(number: int) -> None:
        answers[number] = [evaluate(".n | .", {"n": number}) for _ in range(20)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {number: [number] * 20 for number in range(6)}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_fork_starts_its_own_child_and_leaves_ours_alone() -> None:
    assert evaluate("1 + 0", None) == 1
    pid = os.fork()
    if pid == 0:
        # Nothing of the test runner may run in the copy: it leaves with its verdict.
        verdict = 1
        try:
            verdict = 0 if evaluate(".n | .", {"n": "child"}) == "child" else 2
        finally:
            os._exit(verdict)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert evaluate(".n | .", {"n": "parent"}) == "parent"


def test_depth_counts_nested_containers() -> None:
    assert not depth_exceeds("text", 0)
    assert depth_exceeds([], 0)
    assert not depth_exceeds({"a": [1]}, 2)
    assert depth_exceeds({"a": [[]]}, 2)


@given(st.text(alphabet='"\\(){}[]#\n .$,:|aenv@?', max_size=40))
@settings(max_examples=300)
def test_finding_names_ends_for_any_text(text: str) -> None:
    assert all(names_used(text))


@pytest.mark.parametrize(
    "expression",
    [r'"a\u0000"', r'{a: ["\u0000"]}', r'{("\u0000"): 1}', '"AGFi" | @base64d', "[0] | implode"],
)
def test_what_could_not_be_kept_is_no_result(expression: str) -> None:
    assert _code(expression) == "nul"


def test_what_an_expression_says_of_its_failure_can_be_kept() -> None:
    with pytest.raises(ExpressionFailed) as failure:
        evaluate(r'error("a\u0000b\u001b")', None)

    assert (failure.value.code, failure.value.detail) == ("runtime", "a\ufffdb\ufffd")


def test_many_large_values_go_to_a_child_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    real = JqProcess.send

    def send(self: JqProcess, request: dict[str, Any]) -> None:
        sent.append((sum(map(len, request["values"])), len(request["items"])))
        real(self, request)

    monkeypatch.setattr(JqProcess, "send", send)
    large = [{"text": "x" * 2_000_000, "n": n} for n in range(5)]
    small = {"n": 5}
    asked = [*large, small, large[0], large[4]]
    # Not twice the same of one: that is asked once.
    assert evaluate_many([(f"[.n, {n}] | first", each) for n, each in enumerate(asked)]) == [
        0,
        1,
        2,
        3,
        4,
        5,
        0,
        4,
    ]
    assert [items for _size, items in sent] == [2, 2, 4]
    assert max(size for size, _items in sent) <= MOST_AT_ONCE
    sent.clear()
    # One that is more than that by itself goes alone.
    huge = {"text": "x" * (MOST_AT_ONCE - 20), "n": 6}
    assert evaluate_many(
        [(f"[.n, {n}] | first", each) for n, each in enumerate((small, huge, small))]
    ) == [5, 6, 5]
    assert [items for _size, items in sent] == [1, 1, 1]


def test_what_is_asked_twice_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[Any]] = []
    ask = evaluation._ask  # noqa: SLF001  -- the one place that asks

    def watched(values: Any, items: Any) -> Any:
        asked.append(list(items))
        return ask(values, items)

    monkeypatch.setattr(evaluation, "_ask", watched)
    value = {"a": [1]}
    found: list[Any] = evaluate_many(
        [("[.a[] + 1]", value), (".a | length", value), ("[.a[] + 1]", value)]
    )
    assert found == [[2], 1, [2]]
    assert [item for item, _ in asked[0]] == ["[.a[] + 1]", ".a | length"]
    found[0].append(3)
    assert found[2] == [2]


def test_what_many_others_leave_no_time_for_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks must be done within a minute, however many run away."""
    monkeypatch.setattr(child_pool, "MOST_STOPPED", 3)
    asked: list[tuple[str, Any]] = [(f"last(range(1e12)) > {n}", {}) for n in range(300)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found: list[Any] = evaluate_many([("1 + 1 | . + 1", {}), *asked, ("[.] | length", {})])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found[0] == 3
    assert [each.code for each in found[1:]] == ["timeout"] * 301
    details = [each.detail for each in found[1:]]
    assert [each.startswith("not asked any more") for each in details] == [False] * 3 + [True] * 298
    # Three that are stopped, and what it takes to start as many children, with a margin of three.
    assert after.ru_utime - before.ru_utime < 3 * (3 * 0.25 + 4 * 0.25)
    assert evaluate("[.] | length", {}) == 1


def test_slow_ones_that_are_not_stopped_have_an_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = itertools.count(0.0, 6.0)
    monkeypatch.setattr(child_pool, "time", types.SimpleNamespace(monotonic=lambda: next(moments)))
    found: list[Any] = evaluate_many([(f"[.] | length + {n}", {}) for n in range(5)])
    # It began at 0, and is looked at before it asks and before each answer: at 6, 12 and 18.
    assert found[0] == 1
    assert [each.code for each in found[1:]] == ["timeout"] * 4
