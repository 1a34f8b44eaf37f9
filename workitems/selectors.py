"""Reads of work items. Every function runs in the caller's tenant scope.

It names the tenant as well: the policy keeps the answer right, the value lets the planner know how
much that tenant has.
"""

from __future__ import annotations

import dataclasses
import types
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    Exists,
    F,
    Func,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    Value,
)
from django.db.models.lookups import IsNull

from accounts.acting import ActingUser, Authority
from accounts.selectors import Person, group_names, operating, people, people_of
from accounts.skills import able_to
from compensation.models import CompensationAttempt
from executions.selectors import ShownWork, WithPeople, named_in
from ledger.errors import NotFound
from verbs.catalogue import offers_of
from verbs.subject import subject_of
from web.labels import label_of
from web.values import person_words
from workitems.around.blocking import blockers_beside, bring_blockers, bring_parts
from workitems.lifecycle import OPEN, Kind, OfferedTo, Status
from workitems.models import CandidateGroup, CandidateUser, WorkItem, WorkItemTemplate


@dataclasses.dataclass(frozen=True, slots=True)
class Shown(ShownWork):
    """A work item with everything a page or an answer says about it, read in bulk."""

    item: WorkItem


def visible(tenant_id: uuid.UUID) -> QuerySet[WorkItem]:
    """Return the tenant's work items with their candidates; members see all of them."""
    return WorkItem.objects.filter(tenant_id=tenant_id).prefetch_related(
        Prefetch("candidate_groups", CandidateGroup.objects.filter(tenant_id=tenant_id)),
        Prefetch("candidate_users", CandidateUser.objects.filter(tenant_id=tenant_id)),
    )


