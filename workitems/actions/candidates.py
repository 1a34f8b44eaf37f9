"""Who may take an item: naming them, replacing them, and whom it can be given to at all."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.selectors import able_actors, among_groups, members_of_groups, who_only_look
from accounts.skills import skilled_actors
from accounts.substitutions import substitute_of
from compensation.actions.undo_verbs import actor_called
from ledger.errors import Invalid
from workitems.lifecycle import Status
from workitems.models import CandidateGroup, CandidateUser, WorkItem
from workitems.permissions import HAS_ANOTHER, SKILLS_MISSING
from workitems.selectors import has_another, who_completed

#: What is said of somebody whom an item cannot be given to.
UNABLE = gettext_lazy("lacks a skill that this item asks for")


def groups_of(item: WorkItem, names: Iterable[str]) -> list[CandidateGroup]:
    """Return the rows that let the members of groups take an item."""
    return [
        CandidateGroup(tenant_id=item.tenant_id, work_item=item, name=name, waiting=_waits(item))
        for name in sorted(set(names))
    ]


def users_of(item: WorkItem, actors: Iterable[uuid.UUID]) -> list[CandidateUser]:
    """Return the rows that let people take an item."""
    return [
        CandidateUser(
            tenant_id=item.tenant_id, work_item=item, actor_id=actor, waiting=_waits(item)
        )
        for actor in sorted(set(actors))
    ]


def _waits(item: WorkItem) -> bool:
    """What its candidates say of it; the database keeps it so when it moves."""
    return bool(item.status == Status.PENDING)


def name_candidates(item: WorkItem, actors: Iterable[uuid.UUID]) -> None:
    """Let these actors take an item; who may already stays as they are."""
    CandidateUser.objects.bulk_create(users_of(item, actors), ignore_conflicts=True)


def replace_candidates(item: WorkItem, actors: Iterable[uuid.UUID], groups: Iterable[str]) -> None:
    """Let these actors and groups take an item, and nobody who could before."""
    of_item = {"tenant_id": item.tenant_id, "work_item_id": item.id}
    CandidateUser.objects.filter(**of_item).delete()
    CandidateUser.objects.bulk_create(users_of(item, actors))
    CandidateGroup.objects.filter(**of_item).delete()
    CandidateGroup.objects.bulk_create(groups_of(item, groups))


def is_excluded(item: WorkItem, actor: uuid.UUID) -> bool:
    """Whether an actor may never take an item (WS-HumanTask 1.1 §3.2, excluded owners)."""
    return actor in excluded_among(item, [actor])


def excluded_among(item: WorkItem, actors: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Return those who may never take an item, of some actors."""
    found = {actor for actor in actors if str(actor) in item.excluded}
    if item.excluded_groups and actors:
        found |= among_groups(item.tenant_id, actors, item.excluded_groups)
    if item.not_completed_by and actors:
        others = who_completed(item.tenant_id, item.case_id, item.not_completed_by)
        found |= others.intersection(actors)
    return found


def decides_already(item: WorkItem, actor: uuid.UUID) -> bool:
    """Whether somebody has, or completed, another instance of an item, whoever has this one."""
    another = has_another(item.tenant_id, [actor])
    rows = WorkItem.objects.filter(another, tenant_id=item.tenant_id, id=item.id)
    return item.one_of_id is not None and rows.exists()


def who_do_for(tenant_id: uuid.UUID, actors: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Return who can do the work of some people now: they themselves, else whoever stands in for
    them; for who only looks nobody does."""
    able = able_actors(tenant_id, actors)
    gone = set(actors) - able
    if not gone:
        return able
    gone -= who_only_look(tenant_id, gone)
    return able | {other for each in gone if (other := substitute_of(tenant_id, each))}


def nobody_left(item: WorkItem) -> bool:
    """Whether nobody whom an item names, themselves or by a group, can do it any more."""
    of_item = {"tenant_id": item.tenant_id, "work_item_id": item.id}
    users = set(CandidateUser.objects.filter(**of_item).values_list("actor_id", flat=True))
    groups = list(CandidateGroup.objects.filter(**of_item).values_list("name", flat=True))
    return nobody_of(item, users, groups)


def nobody_of(item: WorkItem, users: Collection[uuid.UUID], groups: Collection[str]) -> bool:
    """Whether nobody of these people and groups can do an item."""
    left = who_do_for(item.tenant_id, users)
    if groups:
        left |= able_actors(item.tenant_id, members_of_groups(item.tenant_id, groups))
    left -= excluded_among(item, left)
    if left and item.required_skills:
        left = skilled_actors(item.tenant_id, left, item.required_skills)
    return not left


def is_shut_out(
    tenant_id: uuid.UUID, actor: uuid.UUID, actors: Collection[uuid.UUID], groups: Collection[str]
) -> bool:
    """Whether an actor is one of those, or in one of the groups."""
    return actor in actors or bool(groups and among_groups(tenant_id, [actor], groups))


def who_may_do(item: WorkItem, username: str, pointer: str) -> uuid.UUID:
    """Return the actor of a member who can be given an item. Raises Invalid at `pointer` for whom
    it cannot: nobody of this name, excluded, or an auditor, who changes nothing."""
    actor = actor_called(item.tenant_id, username, pointer=pointer)
    if actor is None or is_excluded(item, actor):
        raise Invalid.field(pointer, _("is excluded from this item"), code="excluded")
    if decides_already(item, actor):
        raise Invalid.field(pointer, _("decides about another instance of it"), code=HAS_ANOTHER)
    if item.required_skills and not skilled_actors(item.tenant_id, [actor], item.required_skills):
        raise Invalid.field(pointer, str(UNABLE), code=SKILLS_MISSING)
    if who_only_look(item.tenant_id, [actor]):
        raise Invalid.field(pointer, _("is an auditor and changes nothing"), code="only_looks")
    return actor
