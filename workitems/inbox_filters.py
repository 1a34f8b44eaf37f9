"""What a list of work can be narrowed to and sorted by, as its address says it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import ActingUser
from accounts.selectors import actor_named
from ledger.clock import now
from ledger.errors import Invalid
from web.pagination import NEWEST_FIRST
from web.search import numbered
from web.templatetags.amends import state_label
from workitems.lifecycle import Kind, Priority, Status
from workitems.urgency import MOST_URGENT_FIRST

MAX_TEXT = 200
WEEK = dt.timedelta(days=7)
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


def _due(value: str, _who: ActingUser) -> Q:
    if value == "none":
        return Q(due_at__isnull=True)
    midnight = timezone.localtime(now()).replace(hour=0, minute=0, second=0, microsecond=0)
    until = {"late": now(), "today": midnight + dt.timedelta(days=1), "week": midnight + WEEK}
    return Q(due_at__lt=until[value])


def _assignee(value: str, who: ActingUser) -> Q:
    actor = who.actor_id if value == "me" else actor_named(who.tenant_id, value)
    return Q(assignee_id=actor) if actor else Q(pk__in=[])


def _case(value: str, who: ActingUser) -> Q:
    return Q(case_id__in=numbered("case", who.tenant_id, value))


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """One way to narrow the list: what may be chosen (`labels`; None: any text), and what of the
    rows is meant."""

    label: str | Promise
    of: Callable[[str, ActingUser], Q]
    labels: Callable[[], Labels] | None = None


#: By the name of the parameter. `q` is called by what is in it.
FILTERS: Mapping[str, Filter] = {
    "kind": Filter(gettext_lazy("Type"), lambda value, _who: Q(kind=value), _kinds),
    "status": Filter(gettext_lazy("State"), lambda value, _who: Q(status=value), _statuses),
    "priority": Filter(
        gettext_lazy("Priority"), lambda value, _who: Q(priority=Priority[value]), _priorities
    ),
    "due": Filter(gettext_lazy("Due"), _due, _dues),
    "case": Filter(gettext_lazy("Number of the case"), _case),
    "assignee": Filter(gettext_lazy("Assigned to (username)"), _assignee),
    "q": Filter(gettext_lazy("Words of the title"), lambda value, _who: Q(title__icontains=value)),
}


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

    def q(self, who: ActingUser) -> Q:
        """Return what of the rows is meant."""
        found = Q()
        for name, value in self.values.items():
            found &= FILTERS[name].of(value, who)
        return found

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

    @property
    def parameters(self) -> dict[str, str]:
        """Return it as parameters of an address."""
        return {**self.values, **({"sort": self.sort} if self.sort else {})}


def wanted_of(asked: QueryDict, sorts: Sequence[str]) -> Wanted:
    """Read an address. Raises Invalid naming a parameter that means nothing.

    An order that this list does not have is the usual one: tabs have different ones, and an address
    keeps its order when the tab changes.
    """
    values = {}
    for name, each in FILTERS.items():
        value = asked.get(name, "").strip()[:MAX_TEXT]
        if value and each.labels is not None and value not in each.labels():
            raise Invalid.field(name, _("%(name)s: there is no such choice") % {"name": name})
        if value:
            values[name] = value
    sort = asked.get("sort", "")
    if sort and sort not in SORTINGS:
        raise Invalid.field("sort", _("sort: there is no such order"))
    return Wanted(values, sort if sort in sorts[1:] else "")


def chips(wanted: Wanted, address: Callable[[Mapping[str, str]], str]) -> list[dict[str, str]]:
    """Return `chips` of components/chips.html."""
    found = []
    for name, value in wanted.values.items():
        each = FILTERS[name]
        said = value if each.labels is None else each.labels()[value]
        label = _("%(what)s: %(value)s") % {"what": each.label, "value": said}
        found.append({"label": label, "remove_url": address(wanted.without(name))})
    if wanted.sort:
        label = str(SORTINGS[wanted.sort].label)
        found.append({"label": label, "remove_url": address(wanted.without("sort"))})
    return found


def form(
    wanted: Wanted, sorts: Sequence[str], *, action: str, hidden: Mapping[str, str]
) -> dict[str, Any]:
    """Return `filters` of components/chips.html."""
    fields = [_field(name, each, wanted) for name, each in FILTERS.items()]
    if len(sorts) > 1:
        chosen = wanted.sort or sorts[0]
        options = [
            {"value": name, "label": SORTINGS[name].label, "selected": name == chosen}
            for name in sorts
        ]
        fields.append({"name": "sort", "label": _("Order"), "type": "select", "options": options})
    return {
        "action": action,
        "hidden": [{"name": name, "value": value} for name, value in hidden.items()],
        "fields": fields,
    }


def _field(name: str, each: Filter, wanted: Wanted) -> dict[str, Any]:
    value = wanted.values.get(name, "")
    if each.labels is None:
        return {"name": name, "label": each.label, "type": "search", "value": value}
    options = [
        {"value": key, "label": label, "selected": key == value}
        for key, label in {"": _("Any"), **each.labels()}.items()
    ]
    return {"name": name, "label": each.label, "type": "select", "options": options}
