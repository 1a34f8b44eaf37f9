"""Finding things by number and title: what the search page shows, whatever apps are installed.

Apps register a finder each in `AppConfig.ready()`. A title is matched from its beginning wherever
it is, and at any place among the newest: a page costs the same however much there is.
"""

from __future__ import annotations

import dataclasses
import operator
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, IntegerField, Lookup, Model, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from django.utils.functional import Promise

from accounts.acting import ActingUser
from web.pagination import NEWEST_FIRST

#: Of one kind of thing.
MOST = 20
MAX_QUERY = 200
#: So many are looked through for words in the middle of a title: three kinds of things on one page.
NEWEST = 2_000
#: Sorts after every text that begins with what stands before it.
LAST = chr(0x10FFFF)
Row = TypeVar("Row", bound=Model)


@dataclasses.dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found. `detail` says more about it; `status` is one of `status_of`."""

    title: str
    url: str
    detail: str = ""
    status: str = ""
    status_of: str = ""


#: Ids, or the query that gives them.
Ids = QuerySet[Any, uuid.UUID] | Sequence[uuid.UUID]


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for. `cases` are the ids of those that are called by this number."""

    who: ActingUser
    text: str
    cases: Ids


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind: at most `MOST`, and whether that is all. `all_url` is a list that
    looks further."""

    label: str | Promise
    icon: str
    hits: Sequence[Hit]
    is_all: bool = True
    all_url: str = ""


Find = Callable[[Asked], Iterable[Group]]
Numbered = Callable[[uuid.UUID, str], Ids]
_finders: dict[str, tuple[int, Find]] = {}
_numbered: dict[str, Numbered] = {}


def register(key: str, find: Find, *, order: int) -> None:
    """Add what finds some kinds of things. Registering a key again replaces it."""
    _finders[key] = (order, find)


def register_numbered(type_: str, find: Numbered) -> None:
    """Say how things of a type are found by their number, in a tenant."""
    _numbered[type_] = find


def numbered(type_: str, tenant_id: uuid.UUID, number: str) -> Ids:
    """Return the things of a type that are called by this number; none where none has one."""
    find = _numbered.get(type_)
    return [] if find is None else find(tenant_id, number)


def found(who: ActingUser, text: str) -> list[Group]:
    """Return what is found of each kind, in the tenant's scope; nothing for no text."""
    if not text:
        return []
    asked = Asked(who, text, numbered("case", who.tenant_id, text))
    finders = sorted(_finders.values(), key=lambda each: each[0])
    return [group for _order, find in finders for group in find(asked) if group.hits]


def _begins(key: RawSQL, text: str) -> tuple[Lookup[bool], Lookup[bool]]:
    """Return whether a text begins with another, whatever the case of its letters; `key` is the
    column that has the first in small letters and sorts it by its bytes.

    Written as bounds: an index may be asked for them before the policy of the tenant is, because
    they tell nothing of a row. `LIKE` is not trusted so far.
    """
    low, high = (Lower(Value(each)) for each in (text, text + LAST))
    return GreaterThanOrEqual(key, low), LessThan(key, high)


class _IsOneOf(Func):
    """Whether a value is in an array."""

    template = "(%(expressions)s))"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def one_of(ids: QuerySet[Any]) -> Func:
    """Return whether a row's id is one of those that a query gives, which is read once, before the
    rows are. Of a subquery that has a limit the planner may think to read it for each row: where it
    expected one row of a title, and all 10,000 had it, a search took two seconds."""
    return _IsOneOf(F("id"), ArraySubquery(ids.values("id")))


def titled(
    rows: QuerySet[Row],
    text: str,
    *parts: QuerySet[Row],
    among: QuerySet[Row],
    also: Sequence[QuerySet[Row]] = (),
) -> tuple[list[Row], bool]:
    """Return rows by title, in one statement, and whether that is all: first those of `parts`, then
    those whose title begins with the text, then those that have it in them, of the newest `among`,
    then those of `also`.

    The table has a column `title_key`, and an index of it within the tenant for these rows.
    """
    key = RawSQL(f'"{rows.model._meta.db_table}"."title_key"', [])  # noqa: S611  -- own names
    newest = one_of(among.order_by(*NEWEST_FIRST)[:NEWEST])
    wanted = [
        *(each.order_by(*NEWEST_FIRST) for each in parts),
        rows.filter(*_begins(key, text)).order_by(key, *NEWEST_FIRST),
        rows.filter(newest, title__icontains=text).order_by(*NEWEST_FIRST),
        *(each.order_by(*NEWEST_FIRST) for each in also),
    ]
    first, *others = [
        each.annotate(part=Value(place, IntegerField()))[: MOST + 1]
        for place, each in enumerate(wanted)
    ]
    read: list[Any] = sorted(first.union(*others, all=True), key=operator.attrgetter("part"))
    once: dict[Any, Any] = {}
    for row in read:
        once.setdefault(row.pk, row)
    return list(once.values())[:MOST], len(once) <= MOST
