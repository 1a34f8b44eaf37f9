"""Which keys of the context an expression can depend on: all of them wherever that is not plain."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.definitions.reads import keys_read
from json_values.jq.evaluation import evaluate


@pytest.mark.parametrize(
    ("expression", "keys"),
    [
        (".a != null and .b.c == null", "a b"),
        ('(.a.b | length) > 0 and .c == "x"', "a c"),
        ("true", ""),
        (".a and.b", "a b"),
        (".a[.b].c", "a b"),
        ('."a".b or .["c"].d or has("e")', "a c e"),
        ('.a."b".c | .d', "a"),
        ('{a, b: .c.d, "e": (.f | .g), h: .i | .j, k: .l}', "a c f i l"),
        ('{"a"}', "a"),
        ("{and, if}", "and if"),
        ("if .a | not then .b elif .c then .d else .e end | .f", "a b c d e"),
        ("[.a[] | select(.b)] | length", "a"),
        ("(.a // 0) + -1 < .b", "a b"),
        ("try .a catch .b", "a b"),
        (".a[1:2]", "a"),
        (".a? // .b", "a b"),
        ("[.a, (.b | .c)] | map(.) | any", "a b"),
        (".reduce.as", "reduce"),
    ],
)
def test_plain_paths_are_what_it_reads(expression: str, keys: str) -> None:
    assert keys_read(expression) == frozenset(keys.split())


@pytest.mark.parametrize(
    "expression",
    [
        ".", "..", ".[]", ".[.a]", "length", ".a + length", "keys | length", "has(.a)",
        ".a as $x | .b", "reduce .a[] as $x (0; . + $x)", ". as {a: $x} | $x", '"\\(.a)"',
        "(.a = 1) | .b", ".a |= 1", ".a += 1", "del(.a) | .b", "@json", "def f: .a; f",
        ".a # and .b", "to_entries", "map(.a)", "any(.a[]; .b)", "not", "[.[] | .a]", "getpath([])",
        ".a[length:]", ".a) | .b", "label $x | .a", "select(.a)",
    ],
)  # fmt: skip
def test_what_may_be_more_is_everything(expression: str) -> None:
    assert keys_read(expression) is None


PATHS = st.sampled_from(
    [".a", ".b", ".c", ".a.b", '.["c"]', '."b"', 'has("a")', "(.a | .b?)", "[.b, .c]", "{a, c: .b}",
     "(.a | not)", "(if .a then .b else .c end)", "(if .a | not then .b else .c end)", "null", "1",
     "([.a, .b] | length)", "{a: .a | not, b: .c}", "(try .a.b catch .c)", "(.a? // .b)"]
)  # fmt: skip
JOINED = st.recursive(
    PATHS,
    lambda each: st.tuples(each, st.sampled_from(["and", "or", "==", "|", "//"]), each).map(
        lambda said: f"({said[0]} {said[1]} {said[2]})"
    ),
    max_leaves=4,
)
VALUES = (None, False, 1)


@settings(deadline=None)
@given(JOINED)
def test_nothing_else_changes_the_answer(expression: str) -> None:
    keys = keys_read(f'try {expression} catch "failed"')
    assert keys is not None
    found: dict[str, str] = {}
    for values in itertools.product(VALUES, repeat=3):
        context = dict(zip("abc", values, strict=True))
        read = repr([(key, context[key]) for key in sorted(keys)])
        answer = repr(evaluate(f'[try {expression} catch "failed"]', context))
        assert found.setdefault(read, answer) == answer
