"""How a person is found in texts and in JSON, and what is put there."""

from __future__ import annotations

import json

import pytest

from ledger.erasure.naming import Names
from ledger.erasure.personal_data import declared
from ledger.erasure.portions import column_types

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


DESK = Names("TOKEN", "desk", ["Sam", "sam@example.org"])


def test_what_is_called_after_a_persons_name_keeps_its_own() -> None:
    text = json.dumps({
        "capabilities": [{"name": "desk.refund", "performer": "desk"}],
        "bindings": [{
            "name": "desk-check", "compensate": "undo-desk", "on_signal": "desk-heard",
            "human_task": {
                "title": "desk-check: ask Sam", "candidate_groups": ["eu-desk", "Desk of Sam"],
                "candidate_users": ["Desk", "desk2"], "not_completed_by": ["desk-first"],
                "outcomes": ["desk-ok", "Ask desk"], "owner": "desk",
            },
            "context_write": {"name": "desk-check", "desk": 1},
        }],
        "milestones": [{"name": "desk.done"}], "may_open": ["all.desk"],
        "completion": [["success", {"operator": "all", "members": ["goal-desk"]}]],
        "desk-key": {"groups": ["sam@example.org"], "kind": "x-sam@example.org"},
    })  # fmt: skip
    assert json.loads(DESK.without_in_json(text, followed=True)) == {
        "capabilities": [{"name": "desk.refund", "performer": "TOKEN"}],
        "bindings": [{
            "name": "desk-check", "compensate": "undo-desk", "on_signal": "desk-heard",
            "human_task": {
                "title": "TOKEN-check: ask TOKEN",
                "candidate_groups": ["eu-desk", "Desk of Sam"],
                "candidate_users": ["TOKEN", "desk2"], "not_completed_by": ["desk-first"],
                "outcomes": ["desk-ok", "Ask TOKEN"], "owner": "TOKEN",
            },
            "context_write": {"name": "TOKEN-check", "TOKEN": 1},
        }],
        "milestones": [{"name": "desk.done"}], "may_open": ["all.desk"],
        "completion": [["success", {"operator": "all", "members": ["goal-desk"]}]],
        "desk-key": {"groups": ["TOKEN"], "kind": "x-TOKEN"},
    }  # fmt: skip


def test_an_address_and_a_name_in_other_letters_go_everywhere() -> None:
    address = Names("TOKEN", "sam@example.org", ["Sam Sung", "sam@example.org"])
    text = (
        '{"candidate_groups": ["sam@example.org"], "name": "sam@example.org",'
        ' "sam@example.org": 1, "type": "mail-to-sam@example.org"}'
    )
    assert address.without_in_json(text, followed=True) == (
        '{"candidate_groups": ["TOKEN"], "name": "TOKEN", "TOKEN": 1, "type": "mail-to-TOKEN"}'
    )
    assert address.without_in_expression('.to["sam@example.org"]') == '.to["TOKEN"]'
    written = Names("TOKEN", "yamada", ["山田太郎"])
    assert written.without_in_thing("山田太郎-approved") == "TOKEN-approved"
    assert written.without_in_thing("yamada-approved") == "yamada-approved"


def test_whoever_is_called_by_one_letter_is_called_so_alone() -> None:
    assert Names("TOKEN", "x", ["Xu Li", "y"]).called == ["Xu Li", "x"]


def test_in_what_people_gave_only_groups_and_roles_keep_their_names() -> None:
    text = '{"group": "eu-desk", "roles": ["desk.lead"], "binding": "desk-check", "desk": "desk.x"}'
    assert DESK.without_in_json(text) == (
        '{"group": "eu-desk", "roles": ["desk.lead"], "binding": "TOKEN-check", "TOKEN": "TOKEN.x"}'
    )
    assert DESK.without_in_json('{"desk": "ask desk-2"}', keyed=True) == '{"desk": "ask TOKEN-2"}'


@pytest.mark.parametrize(
    ("text", "without"),
    [
        (".input.desk.score > 5", ".input.desk.score > 5"),
        ('.["desk"].a and ."desk"', '.["desk"].a and ."desk"'),
        ('.input["desk"] == 1', '.input["desk"] == 1'),
        ('{"desk": .desk, desk: 1}', '{"desk": .desk, desk: 1}'),
        ('.assignee == "Desk"', '.assignee == "TOKEN"'),
        ('.who | IN("desk", "al")', '.who | IN("TOKEN", "al")'),
        ('["desk"] | index(.who)', '["TOKEN"] | index(.who)'),
        ('.capability == "desk.refund"', '.capability == "desk.refund"'),
        ('.group == "eu-desk"', '.group == "eu-desk"'),
        ('"Ask desk: \\(.desk)" # as desk-1 said', '"Ask TOKEN: \\(.desk)" # as TOKEN-1 said'),
        ('.to == "sam@example.org"', '.to == "TOKEN"'),
        ('.["sam@example.org"]', '.["TOKEN"]'),
        ('.who | test("^(desk|bob)$")', '.who | test("^(TOKEN|bob)$")'),
        ('.who == "user:desk"', '.who == "user:TOKEN"'),
        ('if .a then["desk"] else .["desk"] end', 'if .a then["TOKEN"] else .["desk"] end'),
        ('"for \\(.desk["desk"]) now desk"', '"for \\(.desk["desk"]) now TOKEN"'),
        ('"sum \\(.desk | f(1)) of desk"', '"sum \\(.desk | f(1)) of TOKEN"'),
    ],
)
def test_an_expression_names_a_person_where_a_text_is_just_the_name(
    text: str, without: str
) -> None:
    assert DESK.without_in_expression(text) == without
    for member in ("when", "input_mapping", "filter"):
        changed = DESK.without_in_json(json.dumps({member: text}), followed=True)
        assert json.loads(changed) == {member: without}


@pytest.mark.parametrize(
    ("text", "without"),
    [("desk-check", "desk-check"), ("desk", "desk"), ("Ask desk", "Ask TOKEN"), ("", "")],
)
def test_one_word_that_a_thing_is_called_stays(text: str, without: str) -> None:
    assert DESK.without_in_thing(text) == without


def test_how_a_text_is_read_is_said_of_columns_that_mention_people() -> None:
    types = column_types()
    for name, table in declared().items():
        in_json = {*table.followed.split(), *table.keyed.split()}
        in_text = [*table.things.split(), *table.expressions.split()]
        assert {*in_json, *in_text} <= set(table.columns("mentions")), name
        assert {types[name][each] for each in in_json} <= {"json", "jsonb"}, name
        assert {types[name][each] for each in in_text} <= {"text"}, name
