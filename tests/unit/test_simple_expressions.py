"""Simple expressions are evaluated without jq, and nobody can tell by what comes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Any, Never

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from json_values.jq import evaluation
from json_values.jq.child_pool import Answer, Item, JqPool
from json_values.jq.evaluation import ExpressionFailed, check_syntax, evaluate, evaluate_many
from json_values.jq.simple_expressions import (
    MAX_CHARACTERS,
    MAX_NESTED,
    OnlyJq,
    evaluate_simple,
)
from json_values.limits import GROWN_BYTES, GROWN_DEPTH, TOLD_BYTES, TOLD_DEPTH

#: Up to here jq keeps every whole number; said once more, so that nobody moves it unseen.
LARGEST = 2**53 - 1
NAMES = ["a", "b", "c", "_x9", "Up"]
WORDS = ["and", "or", "if", "end", "not", "null", "true", "false", "__loc__", "as", "break", "env"]
CONTEXT = {"a": {"b": 1, "c": None}, "b": True, "c": "text", "Up": [1, {"a": 2}], "_x9": 0.5}


class Colour(StrEnum):
    RED = "text"


class Size(IntEnum):
    ONE = 1


class Named(dict[str, Any]):
    """An object of a class of its own, as the reader makes one where a name is written twice."""


def spaced(*parts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(["", "", " ", "\t", "\r\n", "  "]).map(lambda space: space.join(parts))


def joined(parts: st.SearchStrategy[str], sign: str, most: int) -> st.SearchStrategy[str]:
    return st.lists(parts, min_size=1, max_size=most).map(sign.join)


PATHS = st.lists(st.sampled_from(NAMES * 4 + WORDS), max_size=3).map(
    lambda names: "".join(f".{name}" for name in names) or "."
)
TEXTS = st.sampled_from(["", "text", "PASSED", "é", "😀", "\ufffe", "# env", " a  b ", "x\ny", "."])
NUMBERS = st.sampled_from(["0", "1", "2", "007", "1.0", str(LARGEST), str(LARGEST + 1), "1e2"])
LITERALS = st.sampled_from(["null", "true", "false"]) | NUMBERS | TEXTS.map('"{}"'.format)


def larger(terms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    comparison = terms | st.tuples(terms, st.sampled_from(["==", "!="]), terms).flatmap(
        lambda parts: spaced(*parts)
    )
    whole = joined(joined(comparison, " and ", 3), " or ", 3)
    keys = st.sampled_from(NAMES * 3 + WORDS)
    member = keys | st.tuples(keys, st.just(":"), terms).flatmap(lambda parts: spaced(*parts))
    inside = joined(member, ",", 4) | st.just("")
    return (
        whole.flatmap(lambda text: spaced("(", text, ")"))
        | inside.flatmap(lambda text: spaced("{", text, "}"))
        | whole
    )


SIMPLE = st.recursive(PATHS | LITERALS, larger, max_leaves=8)
PIECES = [*".=!:,(){}\"' \n?|/-+*[]0129#ax\\", "and", "or", " . ", "..", "//", "null", "==", "\x0b"]


@st.composite
def nearly_simple(draw: st.DrawFn) -> str:
    text = draw(SIMPLE)
    for _ in range(draw(st.integers(1, 3))):
        at, gone = draw(st.integers(0, len(text))), draw(st.integers(0, 2))
        text = text[:at] + draw(st.sampled_from(["", *PIECES])) + text[at + gone :]
    return text


SCALARS = (
    st.sampled_from([None, True, False, 0, 1, 2, -1, 1.0, -0.0, 0.5, 1e17, "", "text", "1", "é"])
    | st.sampled_from([LARGEST, -LARGEST, LARGEST + 1, -LARGEST - 1, 2**70, "a\x00b", "\ufffe"])
    | st.sampled_from([Colour.RED, Size.ONE, "text\x00", "\x7f\x1b\u2028", "😀", "PASSED"])
    | st.text(max_size=3)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
)
KEYS = st.sampled_from([*NAMES * 4, *WORDS, "a\x00", "", "é", "a b"]) | st.text(max_size=2)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=5)
        | st.dictionaries(KEYS, inner, max_size=5).map(Named)
        | st.dictionaries(st.sampled_from([True, None, 1, Colour.RED, 1.5]), inner, max_size=2)
    ),
    max_leaves=12,
)
CONTEXTS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, VALUES)) | VALUES


def exact(result: Any) -> Any:
    """Return a result with the class of each value in it, which `==` does not tell apart."""
    if isinstance(result, ExpressionFailed):
        return result.code, result.detail, result.expression
    if isinstance(result, dict):
        return type(result), {name: exact(each) for name, each in result.items()}
    if isinstance(result, list | tuple):
        return type(result), [exact(each) for each in result]
    return type(result), result


def by_jq(items: Sequence[tuple[str, Any]]) -> list[Any]:
    def nothing_is_simple(*_asked: object) -> Never:
        raise OnlyJq

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evaluation, "evaluate_simple", nothing_is_simple)
        return [exact(each) for each in evaluate_many(items)]


def is_simple(expression: str, value: Any = None) -> bool:
    try:
        evaluate_simple(expression, value, len(json.dumps(value)))
    except OnlyJq:
        return False
    return True


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], list[Item]]]:
    """What the children are asked from here on."""
    seen: list[tuple[list[str], list[Item]]] = []
    answer = JqPool.answer

    def watched(pool: JqPool, values: Sequence[str], items: Sequence[Item]) -> list[Answer]:
        seen.append((list(values), list(items)))
        return answer(pool, values, items)

    monkeypatch.setattr(JqPool, "answer", watched)
    return seen


@given(st.lists(SIMPLE | nearly_simple(), min_size=1, max_size=8), CONTEXTS)
@settings(max_examples=500, deadline=None)
def test_any_outcome_is_that_of_jq(expressions: list[str], value: Any) -> None:
    items = [(text, value) for text in expressions]
    assert [exact(each) for each in evaluate_many(items)] == by_jq(items)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (".", CONTEXT | {"_x9": 1}),
        (".a.b", 1),
        (".a.missing.deeper", None),
        (".c", "text"),
        (".a != null and .b", True),
        (".a.c == null or .missing.b", True),
        ("null and .c.no_object", False),
        (".b or .c.no_object", True),
        ("false or true and null", False),
        ("(true or true) and null", False),
        (".a.b == true", False),
        (".a.b == 1", True),
        ('.c=="text"and.b', True),
        ('.c != "text"', False),
        (".a == 1", False),
        (".Up == null", False),
        ("{a: .a.b, c}", {"a": 1, "c": "text"}),
        ("{a: (.a.b == 1), b: {}, c: {c: .}}", {"a": True, "b": {}, "c": {"c": None}}),
        ("{a: 1, a: 2}", {"a": 2}),
        (f" \t\r\n{LARGEST} ", LARGEST),
    ],
)
def test_a_simple_one_is_answered_without_jq(
    expression: str, expected: Any, asked: list[Any]
) -> None:
    value = CONTEXT | {"_x9": 1}
    if "{c: .}" in expression:
        expected = expected | {"c": {"c": value}}
    assert exact(evaluate(expression, value)) == exact(expected)
    assert asked == []
    assert by_jq([(expression, value)]) == [exact(expected)]


@pytest.mark.parametrize(
    "expression",
    [
        ".a | .b", ".a // 1", ".a?", ".a, .b", ".Up[]", ".Up[0]", "..", ".a .b", '.a."b"', "-1",
        ".a.b < 2", ".b | not", "{a: 1}.a", "(.a).b", "{a: .a.b == 1}", "{a: 1,}", '{"a": 1}',
        "{(.c): 1}", '"a" + "b"', r'"\(.c)"', r'"\u0041"', ".b # no more", "01", "1.0", "1e3",
        str(LARGEST + 1), "1.", ".if", "{end}", ".a.and", "[.a]", ". == .", "{} == {}",
        "reduce .Up as $x (0; 1)", "empty", "$__loc__", "@json", ". as $x | 1",
    ],
)  # fmt: skip
def test_anything_else_is_left_to_jq(expression: str, asked: list[Any]) -> None:
    evaluate_many([(expression, CONTEXT)])
    assert [items for _, items in asked] == [[(expression, 0)]]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (".a", {"a": 0.5}),
        (".a", {"a": LARGEST + 1}),
        (".a", {"a": [{"b": -LARGEST - 1}]}),
        (".a == 1", {"a": 1.0}),
        (".a == .a", {"a": [1]}),
        (".a == 1", {"a": Size.ONE}),
        (".a", {"a": "x\x00"}),
        (".a.b", {"a": "text"}),
        (".a.b", {"a": [1]}),
        ("{b: .a.b}", {"a": False}),
        (".a", Named(a=1)),
    ],
)
def test_what_jq_may_see_otherwise_is_left_to_jq(
    expression: str, value: Any, asked: list[Any]
) -> None:
    [found] = evaluate_many([(expression, value)])
    assert [items for _, items in asked] == [[(expression, 0)]]
    assert [exact(found)] == by_jq([(expression, value)])


def test_numbers_beside_what_is_asked_do_not_matter(asked: list[Any]) -> None:
    value = {"a": 0.5, "b": {"c": 2**70}, "c": True}
    items = [(".a and .b and .c", value), (".b != null", value), (".b == .a", value), (".c", value)]
    assert evaluate_many(items) == [True, True, False, True]
    assert asked == []
    assert by_jq(items) == [(bool, True), (bool, True), (bool, False), (bool, True)]


def test_only_what_is_not_simple_is_asked_with_the_values_it_needs(asked: list[Any]) -> None:
    one, other = {"a": 1}, {"a": [2, 3]}
    items = [(".a", one), (".a | add", other), ("{b: .a}", one), ("env", one), (".a[0]", other)]
    found = evaluate_many(items)
    assert isinstance(found[3], ExpressionFailed)
    assert (found[:3], found[3].code, found[4]) == ([1, 5, {"b": 1}], "forbidden", 2)
    assert asked == [(['{"a":[2,3]}'], [(".a | add", 0), (".a[0]", 0)])]


def test_whether_something_compiles_jq_is_asked_as_before(asked: list[Any]) -> None:
    assert check_syntax([".a", "{a: .b}"]) == [None, None]
    assert asked == [([], [(".a", None), ("{a: .b}", None)])]


def test_a_result_shares_nothing_with_its_input(asked: list[Any]) -> None:
    value = {"a": {"b": [{"c": "text"}]}}
    for expression in (".", ".a", ".a.b", "{a: .a}", "{a: .a, b: .a, c: {b: .a.b}}"):
        before = json.dumps(value)
        result = evaluate(expression, value)
        text = json.dumps(result)
        spoil(result)
        assert json.dumps(value) == before
        assert json.dumps(evaluate(expression, value)) == text
    assert asked == []


def spoil(value: Any) -> None:
    """Change every list and object in a value; one that is in it twice comes out changed twice."""
    if isinstance(value, dict):
        for each in value.values():
            spoil(each)
        assert "spoilt" not in value
        value["spoilt"] = True
    elif isinstance(value, list):
        for each in value:
            spoil(each)
        assert "spoilt" not in value
        value.append("spoilt")


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("expression", "value", "code"),
    [
        (".", "x" * (TOLD_BYTES - 1), "too_large"),
        ("1", "x" * (TOLD_BYTES - 1), "too_large"),
        (".a", {"a": "x" * GROWN_BYTES}, "too_large"),
        ("{a: ., b: .}", "x" * (GROWN_BYTES // 2), "too_large"),
        ("null", nested(TOLD_DEPTH + 1), "too_deep"),
        (".", nested(GROWN_DEPTH + 1), "too_deep"),
        ("{a: .}", nested(GROWN_DEPTH), "too_deep"),
        ("1", {"a": "\ud800"}, "runtime"),
        ('"\ud800"', None, "syntax"),
        ("{b: .a}", {"a": {"\x00": 1}}, "nul"),
        (".a and\x00", None, "syntax"),
        ("." + " " * evaluation.MAX_EXPRESSION_CHARACTERS, None, "too_large"),
    ],
)
def test_every_bound_holds_as_before(expression: str, value: Any, code: str) -> None:
    [found] = evaluate_many([(expression, value)])
    assert isinstance(found, ExpressionFailed)
    assert found.code == code
    assert [exact(found)] == by_jq([(expression, value)])


def test_at_its_bound_a_value_is_answered(asked: list[Any]) -> None:
    value = {"a": nested(GROWN_DEPTH), "b": "x" * (GROWN_BYTES - 500)}
    assert evaluate(".a", value) == value["a"]
    assert evaluate(".b", value) == value["b"]
    assert asked == []


def test_what_no_json_can_be_written_of_is_still_refused() -> None:
    for value in (float("nan"), {"a": float("inf")}, 10**5000):
        with pytest.raises(ValueError, match=r"JSON compliant|integer string conversion"):
            evaluate("1", value)
    with pytest.raises(TypeError, match="not JSON serializable"):
        evaluate("1", {"a": object()})


def test_a_long_or_deep_text_is_left_to_jq() -> None:
    assert is_simple("(" * MAX_NESTED + "1" + ")" * MAX_NESTED)
    assert not is_simple("(" * (MAX_NESTED + 1) + "1" + ")" * (MAX_NESTED + 1))
    assert not is_simple("{a:" * 300 + "1" + "}" * 300)
    assert is_simple("1" + " " * (MAX_CHARACTERS - 1))
    assert not is_simple("1" + " " * MAX_CHARACTERS)


def test_what_would_be_built_many_times_over_is_left_to_jq() -> None:
    many = "{" + ", ".join(f"a{number}: ." for number in range(100)) + "}"
    assert is_simple(many, "x" * 1000)
    assert not is_simple(many, "x" * (GROWN_BYTES // 99))
