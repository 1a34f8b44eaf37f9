"""JSON text is read by one strict reader, whoever sends it: programs in bodies, people in forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django import forms

from json_values.reader import NotStrict, StrictDecoder, TooDeep, loads


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 1}', "the member 'a' appears twice"),
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
        loads("[" * 100_000)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "NaN", "[" * 100_000, "{"])
def test_a_form_shows_again_what_it_refuses(text: str) -> None:
    field: Any = forms.JSONField(decoder=StrictDecoder)
    with pytest.raises(forms.ValidationError, match="valid JSON"):
        field.clean(text)
    assert field.bound_data(text, None) == text
