"""What the pages of work can be narrowed to and sorted by, as their addresses say it."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import ActingUser
from accounts.selectors import Person, people_called
from compensation.lifecycle import CompensationState
from json_values.moments import read_moment
from ledger.errors import Invalid
from verbs.subject import describe
from web.labels import label_of
from web.pagination import NEWEST_FIRST
from web.search import numbered
from web.templatetags.amends import state_label
from web.values import person_words, phrase
from workitems.finding import filter_table
from workitems.finding.filter_table import FILTERS, ME, Asked
from workitems.finding.filter_values import BETWEEN, ID, MAX_TEXT, MOMENT, NO, YES, YES_NO
from workitems.finding.narrowing import Narrowed
from workitems.lifecycle import Kind, Priority, Status
from workitems.urgency import MOST_URGENT_FIRST

Labels = Mapping[str, str | Promise]


def _kinds() -> Labels:
    return {each: state_label(each, "kind") for each in Kind.values}


def _statuses() -> Labels:
    return {each: state_label(each) for each in Status.values}


def _priorities() -> Labels:
    return {each.name: each.label for each in reversed(Priority)}


def _dues() -> Labels:
    return {
        "late": _("Overdue"), "today": _("Today or overdue"),
        "week": _("This week or overdue"), "none": _("No date"),
    }  # fmt: skip


def _undos() -> Labels:
    return dict(CompensationState.choices)


def _yes_no() -> Labels:
    return {YES: _("yes"), NO: _("no")}


#: What may be chosen, in words. Any other filter is a text, or a moment.
CHOICES: Mapping[str, Callable[[], Labels]] = {
    "kind": _kinds, "status": _statuses, "priority": _priorities, "due": _dues,
    "compensation_state": _undos, "candidate": lambda: {ME: _("me")},
    **{name: _yes_no for name, each in FILTERS.items() if each.reading is YES_NO},
}  # fmt: skip
#: Those that ask for a person, as they read where the person stands by name.
_OF_PEOPLE: Labels = {
    "assignee": gettext_lazy("Assigned to"), "created_by": gettext_lazy("Opened by"),
    "completed_by": gettext_lazy("Done by"), "owner": gettext_lazy("Answers for it"),
    "stakeholder": gettext_lazy("Told of it"),
}  # fmt: skip
#: Those with a field in the form; the others come with addresses and saved filters.
IN_FORM = (
    "kind",
    "status",
    "priority",
    "due",
    "case",
    "assignee",
    "owner",
    "stakeholder",
    "group",
    "label",
    "q",
)
#: Those whose value is chosen from a list of names, see `web.templatetags.name_lists`.
LISTS = {"assignee": "people", "owner": "people", "stakeholder": "people", "group": "groups"}


@dataclasses.dataclass(frozen=True, slots=True)
class Sorting:
    """One order of a list."""

    label: str | Promise
    order: Sequence[str]


SORTINGS: Mapping[str, Sorting] = {
    "urgent": Sorting(gettext_lazy("Most urgent first"), MOST_URGENT_FIRST),
    "newest": Sorting(gettext_lazy("Newest first"), NEWEST_FIRST),
    "oldest": Sorting(gettext_lazy("Oldest first"), ("created_at", "id")),
    "finished": Sorting(gettext_lazy("Last finished first"), ("-completed_at", "-id")),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What an address asks of a list: the filters that are set, and the order, "" for the usual."""

    values: Mapping[str, str]
    sort: str

    def asked(self, who: ActingUser) -> Asked:
        """Return what of the rows is meant. People call a case by its number."""
        case = self.values.get("case")
        if case is None or is_id(case):
            return filter_table.ask(self.values, who)
        rest = filter_table.ask(self.without_sort("case"), who)
        ids = Q(case_id__in=numbered("case", who.tenant_id, case))
        return Asked(self.values, {**rest.parts, "case": Narrowed(ids, few=True)})

    @property
    def undo_only(self) -> bool:
        """Whether only what reverses finished work is asked for."""
        return self.values.get("kind") == Kind.COMPENSATION

    @property
    def any_tasks(self) -> bool:
        """Whether nothing is asked for but a kind of work."""
        return not self.values.keys() - {"kind"}

    def without(self, name: str) -> dict[str, str]:
        """Return the parameters without one of them."""
        return {key: value for key, value in self.parameters.items() if key != name}

    def without_sort(self, name: str) -> dict[str, str]:
        """Return the values without one of them."""
        return {key: value for key, value in self.values.items() if key != name}

    @property
    def beside_form(self) -> dict[str, str]:
        """Return the values that the form has no field for, and keeps."""
        return {name: value for name, value in self.values.items() if name not in IN_FORM}

    @property
    def parameters(self) -> dict[str, str]:
        """Return it as parameters of an address."""
        return {**self.values, **({"sort": self.sort} if self.sort else {})}


