"""Django forms made from what verbs are given.

A form checks shape, so that people see what is wrong beside the field; every rule of substance is
the verb's. Labels, help and choices are the words that the verb's owner registered.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Union, cast, get_args, get_origin

from django import forms
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import override

from verbs import words
from verbs.input import EMPTIES, MAX_TEXT, UNASKED, Input
from verbs.shell import Verb
from verbs.words import VerbWords
from web.form_fields import NOT_OFFERED, JsonField, MomentField, NumberField
from web.names_field import NamesField
from web.reference_field import ReferenceField

AREA = forms.Textarea(attrs={"rows": 3})
# A name is typed as it is: nothing completes, corrects or capitalises it.
PERSON = forms.TextInput(
    attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
)
#: Which members of inputs name people, and which groups: they are chosen from a list.
NAMED_IN = {
    "assignee": "people", "to": "people", "candidate_users": "people", "username": "people",
    "candidate_groups": "groups", "substitute": "people", "person": "people", "group": "groups",
    "groups": "groups", "owner": "people",
}  # fmt: skip


def chosen_from(name: str) -> forms.TextInput:
    """Return the widget of a name that is typed, or chosen from the list of those there are."""
    named_in = NAMED_IN.get(name)
    return forms.TextInput(attrs={**PERSON.attrs, **({"list": named_in} if named_in else {})})


UNCHOSEN = "—"
NOTE = "note"
_CODED = {"code", NOTE}


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One member of a verb's input: its type without `Optional` and `Annotated`, and its length.

    `stays`: what there is stays where nothing is said, so that none at all must be said; `empties`:
    an empty field takes it away.
    """

    name: str
    type: Any
    required: bool
    max_length: int | None
    stays: bool = False
    empties: bool = False

    @classmethod
    def of(cls, name: str, info: FieldInfo) -> Member:
        """Return the member that a field of the model describes."""
        bare, limits = _unwrapped(info.annotation)
        lengths = [
            length
            for each in [*info.metadata, *limits]
            if (length := getattr(each, "max_length", None)) is not None
        ]
        return cls(
            name, bare, info.is_required(), lengths[-1] if lengths else None,
            stays=info.default is None, empties=EMPTIES in info.metadata,
        )  # fmt: skip

    @property
    def coded(self) -> type[BaseModel] | None:
        """Return the model of `{code, note}` if this is a list of those."""
        if get_origin(self.type) is not list:
            return None
        item, _limits = _unwrapped(get_args(self.type)[0])
        is_model = isinstance(item, type) and issubclass(item, BaseModel)
        return item if is_model and set(item.model_fields) == _CODED else None


def _unwrapped(annotation: Any) -> tuple[Any, list[Any]]:
    """Return the type inside `Optional` and `Annotated`, and what was said about it there."""
    said: list[Any] = []
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *found = get_args(annotation)
            said += found
        elif origin in {Union, types.UnionType}:
            others = [each for each in get_args(annotation) if each is not type(None)]
            if len(others) != 1:
                return Any, said
            [annotation] = others
        else:
            return annotation, said


