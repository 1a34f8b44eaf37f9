"""What waits for those whom somebody stands in for. Runs in the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, UUIDField, Value

from accounts.acting import Authority
from web.counts import COUNTED
from workitems.lifecycle import FOR_ASSIGNEE
from workitems.models import CandidateGroup, CandidateUser, WorkItem
from workitems.selectors import did_another, has_another, has_row, visible
from workitems.urgency import MOST_URGENT_FIRST
from workitems.waiting import ranked, unassigned

#: So many of it are on one page, the most urgent of each person's first.
MOST = 50


def waiting_for_others(authority: Authority) -> list[tuple[WorkItem, uuid.UUID]]:
    """Return what waits for whom somebody stands in for, most urgent first, each with the person it
    waits for: one statement, none where nobody is stood in for; one more than `MOST` at most."""
    found = [rows for each in authority.in_place_of_others() for rows in _of(each)]
    if not found:
        return []
    first, *others = (
        rows.prefetch_related(None).order_by(*MOST_URGENT_FIRST)[: MOST + 1] for rows in found
    )
    persons: dict[uuid.UUID, tuple[WorkItem, uuid.UUID]] = {}
    for item in first.union(*others, all=True):
        persons.setdefault(item.id, (item, vars(item)["waits_for"]))
    urgent = sorted(persons.values(), key=lambda each: _urgency(each[0]))
    return urgent[: MOST + 1]


def counted_for_others(authority: Authority) -> int:
    """Return how much waits for whom somebody stands in for, at most `COUNTED`: one statement, none
    where nobody is stood in for."""
    found = [rows for each in authority.in_place_of_others() for rows in _of(each)]
    if not found:
        return 0
    first, *others = (
        rows.prefetch_related(None).order_by().values_list("id", flat=True)[:COUNTED]
        for rows in found
    )
    return min(len(set(first.union(*others))), COUNTED)


def _urgency(item: Any) -> tuple[Any, ...]:
    return tuple(getattr(item, name) for name in MOST_URGENT_FIRST)


def _of(authority: Authority) -> Iterator[QuerySet[WorkItem]]:
    """Return what waits for one person: what they have, and what names them or a group of theirs.
    What is closed to either of the two is left out."""
    tenant_id = authority.tenant_id
    person = Value(authority.person_id, UUIDField())
    groups = sorted(authority.person_groups)
    of_item = {"tenant_id": tenant_id, "work_item_id": OuterRef("id")}
    named = CandidateGroup.objects.filter(**of_item)
    only_for = authority.absent.only_for if authority.absent else ""
    covered = has_row(named.filter(name=only_for)) if only_for else Q()
    kept = covered & ~_closed_to(authority)
    has = ranked(visible(tenant_id)).filter(
        assignee_id=authority.person_id, status__in=FOR_ASSIGNEE
    )
    yield has.filter(kept).annotate(waits_for=person)
    of_waiting = {"tenant_id": tenant_id, "waiting": True}
    by_name = CandidateUser.objects.filter(**of_waiting, actor_id=authority.person_id)
    sources: list[QuerySet[Any]] = [by_name]
    if groups:
        sources.append(CandidateGroup.objects.filter(**of_waiting, name__in=groups))
    for rows in sources:
        ids = rows.order_by().values("work_item_id")
        yield unassigned(tenant_id).filter(kept, id__in=ids).annotate(waits_for=person)


def _closed_to(authority: Authority) -> Q:
    """Return whether an item excludes a substitute or whom they stand in for, by name, by group, or
    because they did what somebody else has to have done, or have another instance of it."""
    people = sorted({authority.actor_id, authority.person_id})
    groups = sorted(authority.groups | authority.person_groups)
    by_name = Q(excluded__has_any_keys=[str(each) for each in people])
    by_group = Q(excluded_groups__has_any_keys=groups) if groups else Q(pk__in=[])
    able = Q(required_skills__contained_by=sorted(authority.skills))
    did = did_another(authority.tenant_id, people) | has_another(authority.tenant_id, people)
    return by_name | by_group | did | ~able