def wanted_of(asked: QueryDict, sorts: Sequence[str]) -> Wanted:
    """Read an address. Raises Invalid naming a parameter that means nothing.

    An order that this list does not have is the usual one: tabs have different ones, and an address
    keeps its order when the tab changes.
    """
    given = {name: asked.get(name, "").strip()[:MAX_TEXT] for name in FILTERS}
    for name in (name for name, each in FILTERS.items() if each.reading.many):
        given[name] = BETWEEN.join(filter(None, (each.strip() for each in asked.getlist(name))))
    given = {name: value for name, value in given.items() if value}
    is_number = "case" in given and not is_id(given["case"])
    number = {"case": given.pop("case")} if is_number else {}
    for name, value in given.items():
        if FILTERS[name].reading.fault(value) is not None:
            raise Invalid.field(name, _("%(name)s: there is no such choice") % {"name": name})
    values = {**filter_table.read(given), **number}
    sort = asked.get("sort", "")
    if sort and sort not in SORTINGS:
        raise Invalid.field("sort", _("sort: there is no such order"))
    return Wanted(values, sort if sort in sorts[1:] else "")


def is_id(text: str) -> bool:
    """Return whether a case is named by its id, and not by its number."""
    return ID.fault(text) is None


def _value_words(name: str, value: str, people: Mapping[str, Person]) -> str:
    """Return a value as people read it; a person whom nobody knows as it was written."""
    if name in _OF_PEOPLE:
        found = people.get(value)
        return _("me") if value == ME else value if found is None else person_words(found)
    if name in CHOICES:
        return _said_of(CHOICES[name](), value)
    if FILTERS[name].reading is MOMENT:
        return date_format(timezone.localtime(read_moment(value)), "j F Y, H:i")
    return label_of(value) if name == "group" else value


def in_words(asked: Sequence[Mapping[str, str]], who: ActingUser) -> list[list[str]]:
    """Return what filters ask for, as people read it: the cases and people of all are read at
    once."""
    pairs = [pair for values in asked for pair in values.items()]
    ids = {("case", uuid.UUID(value)) for name, value in pairs if name == "case" and is_id(value)}
    cases = {str(ref[1]): each.title for ref, each in describe(who.tenant_id, ids).items()}
    names = sorted({value for name, value in pairs if name in _OF_PEOPLE and value != ME})
    people = people_called(who.tenant_id, names) if names else {}

    def said(name: str, value: str) -> str:
        what = str(_OF_PEOPLE.get(name, FILTERS[name].label))
        title = cases.get(value) if name == "case" else None
        return phrase(
            _("%(what)s: %(value)s"), what=what, value=title or _value_words(name, value, people)
        )

    return [[said(name, value) for name, value in values.items()] for values in asked]


def chips(
    wanted: Wanted, who: ActingUser, address: Callable[[Mapping[str, str]], str]
) -> list[dict[str, str]]:
    """Return `chips` of components/chips.html."""
    [titles] = in_words([wanted.values], who)
    found = []
    for place, name in enumerate(wanted.values):
        label = titles[place]
        found.append({"label": label, "remove_url": address(wanted.without(name))})
    if wanted.sort:
        order = str(SORTINGS[wanted.sort].label)
        found.append({"label": order, "remove_url": address(wanted.without("sort"))})
    return found


def form(
    wanted: Wanted, sorts: Sequence[str], *, action: str, hidden: Mapping[str, str]
) -> dict[str, Any]:
    """Return `filters` of components/chips.html."""
    fields = [_field(name, wanted) for name in IN_FORM]
    if len(sorts) > 1:
        chosen = wanted.sort or sorts[0]
        options = [
            {"value": name, "label": SORTINGS[name].label, "selected": name == chosen}
            for name in sorts
        ]
        fields.append({"name": "sort", "label": _("Order"), "type": "select", "options": options})
    return {
        "action": action,
        "hidden": [
            {"name": name, "value": value}
            for name, value in {**hidden, **wanted.beside_form}.items()
        ],
        "fields": fields,
    }


def _field(name: str, wanted: Wanted) -> dict[str, Any]:
    value, label = wanted.values.get(name, ""), FILTERS[name].label
    if name == "case":
        label = _("Number of the case")
    if name not in CHOICES:
        named = {"list": LISTS[name]} if name in LISTS else {}
        return {"name": name, "label": label, "type": "search", "value": value, **named}
    labels = CHOICES[name]()
    several = {value: _said_of(labels, value)} if BETWEEN in value else {}
    options = [
        {"value": key, "label": said, "selected": key == value}
        for key, said in {"": _("Any"), **several, **labels}.items()
    ]
    return {"name": name, "label": label, "type": "select", "options": options}


def _said_of(labels: Labels, value: str) -> str:
    return ", ".join(str(labels[each]) for each in value.split(BETWEEN))