class VerbForm(forms.Form):
    """The form of one verb; `body` is what the verb is performed with."""

    members: ClassVar[tuple[Member, ...]] = ()

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse a note that is about nothing."""
        said = super().clean() or self.cleaned_data
        for member in self.members:
            if member.coded and said.get(NOTE) and not said.get(member.name):
                self.add_error(member.name, _("Choose the legal basis that the note is about."))
        return said

    def body(self) -> dict[str, Any]:
        """Return the members of a valid form. What is optional and empty is left out, but for a
        list of names that takes the place of what there is."""
        found = {}
        for member in self.members:
            value = self._value(member)
            if member.required or value not in (None, "", []) or (member.stays and value == []):
                found[member.name] = value
            elif member.empties:
                found[member.name] = None
        return found

    def _value(self, member: Member) -> Any:
        value = self.cleaned_data[member.name]
        if member.coded is None:
            return value
        return [{"code": value, "note": self.cleaned_data[NOTE]}] if value else []


def form_of(verb: Verb[Any]) -> type[VerbForm]:
    """Return the form that asks for the input of a verb; without fields for one that asks nothing.

    Names are those of the input; a list of `{code, note}` is asked for as one choice and `note`, a
    thing (`{type, id}`) by the address of its page.
    """
    return form_for(verb.input, words.verb_words(verb.subject_type, verb.name))


def form_for(model: type[Input], said: VerbWords | None = None) -> type[VerbForm]:
    """Return the form of an input, with the words of the verb that is given it.

    Members that have words of the verb's own come first, in the order of those.
    """
    asked = ((name, info) for name, info in model.model_fields.items()
             if UNASKED not in info.metadata)  # fmt: skip
    members = tuple(Member.of(name, info) for name, info in asked)
    fields: dict[str, Any] = {"__doc__": model.__doc__, "members": members}
    fields["field_order"] = tuple(said.fields) if said is not None else None
    for member in members:
        fields[member.name] = _field(member, said)
        fields[member.name].one_of = said is not None and member.name in said.one_of
        if member.coded is not None:
            label, help_text = words.field_words(said, NOTE)
            how: dict[str, Any] = {"label": label, "help_text": help_text, "required": False}
            fields[NOTE] = forms.CharField(**how)
    return cast("type[VerbForm]", type(f"{model.__name__}Form", (VerbForm,), fields))


def _field(member: Member, said: VerbWords | None) -> forms.Field:
    label, help_text = words.field_words(said, member.name)
    how: dict[str, Any] = {"label": label, "help_text": help_text, "required": member.required}
    if member.coded is not None:
        return _choice(member, _codes(member), how)
    if get_origin(member.type) is Literal:
        return _choice(member, [str(each) for each in get_args(member.type)], how)
    if _is_names(member.type):
        return _names(member, how)
    if member.type is str:
        return _text(member, how)
    if member.type is bool:
        return _yes_or_no(member, how)
    make = _FIELDS.get(member.type, _reference if _is_reference(member.type) else _json)
    return make(how)


def _names(member: Member, how: Mapping[str, Any]) -> NamesField:
    """Return boxes for the words there are, or for people or groups; of others a line."""
    known = [(value, str(label)) for value, label in words.choices_of(member.name).items()]
    field = NamesField(NAMED_IN.get(member.name, ""), known, closed=bool(known), **how)
    field.says_all = member.stays
    return field


def _yes_or_no(member: Member, how: Mapping[str, Any]) -> forms.Field:
    """Return a box where a no may go without saying, else a question with two answers."""
    if not how["required"]:
        return forms.BooleanField(**how)
    return forms.TypedChoiceField(error_messages=NOT_OFFERED,
        choices=[(each, words.choice_words(member.name, each)) for each in ("true", "false")],
        coerce="true".__eq__, widget=forms.RadioSelect, **how,
    )  # fmt: skip


_FIELDS: Mapping[Any, Callable[[Mapping[str, Any]], forms.Field]] = {
    int: lambda how: NumberField(step="1", **how),
    dt.datetime: lambda how: MomentField(**how),
}


def _text(member: Member, how: Mapping[str, Any]) -> forms.Field:
    """Return one line for what is short, an area for the rest."""
    is_long = member.max_length is None or member.max_length >= MAX_TEXT
    widget = AREA if is_long else chosen_from(member.name)
    return forms.CharField(widget=widget, max_length=member.max_length, **how)


def _choice(member: Member, values: list[str], how: Mapping[str, Any]) -> forms.Field:
    choices = [(each, words.choice_words(member.name, each)) for each in values]
    if not member.required:
        choices.insert(0, ("", words.choice_words(member.name, "") or UNCHOSEN))
    return forms.ChoiceField(error_messages=NOT_OFFERED, choices=choices, **how)


def _codes(member: Member) -> list[str]:
    """Return the codes to choose from: those of the model, else those that have words."""
    model = member.coded
    code = None if model is None else _unwrapped(model.model_fields["code"].annotation)[0]
    if get_origin(code) is Literal:
        return [str(each) for each in get_args(code)]
    return [each for each in words.choices_of(member.name) if each]


def _reference(how: Mapping[str, Any]) -> forms.Field:
    return ReferenceField(**how)


def _json(how: Mapping[str, Any]) -> forms.Field:
    return JsonField(widget=AREA, **how)


def _is_reference(type_: Any) -> bool:
    return (
        isinstance(type_, type)
        and issubclass(type_, BaseModel)
        and set(type_.model_fields) == {"type", "id"}
    )


def _is_names(type_: Any) -> bool:
    return get_origin(type_) is list and _unwrapped(get_args(type_)[0])[0] is str
