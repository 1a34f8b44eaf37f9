"""What an entry keeps beside its envelope, as its page shows it: titles instead of keys, words
instead of constants, nothing that is only an identifier; values as their schema declares them."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.roles import Role
from compensation.sentences import humane, title_of
from compensation.words import BASES, outcome_label
from ledger.selectors import Entry
from verbs.subject import Description, Ref, known
from verbs.words import Text, action_words, said
from web.labels import label_of
from web.values import Reader, is_identifier, reader_of
from workitems.around.around_context import RELATED
from workitems.around.progress_form import words_of
from workitems.item_limits import REPLACED
from workitems.lifecycle import OfferedTo, Priority
from workitems.words import DEADLINES

#: Values of these names may be declared by somebody.
_DECLARED = frozenset(
    {"payload", "resolution", "input", "output", "before", "after", "context", "changed", "changes"}
)
#: What no page shows: codes and fingerprints for programs, and what the sentence says already.
_UNSHOWN = frozenset(
    {"reason", "code", "digest", "sha256", "shape", "target_type", "outcome_label", "signature",
     "key"}
)  # fmt: skip
#: Where the key itself is no good title. In this order they are shown, after the others.
_LABELS: Mapping[str, Text] = {
    "payload": gettext_lazy("What it was about"),
    "input": gettext_lazy("What went in"),
    "output": gettext_lazy("What came out"),
    "resolution": gettext_lazy("Result"),
    "context": gettext_lazy("What was known"),
    "changed": gettext_lazy("What became known"),
    "invalidated": gettext_lazy("No longer to be relied on"),
    "had_it": gettext_lazy("Who had it"),
    "previous": gettext_lazy("Who had it before"),
    "assignee": gettext_lazy("Whom it was given to"),
    "owner": gettext_lazy("Who answers for it"),
    "stakeholders": gettext_lazy("Who is told of it"),
    "people_missing": gettext_lazy("Not a member here"),
    "replaced_performer": gettext_lazy("Why somebody else is asked"),
    "offered_to": gettext_lazy("Who may take it"),
    "candidate_users": gettext_lazy("People who may take it"),
    "candidate_groups": gettext_lazy("Groups who may take it"),
    "regulatory_basis": gettext_lazy("Legal basis"),
    "amendment": gettext_lazy("Done in the meantime, undone first"),
    "type": gettext_lazy("How they are related"),
    "target_id": gettext_lazy("The other"),
    "enforced": gettext_lazy("One has to wait for the other"),
    "dimension": gettext_lazy("Of what"),
    "value": gettext_lazy("How far"),
    "url": gettext_lazy("Address"),
    "text": gettext_lazy("Text"),
    "error": gettext_lazy("What went wrong"),
    "problem": gettext_lazy("What could not be used"),
    "detail": gettext_lazy("What was said"),
    "cause": gettext_lazy("What was in the way"),
    "evidence": gettext_lazy("Evidence"),
    "due_at": gettext_lazy("Due"),
    "since": gettext_lazy("From"),
    "public_key": gettext_lazy("Public key"),
    "slug": gettext_lazy("Short name"),
    "media_type": gettext_lazy("Kind of file"),
}
_DIMENSIONS: Mapping[str, Text] = {
    "forward": gettext_lazy("the work"),
    "undo": gettext_lazy("its undo"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """One value of an entry: its title, what is shown, its schema, and the name that says, as the
    schema may, that it is a person."""

    label: str
    value: Any
    schema: Any = None
    member: str = ""


def _titles(value: Any) -> Any:
    return [title_of(str(each)) for each in value] if isinstance(value, list) else value


def _roles(value: Any) -> Any:
    """Return roles in words; the image of what a program changed is another thing."""
    if not isinstance(value, list):
        return value
    return [str(Role(each).label) if each in Role.values else each for each in value]


def _bases(value: Any) -> list[str]:
    notes = [(said(BASES, each.get("code")), each.get("note", "")) for each in value]
    return [f"{label}: {note}" if note else label for label, note in notes]


#: How a value reads, by its name.
_TOLD: Mapping[str, Callable[[Any], Any]] = {
    "step": lambda value: title_of(str(value)),
    "amendment": lambda value: title_of(str(value)),
    "invalidated": _titles,
    "candidate_groups": _titles,
    "groups": _titles,
    "roles": _roles,
    "before": _roles,
    "after": _roles,
    "outcome": outcome_label,
    "regulatory_basis": _bases,
    "error": humane,
    "problem": lambda _value: _("What came of it does not fit what the case knows."),
    "dimension": lambda value: said(_DIMENSIONS, value),
    "offered_to": lambda value: str(OfferedTo(value).label),
    "replaced_performer": lambda value: said(REPLACED, value),
    "deadline": lambda value: said(
        {**DEADLINES, "completion": _("To be finished"), "due": _("To be finished")}, value
    ),
    "type": lambda value: str(RELATED[value][0]) if value in RELATED else value,
    "template": lambda value: title_of(str(value)),
}
#: Members that hold people, each by what says so of a single one.
_PEOPLE = dict.fromkeys(
    ("candidate_users", "had_it", "people_missing", "owner", "stakeholders"), "user"
)

_PERSON = {"type": "string", "format": "person"}
#: Of what is edited, those that hold people.
_CHANGED_PEOPLE: Mapping[str, Any] = {
    "owner": _PERSON, "stakeholders": {"type": "array", "items": _PERSON},
}  # fmt: skip


def kept_in(
    entry: Entry, schemas: Mapping[str, Any], others: Mapping[Ref, Description]
) -> list[Kept]:
    """Return what an entry keeps, in an order that reads. `schemas` by the name of the value;
    `others` are called in it."""
    found: list[Kept] = []
    places = {name: place for place, name in enumerate(_LABELS)}
    for name, value in sorted(entry.payloads.items(), key=lambda each: places.get(each[0], -1)):
        found += _kept(entry, name, value, schemas, others)
    return found


def schemas_of(entry: Entry) -> Mapping[str, Any]:
    """Return what is declared of what an entry keeps, by name. In the tenant's scope."""
    subject = known(entry.subject_type)
    if subject is None or _DECLARED.isdisjoint(entry.payloads):
        return {}
    row = subject.read_many(entry.tenant_id, [entry.subject_id]).get(entry.subject_id)
    return {} if row is None else subject.declares(row)


