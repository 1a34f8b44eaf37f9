"""JSON text is read by one strict reader, whoever sends it: programs in bodies, people in forms."""

from __future__ import annotations

import json

import pytest
from django import forms

from json_values.reader import NotKept, NotStrict, TooDeep, loads, read, unstorable
from web.form_fields import JsonField, NumberField


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[NaN]", "NaN is no JSON value"),
        ("-Infinity", "-Infinity is no JSON value"),
    ],
)
def test_a_broken_rule_is_said_without_a_line(text: str, message: str) -> None:
    with pytest.raises(NotStrict) as refused:
        loads(text)
    assert str(refused.value) == message


def test_what_is_no_json_is_said_with_its_line() -> None:
    with pytest.raises(json.JSONDecodeError) as refused:
        loads(b'{\n"a": }')
    assert (refused.value.lineno, type(refused.value)) == (2, json.JSONDecodeError)


def test_bytes_are_utf_8_with_or_without_a_mark() -> None:
    assert loads('"é"'.encode()) == loads('"é"'.encode("utf-8-sig")) == "é"
    with pytest.raises(ValueError, match="utf-8"):
        loads(b'"\xe9"')


def test_what_is_too_deep_to_read_is_no_fault() -> None:
    with pytest.raises(TooDeep):
        loads("[" * 19_000)


def test_a_member_written_twice_is_named_by_its_place() -> None:
    body = loads('{"p": [{"a": 1, "b": 2, "a": 1}], "\\u0000": 1, "p~": {"": 1, "": 2}}')
    assert [(each.pointer, each.code) for each in unstorable(body)] == [
        ("", "nul"), ("/p/0/a", "duplicate"), ("/p~0/", "duplicate"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740993", 9007199254740993),
        ("-0", 0),
        ("-0.0", 0.0),
        ("-1e-400", 0.0),
        ("1.50", 1.5),
        ("1e2", 100.0),
        ("1e22", 10**22),
        ("-1E+23", -(10**23)),
        ("1" * 1000, int("1" * 1000)),
    ],
)
def test_a_number_is_read_as_it_is_read_back(text: str, value: float) -> None:
    found = read(text)
    assert (repr(found), type(found)) == (repr(value), type(value))
    assert repr(NumberField().clean(text)) == repr(value)


@pytest.mark.parametrize("text", ["1e400", "-1e400", "1" * 1001])
def test_a_number_out_of_range_is_refused_everywhere(text: str) -> None:
    with pytest.raises(NotKept) as refused:
        read(f'{{"a": [{text}]}}')
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/a/0", "not_a_number")]
    for field in (NumberField(), JsonField()):
        with pytest.raises(forms.ValidationError, match="out of the range of numbers"):
            field.clean(text)


@pytest.mark.parametrize(
    "text", ["+1", "01", ".5", "1.", "0x1", "\u0661", "1_0", "true", '"1"', "NaN"]
)
def test_what_is_no_number_of_json_is_none_in_a_form(text: str) -> None:
    with pytest.raises(forms.ValidationError, match="Write a number"):
        NumberField().clean(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1, "a": 2}', "/a: is written more than once"),
        ("NaN", "NaN is no JSON value"),
        ("[" * 19_000, "nested too deeply"),
        ("{", "Line 1: "),
        ('["a\\u0000"]', "/0: must not contain NUL"),
        ('"\\ud800"', "Must be valid Unicode"),
        ("[" * 33 + "]" * 33, "nested deeper than 32"),
    ],
)
def test_a_form_shows_again_what_it_refuses(text: str, sentence: str) -> None:
    field = JsonField()
    with pytest.raises(forms.ValidationError, match=sentence):
        field.clean(text)
    assert field.bound_data(text, None) == text
    assert field.prepare_value(text) == text


def test_a_form_keeps_what_is_empty() -> None:
    field = JsonField(required=True)
    assert (field.clean("[]"), field.clean("{}"), field.clean("0")) == ([], {}, 0)
    with pytest.raises(forms.ValidationError, match="required"):
        field.clean("  ")
