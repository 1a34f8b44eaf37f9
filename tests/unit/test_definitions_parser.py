"""Reading definitions: YAML 1.2, lines, and limits that hold before anything is built."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.definitions import DefinitionInvalid, compile_definition
from cases.definitions.parser import MAX_SOURCE_BYTES, read_document


def _refused(source: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(DefinitionInvalid) as refusal:
        read_document(source)
    return [(e.line, e.pointer, e.message) for e in refusal.value.errors]


def test_reads_yaml_1_2_with_the_line_of_each_value() -> None:
    document = read_document(
        "on: yes\n"
        "when: 2026-01-31\n"
        "list:\n"
        "  - one\n"
        "  - {deep: 1.5}\n"
        "text: >-\n"
        "  two\n"
        "  lines\n"
        "'a/b~c': ~\n"
        "flags: [true, False, 010, -3]\n"
    )

    assert document.data == {
        "on": "yes",
        "when": "2026-01-31",
        "list": ["one", {"deep": 1.5}],
        "text": "two lines",
        "a/b~c": None,
        "flags": [True, False, 10, -3],
    }
    assert document.lines["/on"] == 1
    assert document.lines["/list/1/deep"] == 5
    assert document.lines["/text"] == 6
    assert document.lines["/a~1b~0c"] == 9
    assert document.line("/list/1/absent/more") == 5
    assert document.errors == ()


def test_an_alias_repeats_a_value() -> None:
    assert read_document("a: &x [1]\nb: *x\n").data == {"a": [1], "b": [1]}


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("", 1, "the document is empty"),
        ("a: [1\n", 2, "not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\nb: c: d\n", 2, "not valid YAML: mapping values are not allowed here"),
        ("a: 1\n--- 2\n", 2, "not valid YAML: but found another document"),
        ("a: *b\n", 1, "not valid YAML: found undefined alias 'b'"),
        ('a: "\\U99999999"\n', 1, "not valid YAML: malformed escape or directive"),
        ("a: &x\n  b: *x\n", 2, "an alias may not contain itself"),
        ("a: \ud800", 1, "the text holds characters that UTF-8 cannot express"),
        ("\n" + "[" * 33, 2, "nested deeper than 32 levels"),
        ("x" * (MAX_SOURCE_BYTES + 1), 1, "the definition has more than 65536 bytes"),
        ("a: &x 1\nb: [" + "*x, " * 101 + "]", 2, "more than 100 aliases"),
        (f"a: !{'t' * 60_000} b\n", 1, "a tag has at most 200 characters"),
        (
            f"%TAG !e! {'t' * 300}:\n---\na: 1\nb: !e!x {{}}\n",
            4,
            "a tag has at most 200 characters",
        ),
        (f"a: *{'b' * 400}\n", 1, f"not valid YAML: found undefined alias '{'b' * 277}"),
    ],
    ids=[
        "empty",
        "unclosed",
        "two colons",
        "two documents",
        "unknown alias",
        "bad escape",
        "circle",
        "surrogate",
        "deep",
        "long",
        "aliases",
        "long tag",
        "tag made long",
        "long alias",
    ],
)
def test_what_cannot_be_read_has_one_error_with_its_line(
    source: str, line: int, message: str
) -> None:
    assert [(at, said) for at, _, said in _refused(source)] == [(line, message)]


def test_aliases_cannot_multiply_into_a_bomb() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    ((line, _, message),) = _refused("\n".join(lines))

    assert message == "more than 4000 values, aliases written out"
    assert line == 4


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' was already used on line 1"),
        ("a: 1\n<<: {b: 1}\n", 2, "merge keys (<<) are not supported"),
        ("a: 1\n2: b\n", 2, "a key must be text, not '2'"),
        (f"{'2' * 200}: b\n", 1, f"a key must be text, not '{'2' * 100}'"),
        ("? [a]\n: 1\n", 1, "a key must be text"),
        ("%YAML 1.1\n---\non: 1\n", 3, "a key must be text, not 'on'"),
        ("a: .inf\n", 1, "'.inf' is not a plain decimal number; quote it as text"),
        ("a: 0x1F\n", 1, "'0x1F' is not a plain decimal number; quote it as text"),
        ("a: !!python/object:os.system {}\n", 1, None),
        ("a: !secret b\n", 1, "the tag '!secret' is not supported"),
    ],
    ids=[
        "repeated",
        "merge",
        "number",
        "long number",
        "list",
        "old yaml",
        "infinite",
        "hex",
        "object",
        "tag",
    ],
)
def test_what_is_odd_leaves_the_rest_readable(source: str, line: int, message: str | None) -> None:
    document = read_document(source)

    assert [error.line for error in document.errors] == ([line] if message else [])
    assert [error.message for error in document.errors] == ([message] if message else [])


def test_json_is_bounded_too_and_has_no_lines() -> None:
    deep: dict[str, object] = {}
    for _ in range(32):
        deep = {"a": deep}
    for source, message in (
        (deep, "nested deeper than 32 levels"),
        ({"a": "x" * MAX_SOURCE_BYTES}, "the definition has more than 65536 bytes"),
        ({"a": float("nan")}, "not a JSON object"),
        ({"a": {1, 2}}, "not a JSON object"),
    ):
        with pytest.raises(DefinitionInvalid) as refusal:
            read_document(source)
        ((line, _, said, _),) = refusal.value.errors
        assert line is None
        assert said.startswith(message)


YAMLISH = st.text(
    alphabet=st.one_of(
        st.sampled_from(list(":-?,[]{}#&*!|>'\"%@`~ \n\t<=abon01.")), st.characters()
    ),
    max_size=80,
)


@given(YAMLISH)
@settings(max_examples=300, deadline=None)
def test_any_text_is_refused_properly(text: str) -> None:
    with pytest.raises(DefinitionInvalid):
        compile_definition(text, capabilities=None)


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            'dsl: "0.1"',
            "namespace: a",
            "name: b",
            "version: 1.0.0",
            "spec:",
            "  goals: []",
            "  goals: [{name: g, kind: success, condition: .x}]",
            "  completion: {success: {allOf: [g]}}",
            "  completion: [1]",
            "  bindings:",
            "    - name: one",
            "      on: {contextChange: {}}",
            "      capability: c",
            "      humanTask: {title: t, candidateGroups: g}",
            "      compensate: one",
            "      compensation: true",
            "      compensation: {mode: human}",
            "  capabilities: [{name: c}, 3, ~]",
            "\tx",
            "  bindings: {a: b}",
        ]
    ),
    max_size=14,
)


@given(FRAGMENTS)
@settings(max_examples=200, deadline=None)
def test_any_mix_of_lines_compiles_or_is_refused_properly(lines: list[str]) -> None:
    try:
        definition = compile_definition("\n".join(lines), capabilities=None)
    except DefinitionInvalid:
        return
    assert definition.bindings


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["dsl", "spec", "bindings", "name", "on", "compensation", "goals", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["dsl", "spec", "name", "version", "y"]), JSON))
@settings(max_examples=200, deadline=None)
def test_any_json_object_is_refused_properly(source: dict[str, object]) -> None:
    with pytest.raises(DefinitionInvalid):
        compile_definition(source, capabilities=None)