def reader_for(tenant_id: uuid.UUID, me: uuid.UUID | None, kept: Sequence[Kept]) -> Reader:
    """Return who reads these values, with the people they name: one query, or none."""
    members = [{each.member: each.value} for each in kept]
    return reader_of(tenant_id, me, *members, under=[(each.value, each.schema) for each in kept])


def other_in(entry: Entry) -> Ref | None:
    """Return the other thing that an entry about a relation names."""
    type_, id_ = entry.payloads.get("target_type"), entry.payloads.get("target_id")
    return (str(type_), uuid.UUID(id_)) if type_ and id_ else None


def _kept(
    entry: Entry,
    name: str,
    value: Any,
    schemas: Mapping[str, Any],
    others: Mapping[Ref, Description],
) -> Iterator[Kept]:
    if name in _UNSHOWN or value is None or _names_itself(name, value):
        return
    label = str(_LABELS.get(name) or label_of(name))
    if name == "changes":
        for each, change in value.items():
            schema = schemas.get(each) or _CHANGED_PEOPLE.get(each)
            yield _changed(str(_LABELS.get(each) or label_of(each)), change, schema)
    elif name == "due_at" and isinstance(value, dict):
        yield _changed(label, value, None)
    elif name == "target_id":
        ref = other_in(entry)
        yield Kept(label, others[ref].title if ref and ref in others else _("unknown"))
    elif name == "value" and "shape" in entry.payloads:
        yield Kept(label, words_of(entry.payloads["shape"], value))
    elif name == "detail" and isinstance(value, str):
        own = action_words(entry.subject_type, entry.action).told
        yield Kept(label, humane(value) if own is None else own(value))
    else:
        yield Kept(label, _worded(entry, name, value), schemas.get(name), _PEOPLE.get(name, name))


def _worded(entry: Entry, name: str, value: Any) -> Any:
    """Return a value as it reads; an outcome by what its author calls it."""
    if name == "outcome" and "outcome_label" in entry.payloads:
        return entry.payloads["outcome_label"]
    return _TOLD[name](value) if name in _TOLD else value


def _names_itself(name: str, value: Any) -> bool:
    """Whether a value only says which of several it is: the id of a note."""
    return name in _ADDITIONS and isinstance(value, str) and is_identifier(value)


_ADDITIONS = frozenset({"note", "label", "link", "relation", "attachment"})


def _changed(label: str, change: Mapping[str, Any], schema: Any) -> Kept:
    """Return a change as its two sides, each declared as the value is."""
    own = schema if isinstance(schema, Mapping) else {}
    if change.get("to") in Priority.names:
        change = {side: _priority(change.get(side)) for side in ("from", "to")}
    sides = {
        "from": {**own, "title": _("Before")},
        "to": {**own, "title": _("After")},
    }
    return Kept(label, dict(change), {"properties": sides})


def _priority(name: Any) -> str:
    return str(Priority[name].label) if name in Priority.names else ""
