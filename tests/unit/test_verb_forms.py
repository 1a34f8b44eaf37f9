"""A form has one field for each member of a verb's input, and gives back the verb's body."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Literal
from unittest import mock

import pytest
from django import forms

from verbs import words
from verbs.input import (
    Input,
    Moment,
    Name,
    Names,
    Nothing,
    OptionalReason,
    OptionalText,
    Text,
    read,
)
from verbs.words import VerbWords
from web.form_fields import JsonField, MomentField, NumberField
from web.names_field import NamesField
from web.verb_forms import form_for


class Basis(Input):
    """A reason that the law knows."""

    code: Literal["LAW", "RULE"]
    note: OptionalText = ""


class Everything(Input):
    """One member of each kind."""

    reason: Text
    regulatory_basis: list[Basis] = []
    strategy: Literal["restore", "correct"] | None = None
    mode: Literal["human", "automated"]
    assignee: Name | None = None
    candidate_groups: Names = []
    until: Moment | None = None
    loud: bool = False
    times: int | None = None
    payload: dict[str, Any] | None = None


REGISTERS = ("_fields", "_choices")


@pytest.fixture(autouse=True)
def _words() -> Iterator[None]:
    # Without what the apps have registered for members of the same names.
    registers = [mock.patch.dict(f"verbs.words.{name}", clear=True) for name in REGISTERS]
    with registers[0], registers[1]:
        words.register_fields({"assignee": ("Ask this person", "A username.")})
        words.register_choices("strategy", {"": "as its policy says", "restore": "put it back"})
        words.register_choices("regulatory_basis", {"LAW": "The law"})
        yield


FULL = {
    "reason": " It was forged ", "regulatory_basis": "LAW", "note": "§ 3", "strategy": "restore",
    "mode": "human", "assignee": "ana", "candidate_groups": "a, b ,,", "until": "2030-01-02T03:04",
    "loud": "on", "times": "3", "payload": '{"a": 1}',
}  # fmt: skip


def test_each_member_has_the_field_of_its_kind() -> None:
    fields: Any = form_for(Everything)().fields
    assert {name: type(field) for name, field in fields.items()} == {
        "reason": forms.CharField,
        "regulatory_basis": forms.ChoiceField,
        "note": forms.CharField,
        "strategy": forms.ChoiceField,
        "mode": forms.ChoiceField,
        "assignee": forms.CharField,
        "candidate_groups": NamesField,
        "until": MomentField,
        "loud": forms.BooleanField,
        "times": NumberField,
        "payload": JsonField,
    }
    assert {name for name, field in fields.items() if field.required} == {"reason", "mode"}
    assert isinstance(fields["reason"].widget, forms.Textarea)
    assert isinstance(fields["assignee"].widget, forms.TextInput)
    assert fields["until"].widget.input_type == "datetime-local"


def test_words_are_those_of_the_verb_then_of_the_member() -> None:
    said = VerbWords("Undo", fields={"reason": ("Why undo", "It stays on record.")})
    fields: Any = form_for(Everything, said)().fields
    assert (fields["reason"].label, fields["reason"].help_text) == (
        "Why undo", "It stays on record.",
    )  # fmt: skip
    assert (fields["assignee"].label, fields["assignee"].help_text) == (
        "Ask this person", "A username.",
    )  # fmt: skip
    assert fields["candidate_groups"].label == "Candidate groups"
    assert fields["strategy"].choices == [
        ("", "as its policy says"), ("restore", "put it back"), ("correct", "correct"),
    ]  # fmt: skip
    assert fields["mode"].choices == [("human", "human"), ("automated", "automated")]
    assert fields["regulatory_basis"].choices == [("", "—"), ("LAW", "The law"), ("RULE", "RULE")]


def test_members_with_words_of_the_verb_come_first_in_the_order_of_those() -> None:
    said = VerbWords("Undo", fields={"mode": ("Who does it", ""), "reason": ("Why", "")})
    assert list(form_for(Everything, said)().fields)[:3] == ["mode", "reason", "regulatory_basis"]
    assert next(iter(form_for(Everything)().fields)) == "reason"


def test_the_body_is_what_the_verb_reads() -> None:
    form = form_for(Everything)(FULL)
    assert form.is_valid(), form.errors
    assert form.body() == {
        "reason": "It was forged",
        "regulatory_basis": [{"code": "LAW", "note": "§ 3"}],
        "strategy": "restore",
        "mode": "human",
        "assignee": "ana",
        "candidate_groups": ["a", "b"],
        "until": dt.datetime(2030, 1, 2, 3, 4, tzinfo=dt.UTC),
        "loud": True,
        "times": 3,
        "payload": {"a": 1},
    }
    assert read(Everything, form.body()).regulatory_basis == [Basis(code="LAW", note="§ 3")]


def test_what_is_optional_and_empty_is_left_out() -> None:
    form = form_for(Everything)({"reason": "Why not", "mode": "human", "assignee": " "})
    assert form.is_valid(), form.errors
    assert form.body() == {"reason": "Why not", "mode": "human", "loud": False}
    assert read(Everything, form.body()).assignee is None
    empty = form_for(OptionalReason)({})
    assert empty.is_valid()
    assert empty.body() == {}
    nothing = form_for(Nothing)({"reason": "x"})
    assert nothing.is_valid()
    assert nothing.body() == {}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 4001}, "reason"),
        ({"mode": ""}, "mode"),
        ({"mode": "magic"}, "mode"),
        ({"regulatory_basis": ""}, "regulatory_basis"),
        ({"regulatory_basis": "WHIM"}, "regulatory_basis"),
        ({"until": "soon"}, "until"),
        ({"assignee": "x" * 151}, "assignee"),
    ],
    ids=[
        "blank", "long", "unchosen", "unknown", "note-alone", "unknown-code", "no-moment", "name",
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field(said: dict[str, str], field: str) -> None:
    form = form_for(Everything)({**FULL, **said})
    assert not form.is_valid()
    assert list(form.errors) == [field]


class Replaced(Input):
    """What takes the place of what there is, where it is said."""

    groups: Names | None = None


@pytest.mark.parametrize(
    ("said", "body"),
    [({}, {}), ({"groups": ""}, {"groups": []}), ({"groups": "a"}, {"groups": ["a"]})],
)
def test_a_list_that_takes_the_place_of_what_there_is_may_be_empty(
    said: dict[str, str], body: dict[str, list[str]]
) -> None:
    form = form_for(Replaced)(said)
    assert form.is_valid()
    assert form.body() == body
