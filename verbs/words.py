"""What people read instead of constants. Each app registers its own words; nobody else knows them.

The words for actions are also the ledger's closed vocabulary: an action that no owner registered
for its type of subject cannot be recorded. The label of a status is the one of its app's choices,
so that pages, admin, email and docs all say the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ledger import vocabulary

Text = str | Promise
Tone = Literal["", "primary", "undo", "danger"]


@dataclasses.dataclass(frozen=True, slots=True)
class ActionWords:
    """An entry's action in words.

    `label` stands alone ("Completed"). `sentence` names subject (`%(what)s`) and actor (`%(who)s`),
    or what a step of a rollback undoes (`%(step)s`).
    `tone` is one of "", undo, bad, done. `told`: how the detail reads that its entries carry, where
    that was stored for programs.
    """

    label: Text
    sentence: Text
    tone: str = ""
    told: Callable[[str], str] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class VerbWords:
    """A verb as a button and as the page that asks before it is done.

    `done` is said when it worked; `intro` and `warning` stand above the form, `submit` on its
    button; `hint` says in a list of choices what it means. `fields` labels the members of its
    input where `FIELDS` does not do: name → (label, help). `title` heads the page
    that asks, where label and thing together would not read well. `at_once`: a button does it,
    although something could be said; its input is optional. `one_of`: members of which one at least
    has to be given; none of them alone is optional.
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
    title: Text = ""
    at_once: bool = False
    one_of: Collection[str] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class StateWords:
    """How one status is shown: `label` in words, Lucide `icon`, and `tone`.

    A tone is one of wait, act, undo, done, bad and maps to a badge class; `undo` is reserved for
    work that takes something back.
    """

    label: Text
    icon: str
    tone: str


_actions: dict[tuple[str, str], ActionWords] = {}
_states: dict[str, dict[str, StateWords]] = {}
_subjects: dict[str, Text] = {}
_verbs: dict[tuple[str, str], VerbWords] = {}
_fields: dict[str, tuple[Text, Text]] = {}
_choices: dict[tuple[str, str], Text] = {}
_denials: dict[str, Text] = {
    "not_operator": _("only an operator may"),
    "only_looks": _("an auditor looks and changes nothing"),
    "wrong_state": _("not in its present state"),
}


def register_actions(subject_type: str, words: Mapping[str, ActionWords]) -> None:
    """Declare to the ledger what is recorded about a kind of thing, and say how it reads.

    Raises ValueError for a type of subject that the ledger does not know.
    """
    vocabulary.declare(subject_type, words)
    _actions.update({(subject_type, action): each for action, each in words.items()})


def register_states(
    kind: str, choices: type[TextChoices], looks: Mapping[str, tuple[str, str]]
) -> None:
    """Say how the statuses of a kind of thing look: status → (Lucide icon, tone).

    Their labels are those of `choices`. Raises ValueError unless each has exactly one look.
    """
    if looks.keys() != set(choices.values):
        odd = ", ".join(sorted(looks.keys() ^ set(choices.values)))
        raise ValueError(f"statuses of {kind} without a look, or looks without a status: {odd}")
    _states[kind] = {each.value: StateWords(each.label, *looks[each.value]) for each in choices}


def register_subject_words(subject_type: str, label: Text) -> None:
    """Say how a kind of thing is called within a sentence: "task".

    Raises ValueError for a type of subject that the ledger does not know.
    """
    if subject_type not in vocabulary.SUBJECT_TYPES:
        raise ValueError(f"{subject_type!r} is no subject type of the ledger")
    _subjects[subject_type] = label


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


def said_of(subject_type: str, name: str) -> VerbWords:
    """Return how a verb reads on a page; one that has no words is shown readably, not hidden."""
    return verb_words(subject_type, name) or VerbWords(name.replace("-", " ").capitalize())


def action_words(subject_type: str, action: str) -> ActionWords:
    """Return an action in words; one that has none is shown readably, not hidden."""
    found = _actions.get((subject_type, action))
    if found is not None:
        return found
    label = readable(action)
    return ActionWords(label, f"%(what)s: {label.lower()}")


def action_label(action: str, subject_type: str = "") -> str:
    """Return an action's label; without a subject type all that it has, one after the other."""
    if subject_type:
        return str(action_words(subject_type, action).label)
    labels = {str(each.label) for (_type, name), each in _actions.items() if name == action}
    return " / ".join(sorted(labels)) or readable(action)


def state_words(kind: str, status: str) -> StateWords:
    """Return how a status is shown; one without words is shown readably, not hidden."""
    found = _states.get(kind, {}).get(status)
    return StateWords(readable(status), "circle", "wait") if found is None else found


def all_states() -> dict[str, dict[str, StateWords]]:
    """Return everything that has looks: kind → status → words."""
    return {kind: dict(states) for kind, states in _states.items()}


def all_action_words() -> dict[tuple[str, str], ActionWords]:
    """Return every action that has words, by subject type and name."""
    return dict(_actions)


def subject_words(subject_type: str) -> Text:
    """Return how a kind of thing is called within a sentence."""
    return _subjects.get(subject_type) or readable(subject_type).lower()


def all_subject_words() -> dict[str, Text]:
    """Return how each kind of thing is called, by subject type."""
    return dict(_subjects)


def field_words(verb: VerbWords | None, name: str) -> tuple[Text, Text]:
    """Return label and help of one member of a verb's input."""
    own = {} if verb is None else verb.fields
    return own.get(name) or _fields.get(name) or (readable(name), "")


def choice_words(field: str, value: Any) -> Text:
    """Return how one of the words that a member may have reads."""
    return _choices.get((field, str(value))) or str(value)


def choices_of(field: str) -> dict[str, Text]:
    """Return every word that a member may have and how it reads, as its owner registered them."""
    return {value: each for (name, value), each in _choices.items() if name == field}


def denial(code: str) -> str:
    """Return why something is denied, as the end of a sentence; an unknown code reads as itself."""
    return str(_denials.get(code) or code.replace("_", " "))


def said(words: Mapping[str, Text], code: str | None) -> str:
    """Return the words for a code; an unknown one reads as itself, in words."""
    return str(words.get(code) or readable(code.lower())) if code else ""


def readable(code: str) -> str:
    """Return a constant as people can read it: `NEVER_SEEN` is "Never seen"."""
    return code.replace("_", " ").replace("-", " ").strip().capitalize()
