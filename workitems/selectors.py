"""Reads of work items. Every function runs in the caller's tenant scope.

It names the tenant as well: the policy keeps the answer right, the value lets the planner know how
much that tenant has.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import (
    Case,
    Exists,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Greatest
from django.db.models.lookups import IsNull

from accounts.acting import ActingUser, Authority
from accounts.selectors import group_names, operating, people_of
from compensation.models import CompensationAttempt
from executions.selectors import ShownWork, WithPeople, named_in
from json_values.moments import EARLIEST
from ledger.errors import NotFound
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from web.counts import COUNTED, LOOKED_AT
from workitems.lifecycle import WORKING, Kind, OfferedTo, Status
from workitems.models import CandidateGroup, CandidateUser, WorkItem


@dataclasses.dataclass(frozen=True, slots=True)
class Shown(ShownWork):
    """A work item with everything a page or an answer says about it, read in bulk."""

    item: WorkItem


def visible(tenant_id: uuid.UUID) -> QuerySet[WorkItem]:
    """Return the tenant's work items with their candidates; members see all of them."""
    return WorkItem.objects.filter(tenant_id=tenant_id).prefetch_related(
        candidate_groups_of(tenant_id),
        Prefetch("candidate_users", CandidateUser.objects.filter(tenant_id=tenant_id)),
    )


def candidate_groups_of(tenant_id: uuid.UUID) -> Prefetch[str]:
    """Return how the candidate groups of the tenant's items are read with them."""
    return Prefetch("candidate_groups", CandidateGroup.objects.filter(tenant_id=tenant_id))


def get(tenant_id: uuid.UUID, item_id: uuid.UUID) -> WorkItem:
    """Return one work item. Raises NotFound."""
    found = visible(tenant_id).filter(id=item_id).first()
    if found is None:
        raise NotFound
    return found


def show(items: Sequence[WorkItem], authority: Authority) -> list[Shown]:
    """Return `items` with people, attempts and what may be done: a constant number of queries."""
    subject = subject_of(WorkItem.subject_type)
    facts = subject.facts(items)
    attempts = {item.id: facts[item.id].attempts for item in items}
    named = people_of(items, _actors(items, attempts))
    offered = offers_of(subject, items, authority, facts=facts)
    return [Shown(named, attempts[item.id], offered[item.id], item) for item in items]


def with_people(items: Sequence[WorkItem]) -> list[Shown]:
    """Return `items`, read with their candidates, with the people they name and no actions."""
    named = people_of(items, _actors(items, {}))
    return [Shown(named, (), (), item) for item in items]


@dataclasses.dataclass(frozen=True, slots=True)
class Listed(WithPeople):
    """A work item as one line of a list. `names` are who may take it while nobody has."""

    item: WorkItem
    names: Sequence[str]


def listed(items: Sequence[WorkItem]) -> list[Listed]:
    """Return `items` as lines of a list, in two queries; their candidates need not be read."""
    groups, users = _candidates([item for item in items if item.status == Status.PENDING])
    wanted = {item.assignee_id for item in items} | {id_ for ids in users.values() for id_ in ids}
    for item in items:
        done_by = (item.compensation or {}).get("original_snapshot", {}).get("completed_by")
        wanted.add(uuid.UUID(done_by) if done_by else None)
    named = people_of(items, wanted)

    def names(item: WorkItem) -> list[str]:
        found = [named[actor].username for actor in users.get(item.id, ()) if actor in named]
        return [*sorted(groups.get(item.id, ())), *sorted(found)]

    return [Listed(named, item, names(item)) for item in items]


def _candidates(
    items: Sequence[WorkItem],
) -> tuple[dict[uuid.UUID, list[str]], dict[uuid.UUID, list[uuid.UUID]]]:
    """Return the candidate groups and the candidate users of some items, in one statement."""
    groups: dict[uuid.UUID, list[str]] = {}
    users: dict[uuid.UUID, list[uuid.UUID]] = {}
    if not items:
        return groups, users
    of_items = {
        "tenant_id": items[0].tenant_id,
        "work_item_id__in": [item.id for item in items],
    }
    nobody = Value(None, output_field=UUIDField())
    named = CandidateGroup.objects.filter(**of_items).values_list("work_item_id", "name", nobody)
    persons = CandidateUser.objects.filter(**of_items).values_list(
        "work_item_id", Value(""), "actor_id"
    )
    for item_id, name, actor_id in named.union(persons, all=True):
        if actor_id is None:
            groups.setdefault(item_id, []).append(name)
        else:
            users.setdefault(item_id, []).append(actor_id)
    return groups, users


def _actors(
    items: Sequence[WorkItem], attempts: Mapping[uuid.UUID, Sequence[CompensationAttempt]]
) -> set[uuid.UUID | None]:
    wanted: set[uuid.UUID | None] = set()
    for item in items:
        wanted.update((item.assignee_id, item.completed_by_id, item.created_by_id))
        wanted.update(row.actor_id for row in item.candidate_users.all())
        wanted.update(named_in(item.compensation))
    wanted.update(try_.requested_by_id for tries in attempts.values() for try_ in tries)
    return wanted


def waiting_for(who: ActingUser) -> QuerySet[WorkItem]:
    """Return what the person is assigned to, undo tasks first, newest first within."""
    mine = visible(who.tenant_id).filter(assignee_id=who.actor_id, status__in=WORKING)
    return _undo_first(mine)


