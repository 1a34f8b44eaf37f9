"""What a list of work can be narrowed by: one table, which the API, the inbox, searches and saved
filters read.

A value is a text, as an address has it; JSON has the same as a text, a list of texts or a boolean.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import operator
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.acting import ActingUser
from accounts.selectors import actor_named
from compensation.lifecycle import CompensationState
from json_values.moments import read_moment
from json_values.pointers import FieldError, escape
from ledger.clock import now
from ledger.errors import Invalid
from workitems.around.addition_tables import Label
from workitems.finding import filter_values, item_texts
from workitems.finding.filter_values import ID, MOMENT, TEXT, YES_NO, Reading, one_of
from workitems.finding.narrowing import FEW, Narrowed
from workitems.lifecycle import OPEN, Kind, Priority, Status
from workitems.models import CandidateGroup, WorkItem
from workitems.selectors import closed_to, has_row, is_anybodys, named_for
from workitems.stakeholder_tables import Stakeholder

ME = "me"
WEEK = dt.timedelta(days=7)
_DUES = ("late", "today", "week", "none")
Lookup = Callable[[str, ActingUser], Q | Narrowed]


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """One way to narrow a list: how its value is read, and what of the rows is meant.

    `listed(value)`: whether there is an index of just these rows in the order of the list.
    """

    label: str | Promise
    reading: Reading
    of: Lookup
    listed: Callable[[str], bool] = lambda _value: False
    about: str = ""


def _is(column: str) -> Lookup:
    return lambda value, _who: Q(**{column: value})


def _moment(lookup: str) -> Lookup:
    return lambda value, _who: Q(**{lookup: read_moment(value)})


def _actor(column: str) -> Lookup:
    def of(value: str, who: ActingUser) -> Q:
        actor = who.actor_id if value == ME else actor_named(who.tenant_id, value)
        return Q(**{column: actor}) if actor else Q(pk__in=[])

    return of


def _status(value: str, _who: ActingUser) -> Q:
    wanted = value.split(filter_values.BETWEEN)
    return Q(status=value) if len(wanted) == 1 else Q(status__in=wanted)


def _candidate(_value: str, who: ActingUser) -> Q:
    return (named_for(who) | is_anybodys(who.tenant_id)) & ~closed_to(who)


def _group(value: str, who: ActingUser) -> Q | Narrowed:
    """Found by the rows of that group where they are few, else looked for in the list."""
    rows = CandidateGroup.objects.filter(tenant_id=who.tenant_id, name=value)
    ids = list(rows.values_list("work_item_id", flat=True)[: FEW + 1])
    if len(ids) <= FEW:
        return Narrowed(Q(id__in=ids), few=True)
    return has_row(rows.filter(work_item_id=OuterRef("id")))


def _label(value: str, who: ActingUser) -> Q:
    rows = Label.objects.filter(tenant_id=who.tenant_id, item_id=OuterRef("id"), name=value)
    return has_row(rows.filter(removed_at__isnull=True))


def _stakeholder(value: str, who: ActingUser) -> Q | Narrowed:
    """Found by the rows of that person where they are few, else looked for in the list."""
    person = {"actor_id": who.actor_id} if value == ME else {"actor__user__username": value}
    rows = Stakeholder.objects.filter(tenant_id=who.tenant_id)
    found = list(rows.filter(**person).values_list("item_id", "actor_id")[: FEW + 1])
    if len(found) <= FEW:
        return Narrowed(Q(id__in=[item_id for item_id, _actor_id in found]), few=True)
    return has_row(rows.filter(actor_id=found[0][1], item_id=OuterRef("id")))


def _due(value: str, _who: ActingUser) -> Q:
    if value == "none":
        return Q(due_at__isnull=True)
    midnight = timezone.localtime(now()).replace(hour=0, minute=0, second=0, microsecond=0)
    until = {"late": now(), "today": midnight + dt.timedelta(days=1), "week": midnight + WEEK}
    return Q(due_at__lt=until[value])


def overdue() -> Q:
    """Return whether an item is open and past its time."""
    return Q(status__in=sorted(OPEN), due_at__lt=now())


def _overdue(value: str, who: ActingUser) -> Q | Narrowed:
    late = overdue()
    if value != filter_values.YES:
        return Q(due_at__isnull=True) | Q(due_at__gte=now()) | ~Q(status__in=sorted(OPEN))
    rows = WorkItem.objects.filter(late, tenant_id=who.tenant_id).order_by()
    ids = list(rows.values_list("id", flat=True)[: FEW + 1])
    return Narrowed(Q(id__in=ids), few=True) if len(ids) <= FEW else late


def _words(value: str, who: ActingUser) -> Narrowed:
    return item_texts.called(who.tenant_id, value)


#: By name.
FILTERS: Mapping[str, Filter] = {
    "status": Filter(
        _("State"), one_of(Status.values, many=True), _status,
        # Most work is done: the list itself is full of it.
        lambda value: filter_values.BETWEEN not in value and value != Status.COMPLETED,
    ),
    "kind": Filter(
        _("Type"), one_of(Kind.values), _is("kind"), lambda value: value != Kind.TASK
    ),
    "priority": Filter(
        _("Priority"), one_of(Priority.names), lambda value, _who: Q(priority=Priority[value])
    ),
    "assignee": Filter(
        _("Assigned to (username)"), TEXT, _actor("assignee_id"), lambda _value: True,
        "A username, or `me`.",
    ),
    "owner": Filter(
        _("Answers for it (username)"), TEXT, _actor("owner_id"), lambda _value: True,
        "A username, or `me`.",
    ),
    "stakeholder": Filter(
        _("Told of it (username)"), TEXT, _stakeholder, about="A username, or `me`."
    ),
    "candidate": Filter(
        _("May be taken by"), one_of([ME]), _candidate, about="What the caller may take."
    ),
    "group": Filter(_("For the group"), TEXT, _group, about="Name of a candidate group."),
    "label": Filter(_("Label"), TEXT, _label, about="A label that it has."),
    "case": Filter(
        _("Case"), ID, lambda value, _who: Narrowed(Q(case_id=uuid.UUID(value)), few=True)
    ),
    "due": Filter(
        _("Due"), one_of(_DUES), _due,
        about="`late`: before now; `today`, `week`: until the end of the day, or of seven;"
        " `none`: no date.",
    ),
    "due_after": Filter(_("Due from"), MOMENT, _moment("due_at__gte")),
    "due_before": Filter(_("Due before"), MOMENT, _moment("due_at__lt")),
    "overdue": Filter(_("Open and overdue"), YES_NO, _overdue),
    "created_after": Filter(_("Opened from"), MOMENT, _moment("created_at__gte")),
    "created_before": Filter(_("Opened before"), MOMENT, _moment("created_at__lt")),
    "created_by": Filter(
        _("Opened by (username)"), TEXT, _actor("created_by_id"), lambda _value: True,
        "A username, or `me`.",
    ),
    "completed_after": Filter(_("Finished from"), MOMENT, _moment("completed_at__gte")),
    "completed_before": Filter(_("Finished before"), MOMENT, _moment("completed_at__lt")),
    "completed_by": Filter(
        _("Done by (username)"), TEXT, _actor("completed_by_id"), about="A username, or `me`."
    ),
    "outcome": Filter(_("Outcome"), TEXT, _is("outcome")),
    "compensation_state": Filter(
        _("Undo"), one_of(CompensationState.values), _is("compensation_state"),
        lambda value: value != CompensationState.NONE,
    ),
    "tainted": Filter(
        _("Used a result that was undone"), YES_NO,
        lambda value, _who: Q(tainted=value == filter_values.YES),
        lambda value: value == filter_values.YES,
    ),
    "skippable": Filter(
        _("May be left out"), YES_NO, lambda value, _who: Q(skippable=value == filter_values.YES)
    ),
    "q": Filter(
        _("Words"), TEXT, _words,
        about="Words of title, description or notes, or how they begin, in any order; or part of"
        " the title.",
    ),
}  # fmt: skip
# An index in the order of the list is looked through for what else is asked: that of the shortest.
_SHORTEST_FIRST = (
    "tainted", "compensation_state", "kind", "owner", "assignee", "created_by", "status",
)  # fmt: skip


def read(given: Mapping[str, Any], *, at: str = "") -> dict[str, str]:
    """Return the values by name, as texts. Raises Invalid naming every broken one; `at` is what
    stands before the names."""
    errors = problems(given, at=at)
    if errors:
        first = errors[0]
        raise Invalid(
            f"{first.pointer}: {first.message}",
            code=first.code if len({each.code for each in errors}) == 1 else "invalid",
            errors=errors,
        )
    return {name: FILTERS[name].reading.text(value) for name, value in given.items()}


def problems(given: Mapping[str, Any], *, at: str = "") -> list[FieldError]:
    """Return what is wrong with values of filters."""
    found = []
    for name, value in given.items():
        if name not in FILTERS:
            message = _("There is no filter %(name)r.") % {"name": name}
            code = "unknown_field"
        else:
            message, code = FILTERS[name].reading.fault(value) or ("", "")
        if message:
            found.append(FieldError(f"{at}{escape(name)}", message, code))
    return found


def as_json(values: Mapping[str, str]) -> dict[str, Any]:
    """Return values that were read as JSON has them."""
    return {name: FILTERS[name].reading.json(value) for name, value in values.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks of a list: values that were read, and what of the rows each means."""

    values: Mapping[str, str]
    parts: Mapping[str, Narrowed]

    @property
    def q(self) -> Q:
        """What of the rows is meant."""
        return functools.reduce(operator.and_, (each.q for each in self.parts.values()), Q())

    @property
    def is_found(self) -> bool:
        """Whether nothing is asked, or an index finds all of it."""
        return not self.parts or any(each.few for each in self.parts.values())

    def among(self, every: QuerySet[Any]) -> QuerySet[Any] | None:
        """Return the list in which it is looked for, the shortest of `every` of which there is an
        index; None where an index finds it all (`pagination.cut`)."""
        if self.is_found:
            return None
        for name in _SHORTEST_FIRST:
            if name in self.values and FILTERS[name].listed(self.values[name]):
                alone = len(self.parts) == 1
                return None if alone else every.filter(self.parts[name].q)
        return every


def ask(values: Mapping[str, str], who: ActingUser) -> Asked:
    """Return what values that were read ask for, in the tenant's scope."""
    parts = {}
    for name, value in values.items():
        of = FILTERS[name].of(value, who)
        parts[name] = of if isinstance(of, Narrowed) else Narrowed(of)
    return Asked(values, parts)


def asked_in(query: Any) -> dict[str, Any]:
    """Return what the parameters of an address say about filters; a blank `q` says nothing."""
    names: Iterable[str] = (name for name in FILTERS if name in query)
    return {
        name: filter_values.BETWEEN.join(query.getlist(name))
        if FILTERS[name].reading.many
        else query[name]
        for name in names
        if name != "q" or query[name].strip()
    }
