"""What stands still until somebody decides: apps register where such things are in their tables.

All of it is read in one statement, so that a page may say how much there is, and what, whatever
apps are installed.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import (
    DateTimeField,
    Exists,
    Field,
    IntegerField,
    JSONField,
    QuerySet,
    TextField,
    UUIDField,
    Value,
)
from django.db.models.functions import Cast
from django.utils.functional import Promise

from accounts.acting import ActingUser
from accounts.selectors import operating
from verbs.subject import Description, Ref
from web import live
from web.counts import COUNTED

#: The entry of the navigation that counts all of it.
ENTRY = "decisions"


class Found(NamedTuple):
    """One thing that waits, as its table has it.

    `thing` and `n` address it, `name` is what it is called, `whole_id` what it belongs to, `said`
    what a person said about it: who, why, and the answer as sent. `about_type` and `about_id` are
    what it is about, where that is another thing.
    """

    source: str
    since: dt.datetime
    whole_id: uuid.UUID | None
    name: str
    thing: uuid.UUID
    n: int | None
    said: tuple[str | None, str, Any] | None
    about_type: str | None
    about_id: uuid.UUID | None

    @property
    def refs(self) -> list[Ref]:
        """What it is described by: what it is about, else what it belongs to."""
        if self.about_type and self.about_id:
            return [(self.about_type, self.about_id)]
        return [("case", self.whole_id)] if self.whole_id else []


_COLUMNS: Mapping[str, Field[Any, Any]] = {
    "since": DateTimeField(),
    "whole_id": UUIDField(),
    "name": TextField(),
    "thing": UUIDField(),
    "n": IntegerField(),
    "said": JSONField(),
    "about_type": TextField(),
    "about_id": UUIDField(),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What is asked of somebody: a sentence, where it is answered, and the verb to press."""

    title: str
    url: str
    verb: str | Promise
    label: str | Promise
    about: str = ""
    icon: str = "circle-question-mark"


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Where things wait for a decision: the rows that a person may decide, whose `columns`
    (expressions, by the names of `Found`) say what is read, and how one of them reads. `show` is
    given what it is about or belongs to, if that is known. Of more than are shown those are that
    come first in their `order`: what waits longest. `counted` is the entry of the navigation that
    counts these very rows in that order, if one does: they are not read twice to be watched."""

    key: str
    rows: Callable[[ActingUser], QuerySet[Any]]
    columns: Callable[[uuid.UUID], Mapping[str, Any]]
    show: Callable[[Found, Description | None], Decision]
    order: Sequence[str] = ("pk",)
    counted: str = ""


def of_operators(rows: Callable[[uuid.UUID], QuerySet[Any]]) -> Callable[[ActingUser], Any]:
    """Return how rows of a tenant are read that its operators decide: of anybody else, none. Who
    is one is read inside the query of the rows."""

    def theirs(who: ActingUser) -> QuerySet[Any]:
        return rows(who.tenant_id).filter(Exists(operating(who)))

    return theirs


Told = Callable[[uuid.UUID, Any], Any]
_sources: dict[str, Source] = {}
_told: dict[str, Told] = {}


def register(source: Source) -> None:
    """Add a source. Registering a key again replaces it. Raises LookupError for one of which it is
    not known yet what its entry of the navigation counts."""
    if source.counted:
        live.count_too(ENTRY, source.counted)
    _sources[source.key] = source


def register_told(told: Told) -> None:
    """Say how what a person said is read: an expression of the tenant and of the id of their task,
    inside another query: JSON of `Found.said`."""
    _told["person"] = told


def told_by(tenant_id: uuid.UUID, task_id: Any) -> Any:
    """Return the expression of what was said at the end of a task; nothing without tasks."""
    told = _told.get("person")
    return None if told is None else told(tenant_id, task_id)


def waiting(who: ActingUser) -> list[Found]:
    """Return what waits for a person's decision, longest first; of one source at most `COUNTED`."""
    if not _sources:
        return []
    first, *others = (_part(who, each) for each in _sources.values())
    found = [Found(*row) for row in first.union(*others, all=True)]
    return sorted(found, key=lambda each: (each.since, each.thing))


def undecided(who: ActingUser) -> list[QuerySet[Any]]:
    """Return the rows that wait for a person's decision, longest first, of each source that no
    entry of the navigation counts."""
    some = (each for each in _sources.values() if not each.counted)
    return [each.rows(who).order_by(*each.order) for each in some]


def _part(who: ActingUser, source: Source) -> QuerySet[Any, Any]:
    said = source.columns(who.tenant_id)
    read = {
        f"read_{name}": Cast(said.get(name) or Value(None), field)
        for name, field in _COLUMNS.items()
    }
    rows = source.rows(who).annotate(read_source=Value(source.key, TextField()), **read)
    rows = rows.order_by(*source.order)
    found: QuerySet[Any, Any] = rows.values_list("read_source", *read)[:COUNTED]
    return found


def shown(found: Sequence[Found], described: Mapping[Ref, Description]) -> list[Decision]:
    """Return how each reads. `described`: by what the `refs` of all of them name."""
    return [
        _sources[each.source].show(each, next(map(described.get, each.refs), None))
        for each in found
    ]
