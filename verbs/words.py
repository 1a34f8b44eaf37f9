"""What people read instead of constants. Each app registers its own words; nobody else knows them.

The words for actions will also be the ledger's closed vocabulary: an action that no owner declared
at start cannot be recorded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
Tone = Literal["", "primary", "undo", "danger"]


@dataclasses.dataclass(frozen=True, slots=True)
class ActionWords:
    """An entry's action in words.

    `label` stands alone ("Completed"). `sentence` names subject (`%(what)s`) and actor (`%(who)s`).
    `tone` is one of "", undo, bad, done.
    """

    label: Text
    sentence: Text
    tone: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class VerbWords:
    """A verb as a button and as the page that asks before it is done.

    `done` is said when it worked; `intro` and `warning` stand above the form, `submit` on its
    button; `hint` says in a list of choices what it means. `fields` labels the members of its
    input where `FIELDS` does not do: name → (label, help).
    """

    label: Text
    done: Text = ""
    icon: str = ""
    tone: Tone = ""
    intro: Text = ""
    warning: Text = ""
    submit: Text = ""
    hint: Text = ""
    fields: Mapping[str, tuple[Text, Text]] = dataclasses.field(default_factory=dict)


_actions: dict[tuple[str, str], ActionWords] = {}
_verbs: dict[tuple[str, str], VerbWords] = {}
_fields: dict[str, tuple[Text, Text]] = {}
_choices: dict[tuple[str, str], Text] = {}
_denials: dict[str, Text] = {
    "not_operator": _("only an operator may"),
    "wrong_state": _("not in its present state"),
}


def register_actions(subject_type: str, words: Mapping[str, ActionWords]) -> None:
    """Say how the actions of a kind of thing's entries read."""
    _actions.update({(subject_type, action): each for action, each in words.items()})


def register_verbs(subject_type: str, words: Mapping[str, VerbWords]) -> None:
    """Say how a kind of thing's verbs read on pages, by name."""
    _verbs.update({(subject_type, name): each for name, each in words.items()})


def register_denials(words: Mapping[str, Text]) -> None:
    """Say, by code, why somebody may not do something."""
    _denials.update(words)


def register_fields(words: Mapping[str, tuple[Text, Text]]) -> None:
    """Say how members of inputs are called on forms: name → (label, help)."""
    _fields.update(words)


def register_choices(field: str, words: Mapping[str, Text]) -> None:
    """Say how the words that a member may have read on forms."""
    _choices.update({(field, value): each for value, each in words.items()})


def verb_words(subject_type: str, name: str) -> VerbWords | None:
    """Return how a verb reads, or None where its owner has said nothing."""
    return _verbs.get((subject_type, name))


def action_words(subject_type: str, action: str) -> ActionWords:
    """Return an action in words; one that has none is shown readably, not hidden."""
    found = _actions.get((subject_type, action))
    if found is not None:
        return found
    readable = action.replace("_", " ").capitalize()
    return ActionWords(readable, f"%(what)s: {readable.lower()}")


def field_words(verb: VerbWords | None, name: str) -> tuple[Text, Text]:
    """Return label and help of one member of a verb's input."""
    own = {} if verb is None else verb.fields
    return own.get(name) or _fields.get(name) or (name.replace("_", " ").capitalize(), "")


def choice_words(field: str, value: Any) -> Text:
    """Return how one of the words that a member may have reads."""
    return _choices.get((field, str(value))) or str(value)


def denial(code: str) -> str:
    """Return why something is denied, as the end of a sentence; an unknown code reads as itself."""
    return str(_denials.get(code) or code.replace("_", " "))
