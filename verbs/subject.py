"""What there is to act on: one `Subject` for each kind of thing, declared once by its app.

Apps register theirs in `AppConfig.ready()`. What stands on subjects (the shell of verbs, pages,
API, compensation) knows no two kinds by name.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import models

from accounts.acting import Authority
from ledger.errors import NotFound
from ledger.record import Recorded

# Whether somebody stands in a relation to a row: "" they do, a code why they do not, None: nothing
# to say about it.
Relation = Callable[[Any, Authority, Any], str | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """A subject as people read it. `url` is empty where it has no page, `status` a constant,
    `number` what people tell it by, where it has one; the title says it too. `made_from` is the id
    of what says what it consists of, such as the definition of a case."""

    title: str
    url: str = ""
    status: str = ""
    icon: str = ""
    number: str = ""
    made_from: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Locked:
    """A locked row, and what had to be locked with it, in lock order."""

    row: Any
    others: Any = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ResultShape:
    """What a verb answers with where that is not its subject as it is then.

    `shape(result, authority)` is its JSON, of `schema`; `tag(result)` what its ETag names: a
    version, or a text such as a digest; `place(result)` its address in the API, said as Location;
    `status(result)` its HTTP status, where that is not the verb's; `also` are the schemas of those
    by status. `said(result)` is what a page says of it, where that is not what its verb says.
    `secret` are members that are said once: a repeated request gets null instead of them.
    """

    shape: Callable[[Any, Authority], Any]
    schema: Any = None
    tag: Callable[[Any], int | str | None] = lambda result: getattr(result, "version", None)
    place: Callable[[Any], str | None] | None = None
    status: Callable[[Any], int | None] | None = None
    also: Mapping[int, Any] = dataclasses.field(default_factory=dict)
    said: Callable[[Any], Any] | None = None
    secret: Collection[str] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Named:
    """How things of a kind are called: their table, which has a tenant, the columns that say it,
    and how one reads by its id and these."""

    model: type[models.Model]
    columns: tuple[str, ...]
    called: Callable[..., Description]

    def of(self, row: Any) -> Description:
        """Return how a row that was read is called."""
        said = (getattr(row, name) for name in self.columns)
        return self.called(row.pk, *(str(each) if isinstance(each, str) else each for each in said))


@dataclasses.dataclass(frozen=True, slots=True)
class NamedAfter:
    """A thing that is called after another: which, and its description by that one's title."""

    ref: tuple[str, uuid.UUID]
    called: Callable[[str], Description]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subject:
    """One kind of thing.

    `subject_type` is its name in the ledger, `model` its table, `rank` its place in the lock
    order, `route` where one of it is in the API (`work-items/<uuid:id>`), `finished` the action of
    the entry that finished it.

    `locked(tenant_id, *key)` locks one and what goes with it, by the arguments of its route;
    `read(tenant_id, ids)` reads in bulk, unlocked; `named` gives title and page, those of all kinds
    in one query, or `describe(tenant_id, ids)` where no columns say it, or
    `named_after(tenant_id, ids)` where it is made of the title of something else;
    `shape(rows, authority)` its JSON in bulk, of `schema`.

    `relations` are the words its verbs use in `who`, beside those of `COMMON`; `facts(rows)` what
    rules must know beside the row, in bulk; `envelope(row, action)` what its entries say beside
    status and actor; `consequence(row, entry, context, moves)` what its ending means for others,
    written with it; `versioned(row)` whose version `If-Match` is about,
    None where there are no versions.

    `telling` are the denials whose code is that of the answer (403).

    `stood_in` are the words of `relations` in which a substitute may act for another; never a role.

    `results` says, by verb, what those answer with that do not answer with the subject. `pages` is
    the namespace of the addresses of its pages, or that and how their names begin
    (`compensation:run`), `crumbs(row)` the way to one, itself last
    (`{label, url}`), `page_facts(row)` what a page that asks before a verb is done says about it
    (`{label, value}`), `form_values(row)` what the fields of such a page begin with, where it
    changes what there is; all are called in the tenant's scope, as is `declares(row)`: the schemas
    of the values that its entries keep, by their names, as far as somebody has declared them.
    """

    subject_type: str
    model: type[models.Model]
    rank: int = 0
    route: str = ""
    finished: str = ""
    locked: Callable[..., Locked] | None = None
    read: Callable[[uuid.UUID, Collection[uuid.UUID]], Mapping[uuid.UUID, Any]] | None = None
    named: Named | None = None
    describe: (
        Callable[[uuid.UUID, Collection[uuid.UUID]], Mapping[uuid.UUID, Description]] | None
    ) = None
    named_after: (
        Callable[[uuid.UUID, Collection[uuid.UUID]], Mapping[uuid.UUID, NamedAfter]] | None
    ) = None
    shape: Callable[[Sequence[Any], Authority], list[dict[str, Any]]] | None = None
    schema: Any = None
    relations: Mapping[str, Relation] = dataclasses.field(default_factory=dict)
    stood_in: frozenset[str] = frozenset()
    telling: frozenset[str] = frozenset()
    facts: Callable[[Sequence[Any]], Mapping[uuid.UUID, Any]] = lambda _rows: {}
    envelope: Callable[[Any, str], dict[str, Any]] = lambda row, _action: {
        "case_id": getattr(row, "case_id", None)
    }
    consequence: Callable[[Any, Recorded, Any, Any], None] = lambda *_what: None
    versioned: Callable[[Any], Any] | None = lambda row: row
    results: Mapping[str, ResultShape] = dataclasses.field(default_factory=dict)
    pages: str = ""
    crumbs: Callable[[Any], list[dict[str, str]]] | None = None
    page_facts: Callable[[Any], list[dict[str, Any]]] | None = None
    form_values: Callable[[Any], Mapping[str, Any]] = lambda _row: {}
    declares: Callable[[Any], Mapping[str, Any]] = lambda _row: {}

    def lock(self, tenant_id: uuid.UUID, *key: Any) -> Locked:
        """Lock one of a tenant by its key. Raises NotFound: absent, or another tenant's."""
        if self.locked is not None:
            return self.locked(tenant_id, *key)
        found = self.lock_many(tenant_id, [key[0]])
        if not found:
            raise NotFound
        return Locked(found[0])

    def lock_many(self, tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> list[Any]:
        """Lock rows in id order, the one order in which everybody locks them."""
        rows = self._rows(tenant_id).select_for_update(of=("self",))
        return list(rows.filter(pk__in=list(ids)).order_by("pk"))

    def read_many(
        self, tenant_id: uuid.UUID, ids: Collection[uuid.UUID]
    ) -> Mapping[uuid.UUID, Any]:
        """Return rows by id as committed now; unknown ids are missing."""
        if self.read is not None:
            return self.read(tenant_id, ids)
        found: Mapping[uuid.UUID, Any] = self._rows(tenant_id).in_bulk(list(ids))
        return found

    def _rows(self, tenant_id: uuid.UUID) -> models.QuerySet[Any]:
        return self.model._default_manager.filter(tenant_id=tenant_id)  # noqa: SLF001  -- Django's documented name

    def read_one(self, tenant_id: uuid.UUID, id_: uuid.UUID) -> Any:
        """Return one row as committed now. Raises NotFound: absent, or another tenant's."""
        found = self.read_many(tenant_id, [id_]).get(id_)
        if found is None:
            raise NotFound
        return found

    def fact(self, row: Any) -> Any:
        """Return what the rules must know about one row."""
        return self.facts([row]).get(row.pk)


Ref = tuple[str, uuid.UUID]
#: Of things of a tenant, by their ids.
Describe = Callable[[uuid.UUID, Collection[uuid.UUID]], Mapping[uuid.UUID, Description]]
#: The same of what can be said without reading it.
DescribeUnread = Callable[[Collection[uuid.UUID]], Mapping[uuid.UUID, Description]]
_subjects: dict[str, Subject] = {}
_describers: dict[str, DescribeUnread] = {}


def register(subject: Subject) -> None:
    """Make a kind of thing known. Called in `AppConfig.ready()`; a type again replaces it."""
    _subjects[subject.subject_type] = subject


def unregister(type_: str) -> None:
    """Forget a kind of thing: for what is only there for a while."""
    _subjects.pop(type_, None)


def subject_of(type_: str) -> Subject:
    """Return the kind of thing of this name. Raises KeyError for an unknown one."""
    return _subjects[type_]


def known(type_: str) -> Subject | None:
    """Return the kind of thing of this name, or None where its app is not installed."""
    return _subjects.get(type_)


def all_subjects() -> list[Subject]:
    """Return every kind of thing in lock order."""
    return sorted(_subjects.values(), key=lambda each: (each.rank, each.subject_type))


def register_describer(name: str, describer: DescribeUnread) -> None:
    """Say how something that is no kind of thing of its own is called (a ledger entry's page)."""
    _describers[name] = describer


def describe(tenant_id: uuid.UUID, refs: Iterable[Ref]) -> dict[Ref, Description]:
    """Return a description of every subject of a tenant, by (type, id): one query for all types
    that are `named`, one call for each other.

    What nobody knows (another tenant's, an app not installed) is called by type and id.
    """
    wanted = _by_type(refs)
    after: dict[Ref, NamedAfter] = {}
    for type_ in list(wanted):
        subject = known(type_)
        if subject is not None and subject.named_after is not None:
            named = subject.named_after(tenant_id, wanted[type_])
            after |= {(type_, id_): each for id_, each in named.items()}
    # What they are named after is read with what was asked for.
    for ref in {each.ref for each in after.values()}:
        wanted.setdefault(ref[0], set()).add(ref[1])
    found = _named(tenant_id, wanted)
    for type_, ids in wanted.items():
        subject = known(type_)
        if subject is not None and subject.describe is not None:
            described = subject.describe(tenant_id, ids)
        else:
            described = _describers[type_](ids) if type_ in _describers else {}
        for id_ in ids:
            found.setdefault((type_, id_), described.get(id_) or _unknown(type_, id_))
    return found | {ref: each.called(found[each.ref].title) for ref, each in after.items()}


def _named(
    tenant_id: uuid.UUID, wanted: Mapping[str, Collection[uuid.UUID]]
) -> dict[Ref, Description]:
    ways = {
        type_: subject.named
        for type_ in wanted
        if (subject := known(type_)) is not None and subject.named is not None
    }
    if not ways:
        return {}
    first, *others = (
        way.model._default_manager.filter(tenant_id=tenant_id, pk__in=list(wanted[type_]))  # noqa: SLF001  -- Django's documented name
        .order_by()
        .values_list(
            models.Value(type_),
            "pk",
            models.Func(
                *way.columns,
                function="jsonb_build_array",
                output_field=models.JSONField(),
            ),
        )
        for type_, way in ways.items()
    )
    rows = first.union(*others, all=True)
    return {(type_, id_): ways[type_].called(id_, *said) for type_, id_, said in rows}


def _by_type(refs: Iterable[Ref]) -> dict[str, set[uuid.UUID]]:
    found: dict[str, set[uuid.UUID]] = {}
    for type_, id_ in refs:
        found.setdefault(type_, set()).add(id_)
    return found


def describe_unread(type_: str, id_: uuid.UUID) -> Description:
    """Return the description of something that has a describer, of whatever tenant."""
    described = _describers[type_]([id_]) if type_ in _describers else {}
    return described.get(id_, _unknown(type_, id_))


def _unknown(type_: str, id_: uuid.UUID) -> Description:
    return Description(f"{type_.replace('_', ' ')} {str(id_)[-8:]}")


# The relations that exist towards everything.
COMMON: Mapping[str, Relation] = {
    "operator": lambda _row, authority, _facts: "" if authority.is_operator else "not_operator",
    "member": lambda _row, authority, _facts: "" if authority.roles else None,
    "system": lambda _row, authority, _facts: "" if authority.is_system else None,
}