def pool_of(who: ActingUser) -> QuerySet[WorkItem]:
    """Return unassigned items that name the person, or a group of theirs, as a candidate."""
    rows = visible(who.tenant_id).filter(_names(who), status=Status.PENDING)
    return _undo_first(rows.exclude(excluded__contains=[str(who.actor_id)]))


def candidate_for(rows: QuerySet[WorkItem], who: ActingUser) -> QuerySet[WorkItem]:
    """Narrow `rows` to what the person may take: named, in a named group, or nobody ever was."""
    of_item = {"tenant_id": who.tenant_id, "work_item_id": OuterRef("id")}
    nobody = ~_found(CandidateGroup.objects.filter(**of_item)) & ~_found(
        CandidateUser.objects.filter(**of_item)
    )
    anybodys = Q(nobody, offered_to=OfferedTo.ANYBODY) & ~Q(kind=Kind.COMPENSATION)
    found = rows.filter(_names(who) | anybodys)
    return found.exclude(excluded__contains=[str(who.actor_id)])


def _names(who: ActingUser) -> Q:
    of_item = {"tenant_id": who.tenant_id, "work_item_id": OuterRef("id")}
    in_group = CandidateGroup.objects.filter(**of_item, name__in=group_names(who))
    named = CandidateUser.objects.filter(**of_item, actor_id=who.actor_id)
    # Meant for people who are not here: the operators', whoever is one now.
    left_over = Q(Exists(operating(who)), offered_to=OfferedTo.OPERATORS)
    return _found(in_group) | _found(named) | left_over


def _found(rows: QuerySet[Any]) -> Q:
    """Return whether there is such a row, looked up for one item at a time.

    For EXISTS the database may read all the candidates of a group first: of all time, for a list
    that is full after fifty.
    """
    return Q(IsNull(Subquery(rows.order_by().values("id")[:1]), False))  # noqa: FBT003  -- Django's


def unassigned(tenant_id: uuid.UUID) -> QuerySet[WorkItem]:
    """Return every item of the tenant that nobody has taken."""
    return _undo_first(visible(tenant_id).filter(status=Status.PENDING))


def finished_by(who: ActingUser) -> QuerySet[WorkItem]:
    """Return what the person completed, newest first."""
    rows = visible(who.tenant_id).filter(completed_by_id=who.actor_id)
    return rows.order_by("-completed_at", "-id")


def newest_of_pool(who: ActingUser) -> QuerySet[WorkItem]:
    """Return what `pool_of` does, of the newest that nobody has taken."""
    newest = unassigned(who.tenant_id).order_by("-created_at", "-id").prefetch_related(None)
    # Of nothing and a moment the greatest is the moment.
    oldest = Subquery(newest.values("created_at")[LOOKED_AT - 1 : LOOKED_AT])
    return pool_of(who).filter(created_at__gte=Greatest(oldest, Value(EARLIEST)))


@dataclasses.dataclass(frozen=True, slots=True)
class WaitingCounts:
    """How much waits, each at most `COUNTED`. `undo` is how much of `mine` and `groups` undoes."""

    mine: int = 0
    groups: int = 0
    unassigned: int = 0
    undo: int = 0


def waiting_counts(who: ActingUser, *, with_unassigned: bool = True) -> WaitingCounts:
    """Return what waits for a person, their groups and anybody, in one statement.

    For their groups, work that reverses nothing is counted among the newest that nobody has taken,
    as the list of it begins.
    """
    # Reversals apart, as the inbox shows them: among the others the bound would hide them.
    parts = [
        ("mine", waiting_for(who).filter(kind=Kind.COMPENSATION)),
        ("mine", waiting_for(who).exclude(kind=Kind.COMPENSATION)),
        ("groups", pool_of(who).filter(kind=Kind.COMPENSATION)),
        ("groups", newest_of_pool(who).exclude(kind=Kind.COMPENSATION)),
    ]
    if with_unassigned:
        parts.append(("unassigned", unassigned(who.tenant_id)))
    first, *others = (
        rows.order_by().prefetch_related(None).annotate(pile=Value(name)).values_list(
            "pile", "kind")[:COUNTED]
        for name, rows in parts
    )  # fmt: skip
    found = list(first.union(*others, all=True))
    piles = [pile for pile, _kind in found]
    piles += ["undo" for pile, kind in found if kind == Kind.COMPENSATION and pile != "unassigned"]
    names = ("mine", "groups", "unassigned", "undo")
    return WaitingCounts(*(min(piles.count(name), COUNTED) for name in names))


def in_case(tenant_id: uuid.UUID, case_id: uuid.UUID) -> QuerySet[WorkItem]:
    """Return every item of a case, oldest first."""
    return visible(tenant_id).filter(case_id=case_id).order_by("created_at", "id")


def undo_tasks_of(tenant_id: uuid.UUID, original_ids: Sequence[uuid.UUID]) -> QuerySet[WorkItem]:
    """Return the work items that reverse any of these originals, oldest first."""
    rows = visible(tenant_id).filter(undoes_id__in=list(original_ids))
    return rows.order_by("created_at", "id")


def _undo_first(rows: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
    first = Case(When(kind=Kind.COMPENSATION, then=Value(0)), default=Value(1))
    return rows.annotate(undo_first=first).order_by("undo_first", "-created_at", "-id")
