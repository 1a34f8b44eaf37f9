"""Filters that members keep, read: one's own, and those that are shared."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from accounts.acting import ActingUser, Authority
from ledger.errors import NotFound
from verbs.subject import Description, Locked, Named, Subject
from workitems.finding.finding_tables import SavedFilter

SAVED_FILTER = "saved_filter"
_NEWEST = ("-created_at", "-id")


def live_of(tenant_id: uuid.UUID) -> QuerySet[SavedFilter]:
    """Return the filters of a tenant that have not ended."""
    return SavedFilter.objects.filter(tenant_id=tenant_id, ended_at__isnull=True)


def own_of(who: ActingUser) -> QuerySet[SavedFilter]:
    """Return what a person keeps."""
    return live_of(who.tenant_id).filter(owner_id=who.actor_id)


def shared_with(who: ActingUser) -> QuerySet[SavedFilter]:
    """Return what others share."""
    return live_of(who.tenant_id).filter(shared=True).exclude(owner_id=who.actor_id)


@dataclasses.dataclass(frozen=True, slots=True)
class AboveAList:
    """What stands above a list of work: some `rows` by name, and whether there are `more`;
    `applied` are those of them that ask for what the list is narrowed to."""

    rows: list[SavedFilter]
    applied: list[SavedFilter]
    more: bool


def above_a_list(who: ActingUser, values: Mapping[str, str], most: int) -> AboveAList:
    """Return those that ask for `values`, and the newest of one's own and of what others share, so
    many of each at most: one statement."""
    sources = (own_of(who), shared_with(who))
    asking = [rows.filter(filter=dict(values)).order_by(*_NEWEST)[:1] for rows in sources if values]
    own, shared = (rows.order_by(*_NEWEST)[: most + 1] for rows in sources)
    found = {row.id: row for row in own.union(shared, *asking, all=True)}
    applied = [row for row in found.values() if values and row.filter == values]
    shown = {row.id: row for row in applied}
    for mine in (True, False):
        rows = [row for row in found.values() if (row.owner_id == who.actor_id) is mine]
        shown |= {row.id: row for row in sorted(rows, key=_newest_first)[:most]}
    return AboveAList(sorted(shown.values(), key=_by_name), applied, len(shown) < len(found))


def _newest_first(row: SavedFilter) -> tuple[float, int]:
    return (-row.created_at.timestamp(), -row.id.int)


def _by_name(row: SavedFilter) -> tuple[str, uuid.UUID]:
    return (row.name.casefold(), row.id)


def get(who: ActingUser, id_: uuid.UUID) -> SavedFilter:
    """Return one that a person may see. Raises NotFound."""
    row = live_of(who.tenant_id).filter(id=id_).first()
    if row is None or not (row.shared or row.owner_id == who.actor_id):
        raise NotFound
    return row


def _locked(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    row = live_of(tenant_id).select_for_update(of=("self",)).filter(id=id_).first()
    if row is None:
        raise NotFound
    return Locked(row)


def _keeper(row: SavedFilter, authority: Authority, _facts: Any) -> str:
    """Raise NotFound for what is personal and somebody else's: nobody else knows of it."""
    if row.owner_id == authority.actor_id:
        return ""
    if not row.shared:
        raise NotFound
    return "not_keeper"


def address_of(values: dict[str, str]) -> str:
    """Return the list of all work, narrowed by these values."""
    return f"{reverse('workitems:all')}?{urlencode(values)}"


def _called(_id: uuid.UUID, name: str, values: Any) -> Description:
    return Description(name, address_of(values), icon="list-filter")


FILTER_SUBJECT = Subject(
    subject_type=SAVED_FILTER,
    model=SavedFilter,
    rank=90,
    route="saved-filters/<uuid:id>",
    locked=_locked,
    named=Named(SavedFilter, ("name", "filter"), _called),
    relations={"keeper": _keeper},
)