def with_candidates(rows: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
    """Return `rows`, each of which brings its candidates and what blocks it along: for few rows; a
    list reads those of all its lines at once."""
    of_item = {"tenant_id": OuterRef("tenant_id"), "work_item_id": OuterRef("id")}
    groups, people_ = CandidateGroup.objects, CandidateUser.objects
    return rows.prefetch_related(None).annotate(
        read_groups=ArraySubquery(groups.filter(**of_item).values("name")),
        read_people=ArraySubquery(people_.filter(**of_item).values("actor_id")),
        blocked_by=blockers_beside(),
        **{name: _deciders_beside(column) for name, column in _DECIDERS.items()},
    )


def get(tenant_id: uuid.UUID, item_id: uuid.UUID) -> WorkItem:
    """Return one work item. Raises NotFound."""
    return _one(with_candidates(visible(tenant_id)), item_id)


def get_bare(tenant_id: uuid.UUID, item_id: uuid.UUID) -> WorkItem:
    """Return one work item without reading who may take it. Raises NotFound."""
    return _one(visible(tenant_id).prefetch_related(None), item_id)


def _one(rows: QuerySet[WorkItem], item_id: uuid.UUID) -> WorkItem:
    found = rows.filter(id=item_id).first()
    if found is None:
        raise NotFound
    return found


def asked_of_undone(column: str) -> Subquery:
    """Return a column of what an item undoes, to be read with it; null where that is no item."""
    undone = {"tenant_id": OuterRef("tenant_id"), "id": OuterRef("undoes_id")}
    return Subquery(WorkItem.objects.filter(**undone).values(column)[:1])


def asked_of(item: WorkItem) -> tuple[str, Any]:
    """Return the binding of the item that an item undoes, and the schema of its resolution; None
    where it has none. They may have come with the item."""
    brought = vars(item)
    if "read_asked_binding" in brought:
        return brought["read_asked_binding"] or "", brought["read_asked_schema"]
    rows = WorkItem.objects.filter(tenant_id=item.tenant_id, id__in=[item.undoes_id])
    return rows.values_list("binding", "resolution_schema").first() or ("", None)


def show(
    items: Sequence[WorkItem],
    authority: Authority,
    *,
    facts: Mapping[uuid.UUID, Any] | None = None,
    named: dict[uuid.UUID, Person] | None = None,
) -> list[Shown]:
    """Return `items` with people, attempts and what may be done: a constant number of queries.
    What the caller has read already, `facts` and people, is not read again."""
    subject = subject_of(WorkItem.subject_type)
    if facts is None:
        facts = subject.facts(items)
    attempts = {item.id: facts[item.id].attempts for item in items}
    if named is None:
        named = people_of(items, actors_of(items, attempts))
    bring_blockers(items)
    bring_parts(items)
    bring_deciders(items)
    offered = offers_of(subject, items, authority, facts=facts)
    return [Shown(named, attempts[item.id], offered[item.id], item) for item in items]


def with_people(items: Sequence[WorkItem]) -> list[Shown]:
    """Return `items`, read with their candidates, with the people they name and no actions."""
    named = people_of(items, actors_of(items))
    return [Shown(named, (), (), item) for item in items]


@dataclasses.dataclass(frozen=True, slots=True)
class Listed(WithPeople):
    """A work item as one line of a list. `names` are who may take it while nobody has."""

    item: WorkItem
    names: Sequence[str]


def listed(
    tenant_id: uuid.UUID, items: Sequence[WorkItem], more: Iterable[uuid.UUID] = ()
) -> list[Listed]:
    """Return `items` as lines of a list, in two queries; their candidates need not be read. With
    them the people of the list's other lines are read (`more`)."""
    groups, users = _candidates([item for item in items if item.status == Status.PENDING])
    wanted = {item.assignee_id for item in items} | {id_ for ids in users.values() for id_ in ids}
    for item in items:
        done_by = (item.compensation or {}).get("original_snapshot", {}).get("completed_by")
        wanted.add(uuid.UUID(done_by) if done_by else None)
    named = people(tenant_id, {*wanted, *more})

    def names(item: WorkItem) -> list[str]:
        found = [named[actor] for actor in users.get(item.id, ()) if actor in named]
        persons = map(person_words, sorted(found, key=lambda each: each.name))
        return [*sorted(map(label_of, groups.get(item.id, ()))), *persons]

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


def actors_of(
    items: Iterable[WorkItem],
    attempts: Mapping[uuid.UUID, Sequence[CompensationAttempt]] = types.MappingProxyType({}),
) -> set[uuid.UUID | None]:
    """Return everybody whom `items`, read with their candidates, and attempts at undoing them
    name."""
    wanted: set[uuid.UUID | None] = set()
    for item in items:
        wanted.update((item.assignee_id, item.completed_by_id, item.created_by_id, item.owner_id))
        wanted.update(item.people_asked)
        wanted.update(map(uuid.UUID, [*item.excluded, *item.stakeholders]))
        wanted.update(named_in(item.compensation))
        wanted.update(uuid.UUID(who) for who in asked_in(item.delegations))
    wanted.update(try_.requested_by_id for tries in attempts.values() for try_ in tries)
    return wanted


def asked_in(delegations: Sequence[Mapping[str, str]]) -> set[str]:
    """Return the actors that a chain of delegations names."""
    return {each[name] for each in delegations for name in ("from", "to", "by") if each[name]}


def candidate_for(rows: QuerySet[WorkItem], who: ActingUser) -> QuerySet[WorkItem]:
    """Narrow `rows` to what the person may take: named, in a named group, or nobody ever was."""
    return open_to(rows.filter(named_for(who) | is_anybodys(who.tenant_id)), who)


def open_to(rows: QuerySet[WorkItem], who: ActingUser) -> QuerySet[WorkItem]:
    """Leave out of `rows` what is closed to a person."""
    return rows.exclude(closed_to(who))


def closed_to(who: ActingUser) -> Q:
    """Return whether a person may not take an item: they, a group of theirs, or who did what
    somebody else has to have done, or who has another instance of it, or they lack a skill that it
    asks for."""
    listed = Func(
        OuterRef("excluded_groups"), F("name"), function="jsonb_exists", output_field=BooleanField()
    )
    # Of what excludes no group, which is most of it, groups are not looked for.
    through_group = ~Q(excluded_groups=[]) & Q(Exists(group_names(who).filter(listed)))
    by_name = Q(excluded__contains=[str(who.actor_id)])
    # Of what asks for no skill, which is most of it, skills are not looked for.
    unable = ~Q(required_skills=[]) & ~Q(Exists(able_to(who, "required_skills")))
    did = did_another(who.tenant_id, [who.actor_id]) | has_another(who.tenant_id, [who.actor_id])
    return by_name | through_group | did | unable


def did_another(tenant_id: uuid.UUID, actors: Sequence[uuid.UUID]) -> Q:
    """Return whether any of these did, or had done for them, what somebody else has to have done:
    `who_completed`."""
    done = WorkItem.objects.filter(
        tenant_id=tenant_id, case_id=OuterRef("case_id"), completed_by__isnull=False
    ).filter(Q(completed_by_id__in=list(actors)) | Q(assignee_id__in=list(actors)))
    named = Func(
        OuterRef("not_completed_by"), F("binding"), function="jsonb_exists",
        output_field=BooleanField(),
    )  # fmt: skip
    return ~Q(not_completed_by=[]) & Q(Exists(done.filter(named)))


# Who has an instance of a task for several deciders, or has completed one, takes no other.
_DECIDES = Q(status__in=OPEN) | Q(completed_by__isnull=False)
# How they are read with an item, by column.
_DECIDERS = {"deciding": "assignee_id", "decided": "completed_by_id"}


def _deciders_beside(column: str) -> ArraySubquery:
    """Return one column of the other instances that somebody has or completed."""
    others = WorkItem.objects.filter(
        _DECIDES, tenant_id=OuterRef("tenant_id"), one_of_id=OuterRef("one_of_id")
    )
    return ArraySubquery(others.exclude(id=OuterRef("id")).order_by().values(column))


def has_another(tenant_id: uuid.UUID, actors: Sequence[uuid.UUID]) -> Q:
    """Return whether any of these has, or completed, another instance of the same task:
    `deciders_of`."""
    others = WorkItem.objects.filter(tenant_id=tenant_id, one_of_id=OuterRef("one_of_id"))
    theirs = others.exclude(id=OuterRef("id")).filter(_DECIDES)
    theirs = theirs.filter(Q(completed_by_id__in=list(actors)) | Q(assignee_id__in=list(actors)))
    return Q(one_of__isnull=False) & Q(Exists(theirs))


def bring_deciders(items: Iterable[WorkItem]) -> None:
    """Read who decides about the other instances of items that wait for somebody: one query, or
    none where none is one of several."""
    waiting = [each for each in items if each.one_of_id and each.status == Status.PENDING]
    without = [each for each in waiting if not _DECIDERS.keys() <= vars(each).keys()]
    if not without:
        return
    [tenant_id] = {each.tenant_id for each in without}
    rows = WorkItem.objects.filter(
        _DECIDES, tenant_id=tenant_id, one_of_id__in={each.one_of_id for each in without}
    ).order_by()
    found = list(rows.values("one_of_id", "id", *_DECIDERS.values()))
    for each in without:
        others = [
            row for row in found if row["one_of_id"] == each.one_of_id and row["id"] != each.id
        ]
        for name, column in _DECIDERS.items():
            vars(each)[name] = [row[column] for row in others]


def deciders_of(item: WorkItem) -> set[uuid.UUID]:
    """Return who has, or completed, another instance of what waits for somebody: where a substitute
    did, also whose work it was."""
    bring_deciders([item])
    return {actor for name in _DECIDERS for actor in vars(item).get(name, ()) if actor is not None}


def who_completed(
    tenant_id: uuid.UUID, case_id: uuid.UUID | None, bindings: Collection[str]
) -> set[uuid.UUID]:
    """Return who completed the work of bindings in a case, each time it was done: where a
    substitute did, also whose work it was."""
    rows = WorkItem.objects.filter(
        tenant_id=tenant_id, case_id=case_id, binding__in=list(bindings), completed_by__isnull=False
    )
    found = rows.values_list("completed_by_id", "assignee_id")
    return {actor for pair in found for actor in pair}


def is_anybodys(tenant_id: uuid.UUID) -> Q:
    """Return whether an item was never meant for anybody in particular."""
    of_item = {"tenant_id": tenant_id, "work_item_id": OuterRef("id")}
    nobody = ~has_row(CandidateGroup.objects.filter(**of_item)) & ~has_row(
        CandidateUser.objects.filter(**of_item)
    )
    return Q(nobody, offered_to=OfferedTo.ANYBODY) & ~Q(kind=Kind.COMPENSATION)


def named_for(who: ActingUser) -> Q:
    """Return whether an item names the person, or a group of theirs, as a candidate."""
    of_item = {"tenant_id": who.tenant_id, "work_item_id": OuterRef("id")}
    in_group = CandidateGroup.objects.filter(**of_item, name__in=group_names(who))
    named = CandidateUser.objects.filter(**of_item, actor_id=who.actor_id)
    # Meant for people who are not here: the operators', whoever is one now.
    left_over = Q(Exists(operating(who)), offered_to=OfferedTo.OPERATORS)
    return has_row(in_group) | has_row(named) | left_over


def has_row(rows: QuerySet[Any], key: str = "id") -> Q:
    """Return whether there is such a row, looked up for one item at a time.

    For EXISTS the database may read all the candidates of a group first: of all time, for a list
    that is full after fifty.
    """
    return Q(IsNull(Subquery(rows.order_by().values(key)[:1]), False))  # noqa: FBT003  -- Django's


def in_case(tenant_id: uuid.UUID, case_id: uuid.UUID) -> QuerySet[WorkItem]:
    """Return every item of a case, oldest first."""
    return visible(tenant_id).filter(case_id=case_id).order_by("created_at", "id")


def undo_tasks_of(tenant_id: uuid.UUID, original_ids: Sequence[uuid.UUID]) -> QuerySet[WorkItem]:
    """Return the work items that reverse any of these originals, oldest first."""
    rows = visible(tenant_id).filter(undoes_id__in=list(original_ids))
    return rows.order_by("created_at", "id")


def templates(tenant_id: uuid.UUID, name: str | None = None) -> QuerySet[WorkItemTemplate]:
    """Return versions of templates: all of them, or those of a name."""
    rows = WorkItemTemplate.objects.filter(tenant_id=tenant_id)
    return rows if name is None else rows.filter(name=name)


def live_templates(tenant_id: uuid.UUID) -> QuerySet[WorkItemTemplate]:
    """Return the newest version of each template of which items are made, by name."""
    rows = templates(tenant_id).filter(ended_at__isnull=True)
    return rows.order_by("name", "-version").distinct("name")


def template_names(tenant_id: uuid.UUID, names: Collection[str]) -> frozenset[str]:
    """Return those of some names that templates have of which items are made."""
    rows = (
        live_templates(tenant_id).filter(name__in=names) if names else templates(tenant_id).none()
    )
    return frozenset(rows.values_list("name", flat=True))


def newest_templates(tenant_id: uuid.UUID) -> QuerySet[WorkItemTemplate]:
    """Return the same in no order, so that pages can be cut of it."""
    rows = templates(tenant_id).filter(ended_at__isnull=True).order_by()
    newer = rows.filter(name=OuterRef("name"), version__gt=OuterRef("version"))
    return rows.exclude(Exists(newer))


def template(tenant_id: uuid.UUID, template_id: uuid.UUID) -> WorkItemTemplate:
    """Return a version of a template. Raises NotFound."""
    row = templates(tenant_id).filter(id=template_id).first()
    if row is None:
        raise NotFound
    return row
