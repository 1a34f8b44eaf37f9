"""How a person is found in texts and in JSON, and what is put there."""

from __future__ import annotations

import json

import pytest

from ledger.erasure.naming import Names

NAMES = Names("TOKEN", "al", ["Al Gore", "al@example.org"])


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("also al, AL and al.", "also TOKEN, TOKEN and TOKEN."),
        ("Al  Gore wrote", "TOKEN wrote"),
        ("Al\nGore", "TOKEN"),
        ("<al@example.org>", "<TOKEN>"),
        ("formal, al2, al_x", "formal, al2, al_x"),
        ("", ""),
    ],
)
def test_a_name_counts_where_it_stands_by_itself(text: str, without: str) -> None:
    assert NAMES.without(text) == without
    assert NAMES.names(text) is (text != without)


def test_json_stays_as_it_is_but_for_the_name() -> None:
    text = '{"b": [1.50, 1e400, "x\\nal", {"al": null}], "a": "\\u0061l", "groups": ["al"]}'
    changed = NAMES.without_in_json(text)
    assert changed == (
        '{"b": [1.50, 1e400, "x\\nTOKEN", {"TOKEN": null}], "a": "TOKEN", "groups": ["al"]}'
    )


def test_what_a_program_follows_keeps_the_names_of_things() -> None:
    text = '{"name": "al", "al": {"users": ["al"], "title": "ask al"}}'
    assert json.loads(NAMES.without_in_json(text, followed=True)) == {
        "name": "al", "al": {"users": ["TOKEN"], "title": "ask TOKEN"},
    }  # fmt: skip
    assert json.loads(NAMES.without_in_json(text)) == {
        "name": "TOKEN", "TOKEN": {"users": ["TOKEN"], "title": "ask TOKEN"},
    }  # fmt: skip


def test_without_a_name_nothing_is_found() -> None:
    nobody = Names("TOKEN", "", ["x"])
    assert (nobody.names("x y"), nobody.likes) == (False, [])


def test_patterns_find_what_stands_in_json_as_it_is_written() -> None:
    assert Names("TOKEN", 'a"b%', ["Al  Gore"]).likes == ["%Al%Gore%", '%a"b\\%%', '%a\\\\"b\\%%']


@pytest.mark.parametrize("written", ["Élodie Brûlé", "ÉLODIE BRÛLÉ", "élodie brûlé"])
def test_a_name_beyond_ascii_is_found_however_json_has_written_it(written: str) -> None:
    names = Names("TOKEN", "elo", ["Élodie Brûlé"])
    text = json.dumps({"title": f"Ask {written}"})
    patterns = [each.strip("%").replace("\\\\", "\\").split("%") for each in names.likes]
    assert [each for each in patterns if all(part in text for part in each)]
    assert names.escaped == "%\\\\u%"
    assert names.without_in_json(text) == '{"title": "Ask TOKEN"}'
    # Such as a source that keeps JSON as a text.
    assert names.without(text) == '{"title": "Ask TOKEN"}'
    assert Names("TOKEN", "al", ["Al Gore"]).escaped is None


def test_what_a_program_does_stays_and_what_it_says_goes() -> None:
    names = Names("TOKEN", "check", ["Sam"])
    text = json.dumps({
        "bindings": [{"name": "Check", "when": '.check == "check" and .sam # ask Sam'}],
        "title_expression": '"For Sam: \\(.check)"', "title": "Ask Sam", "SAM": {"groups": ["sam"]},
    })  # fmt: skip
    assert json.loads(names.without_in_json(text, followed=True)) == {
        "bindings": [{"name": "Check", "when": '.check == "TOKEN" and .sam # ask TOKEN'}],
        "title_expression": '"For TOKEN: \\(.check)"', "title": "Ask TOKEN",
        "SAM": {"groups": ["sam"]},
    }  # fmt: skip
