"""Filters of work that people keep under a name, for themselves or shared with all.

Not news: no ledger entry is written. A filter is read by the reader of the list's filters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import override

from json_values.pointers import FieldError
from ledger.clock import now
from ledger.errors import Conflict, Invalid
from verbs import catalogue
from verbs.input import Input, Name, Nothing
from verbs.operation import operation
from verbs.shell import VerbContext
from workitems.finding import filter_table
from workitems.finding.finding_tables import SavedFilter
from workitems.finding.saved_filters import SAVED_FILTER, live_of
from workitems.finding.search_input import Search

#: That one member keeps.
MOST = 100
_AT_THE_LIST: dict[str, Any] = {
    "page": False,
    "no_button": "The list of all work has forms for it, beside its filters.",
}


def _something(asked: dict[str, Any]) -> dict[str, Any]:
    if not asked:
        raise PydanticCustomError("blank", _("Must ask for something."))
    return asked


_Filter = Annotated[
    dict[str, Any],
    AfterValidator(_something),
    WithJsonSchema({**Search.model_json_schema(), "minProperties": 1}),
]


class _WithFilter(Input):
    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        asked = body.get("filter")
        return filter_table.problems(asked, at="/filter/") if isinstance(asked, Mapping) else ()


class NewFilter(_WithFilter):
    """A filter to be kept."""

    name: Name
    filter: _Filter
    shared: bool = False


class FilterChanges(_WithFilter):
    """What is to be otherwise; what is left out, or null, stays."""

    name: Name | None = None
    filter: _Filter | None = None
    shared: bool | None = None


@catalogue.verb(
    SAVED_FILTER, operation("create", None, None, "member"), action="", given=NewFilter,
    creates=True, status=201, again_on="workitems_savedfilter_once", **_AT_THE_LIST,
)  # fmt: skip
def save_filter(_row: None, given: NewFilter, context: VerbContext) -> SavedFilter:
    """Keep a filter under a name, which no other of one's own has."""
    who = context.call.by
    own = live_of(who.tenant_id).filter(owner_id=who.actor_id)
    if own.filter(name=given.name).exists():
        raise _taken()
    if own.count() >= MOST:
        raise Conflict(
            _("One keeps %(n)d filters at most: end one first.") % {"n": MOST}, code="too_many"
        )
    return SavedFilter.objects.create(
        tenant_id=who.tenant_id, owner_id=who.actor_id, name=given.name, shared=given.shared,
        filter=_values(given.filter), created_at=now(),
    )  # fmt: skip


@catalogue.verb(
    SAVED_FILTER, operation("edit", None, None, "keeper operator"), action="",
    given=FilterChanges, method="PATCH", again_on="workitems_savedfilter_once", **_AT_THE_LIST,
)  # fmt: skip
def edit_filter(row: SavedFilter, given: FilterChanges, _context: VerbContext) -> SavedFilter:
    """Change its name, what it asks for, or whether it is shared."""
    wanted: dict[str, Any] = {
        name: said for name in ("name", "shared") if (said := getattr(given, name)) is not None
    }
    if given.filter is not None:
        wanted["filter"] = _values(given.filter)
    changed = [name for name, value in wanted.items() if getattr(row, name) != value]
    if "name" in changed:
        others = live_of(row.tenant_id).filter(owner_id=row.owner_id).exclude(id=row.id)
        if others.filter(name=wanted["name"]).exists():
            raise _taken()
    for name in changed:
        setattr(row, name, wanted[name])
    return _saved(row, changed) if changed else row


@catalogue.verb(
    SAVED_FILTER, operation("end", None, None, "keeper operator"), action="", method="DELETE",
    **_AT_THE_LIST,
)  # fmt: skip
def end_filter(row: SavedFilter, _given: Nothing, _context: VerbContext) -> SavedFilter:
    """Keep it no longer. Its row stays, and its name is free."""
    row.ended_at = now()
    return _saved(row, ["ended_at"])


def _saved(row: SavedFilter, changed: list[str]) -> SavedFilter:
    row.version += 1
    row.save(update_fields=[*changed, "version"])
    return row


def _values(asked: Mapping[str, Any]) -> dict[str, str]:
    return filter_table.read(asked, at="/filter/")


def _taken() -> Invalid:
    return Invalid.field("/name", _("You keep another filter of this name."), code="name_taken")
