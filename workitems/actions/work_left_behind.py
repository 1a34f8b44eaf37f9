"""What becomes of the work of somebody who may do none any more, because their membership ended or
they only look now: what they have is their substitute's, else it goes back to where others take it;
what nobody is left for is the operators'.

Heard after that has happened, and found out from what there is then: heard twice, or of somebody
who was let in again, it changes nothing. An undo task is also left where the last of a group leaves
it, loses a skill, or joins a group that is excluded. What is on hold is seen to when it goes on.
What no news tells of (a substitution that runs out) is found every night.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.acting import authority_of, system_of
from accounts.selectors import able_actors, groups_of_actor, members_of_groups
from accounts.skills import skilled_actors
from accounts.substitutions import substitute_of
from ledger import failpoints
from ledger.dispatch.consumer_registry import Consumer, Done, Event
from ledger.record import ActorRef, EntryRef
from ledger.selectors import entries_by_id
from ledger.tenancy import set_tenant, tenant_scope
from verbs.move import Moves
from verbs.subject import subject_of
from workitems.actions.candidates import (
    decides_already,
    excluded_among,
    nobody_left,
    users_of,
    who_do_for,
)
from workitems.delegations import ENDED, answer_delegation
from workitems.lifecycle import FOR_ASSIGNEE, Kind, OfferedTo, Status
from workitems.models import CandidateGroup, CandidateUser, WorkItem

#: News of a person, and what entries say then of why their work changes hands.
_NEWS = {
    "amends.actor.member_deactivated.v1": "membership_ended",
    "amends.actor.roles_changed.v1": "roles_changed",
    "amends.actor.substitution_ended.v1": "substitution_ended",
    "amends.actor.group_left.v1": "group_left",
    "amends.actor.group_joined.v1": "group_joined",
    "amends.actor.skills_changed.v1": "skills_changed",
}
#: Its entry says which groups.
_LEFT = "group_left"
_FOUND = "nobody_left"
#: So many items are locked at once.
_AT_ONCE = 50
#: So many undo tasks of somebody's groups are looked at as the news comes; the nightly check
#: (`left_to_nobody`) finds those beyond.
_MOST_LOOKED_AT = 1_000
failpoints.declare("work.left_behind")


def handle(events: Sequence[Event], done: Done) -> None:
    """See to the work that the people whom events are about leave behind, so many items at a time.

    One item is seen to by what there is then, so that it does not matter how many were before the
    news came again.
    """
    tenant_id = events[0].tenant_id
    with tenant_scope(tenant_id):
        work = list(_left_by(events)) or [(events[-1], [])]
    for place, (event, ids) in enumerate(work, start=1):
        with transaction.atomic(durable=True):
            set_tenant(tenant_id)
            moves = Moves()
            _see_to(
                tenant_id, ids, moves=moves, why=_NEWS[event.type],
                caused_by=EntryRef(event.id, event.hash),
            )  # fmt: skip
            moves.record()
            failpoints.reach("work.left_behind")
            if place == len(work):
                done()


def _left_by(events: Sequence[Event]) -> Iterator[tuple[Event, list[uuid.UUID]]]:
    """Yield what may wait for nobody since some events, each item once and few at a time: what
    their people have or are named for, if they can do no work; and the undo tasks that they may
    have been the last to do."""
    tenant_id = events[0].tenant_id
    able = able_actors(tenant_id, {each.subject_id for each in events})
    seen: set[uuid.UUID] = set()
    # What happened last is why.
    for event in reversed(events):
        concerned = set(_undos_for(event))
        if event.subject_id not in able:
            concerned.update(_concerned(tenant_id, {event.subject_id}))
        ids = sorted(concerned - seen)
        seen |= concerned
        for start in range(0, len(ids), _AT_ONCE):
            yield event, ids[start : start + _AT_ONCE]


def _undos_for(event: Event) -> QuerySet[WorkItem, uuid.UUID]:
    """Return the undo tasks that wait for a person by name, or for a group that they are or were
    in. Where somebody else is in that group, and anybody of it may do it, nothing has changed."""
    tenant_id, actor = event.tenant_id, event.subject_id
    groups = {*groups_of_actor(tenant_id, actor), *_groups_left(event)}
    waiting = WorkItem.objects.filter(
        tenant_id=tenant_id, kind=Kind.COMPENSATION, status=Status.PENDING,
        offered_to=OfferedTo.NAMED,
    )  # fmt: skip
    named = CandidateUser.objects.filter(tenant_id=tenant_id, actor_id=actor, waiting=True)
    asked = CandidateGroup.objects.filter(tenant_id=tenant_id, waiting=True)
    staffed = [
        name for name in groups if able_actors(tenant_id, members_of_groups(tenant_id, [name]))
    ]
    picks = Q(id__in=asked.filter(name__in=groups).values("work_item_id"))
    picks &= ~(
        Q(id__in=asked.filter(name__in=staffed).values("work_item_id"))
        & Q(excluded=[], excluded_groups=[], required_skills=[], not_completed_by=[])
    )
    picks |= Q(id__in=named.values("work_item_id"))
    return waiting.filter(picks).order_by("id").values_list("id", flat=True)[:_MOST_LOOKED_AT]


def _groups_left(event: Event) -> list[str]:
    if event.action != _LEFT:
        return []
    [entry] = entries_by_id(event.tenant_id, [event.id]).values()
    groups: list[str] = entry.payloads.get("groups", [])
    return groups


#: Of what people can do no more, heard by work items.
LEFT_BEHIND = Consumer(
    name="workitems.left_behind", wants=_NEWS.__contains__, handle=handle, queue="upkeep"
)


def left_to_nobody(tenant_id: uuid.UUID) -> int:
    """See to what waits for people of whom none can do it; how many there were."""
    with tenant_scope(tenant_id):
        found = sorted(_waits_in_vain(tenant_id))
    return sum(_found(tenant_id, each) for each in found)


def _found(tenant_id: uuid.UUID, id_: uuid.UUID) -> int:
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        moves = Moves()
        changed = _see_to(tenant_id, [id_], moves=moves, why=_FOUND, caused_by=None)
        moves.record()
        return changed


def _waits_in_vain(tenant_id: uuid.UUID) -> set[uuid.UUID]:
    """Return what may be waiting for nobody: what somebody has, or is named for, who can do no
    work, and undo tasks, for which everybody may be gone in other ways."""
    items = WorkItem.objects.filter(tenant_id=tenant_id)
    has = items.filter(status__in=FOR_ASSIGNEE, assignee__isnull=False).order_by()
    named = CandidateUser.objects.filter(tenant_id=tenant_id, waiting=True)
    people = {
        *has.values_list("assignee_id", flat=True).distinct(),
        *named.values_list("actor_id", flat=True).distinct(),
    }
    undos = items.filter(
        kind=Kind.COMPENSATION, status=Status.PENDING, offered_to=OfferedTo.NAMED
    ).values_list("id", flat=True)
    return {*_concerned(tenant_id, people - able_actors(tenant_id, people)), *undos}


def _concerned(tenant_id: uuid.UUID, actors: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """Return what some people have, and what waits for them by name."""
    has = WorkItem.objects.filter(
        tenant_id=tenant_id, assignee_id__in=actors, status__in=FOR_ASSIGNEE
    )
    named = CandidateUser.objects.filter(tenant_id=tenant_id, actor_id__in=actors, waiting=True)
    return [*has.values_list("id", flat=True), *named.values_list("work_item_id", flat=True)]


def _see_to(
    tenant_id: uuid.UUID,
    ids: Collection[uuid.UUID],
    *,
    moves: Moves,
    why: str,
    caused_by: EntryRef | None,
) -> int:
    """Lock items and see to those that whoever has them, or is named for them, cannot do; how many
    there were."""
    by, changed = authority_of(system_of(tenant_id)).ref(), 0
    for item in subject_of(WorkItem.subject_type).lock_many(tenant_id, ids):
        how: dict[str, Any] = {"by": by, "caused_by": caused_by, "moves": moves, "why": why}
        if _is_not_done(item, found=why == _FOUND):
            _pass_on(item, **how)
        elif _waits_for_nobody(item):
            _leave_to_operators(item, **how)
        else:
            continue
        changed += 1
    return changed


def _is_not_done(item: WorkItem, *, found: bool) -> bool:
    """Whether who has an item can do no work. What is `found` of itself may be done by whoever
    stands in for them."""
    if item.status not in FOR_ASSIGNEE or item.assignee_id is None:
        return False
    by = who_do_for if found else able_actors
    return not by(item.tenant_id, [item.assignee_id])


def _pass_on(
    item: WorkItem, *, by: ActorRef, caused_by: EntryRef | None, moves: Moves, why: str
) -> None:
    """Give what somebody has to their substitute, else back."""
    before = str(item.status)
    said = {"title": item.title, "previous": str(item.assignee_id), "reason": why}
    other = substitute_of(item.tenant_id, item.assignee_id) if item.assignee_id else None
    answer_delegation(item, ENDED)
    given = other is not None and _may_have(item, other)
    if other is not None and given:
        said["assignee"] = str(other)
        _give(item, other)
    else:
        item.assignee_id = None
        if item.offered_to == OfferedTo.NAMED and nobody_left(item):
            item.offered_to = OfferedTo.OPERATORS
        item.pass_on()
    moves.change(
        item, "assigned" if given else "released", before=before, by=by, caused_by=caused_by,
        payloads=said, fields=["assignee", "offered_to", "delegations"],
    )  # fmt: skip


def _waits_for_nobody(item: WorkItem) -> bool:
    waits = item.status == Status.PENDING and item.offered_to == OfferedTo.NAMED
    return waits and nobody_left(item)


def _leave_to_operators(
    item: WorkItem, *, by: ActorRef, caused_by: EntryRef | None, moves: Moves, why: str
) -> None:
    """Let the operators take what waits for people of whom nobody is left."""
    before, item.offered_to = str(item.status), OfferedTo.OPERATORS
    item.pass_on()
    moves.change(
        item, "released", before=before, by=by, caused_by=caused_by, fields=["offered_to"],
        payloads={"title": item.title, "reason": why, "offered_to": str(item.offered_to)},
    )  # fmt: skip


def _may_have(item: WorkItem, other: uuid.UUID) -> bool:
    wanted = item.required_skills
    able = not wanted or bool(skilled_actors(item.tenant_id, [other], wanted))
    return able and not excluded_among(item, [other]) and not decides_already(item, other)


def _give(item: WorkItem, other: uuid.UUID) -> None:
    item.assignee_id = other
    CandidateUser.objects.bulk_create(users_of(item, [other]), ignore_conflicts=True)
    item.assign()
