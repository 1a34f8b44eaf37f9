"""What becomes of the work of somebody whose membership ended: it is their substitute's, else it
goes back to where others take it, and to the operators where nobody is left.

Heard after the membership has ended, and found out from what there is then: heard twice, or of
somebody who was let in again, it changes nothing. What is on hold is seen to when it goes on.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from accounts.acting import authority_of, system_of
from accounts.selectors import active_actors, members_of_groups
from accounts.skills import skilled_actors
from accounts.substitutions import substitute_of
from ledger import failpoints
from ledger.dispatch.consumer_registry import Consumer, Done, Event
from ledger.record import ActorRef, EntryRef
from ledger.tenancy import set_tenant
from verbs.move import Moves
from verbs.subject import subject_of
from workitems.actions.candidates import excluded_among, users_of
from workitems.delegations import ENDED, answer_delegation
from workitems.lifecycle import FOR_ASSIGNEE, OfferedTo
from workitems.models import CandidateGroup, CandidateUser, WorkItem

_ENDED = "amends.actor.member_deactivated.v1"
failpoints.declare("work.left_behind")


def handle(events: Sequence[Event], done: Done) -> None:
    """See to the work of the members that events are about, in one transaction."""
    tenant_id = events[0].tenant_id
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        by, moves = authority_of(system_of(tenant_id)).ref(), Moves()
        for actor, event in {each.subject_id: each for each in events}.items():
            if not active_actors(tenant_id, [actor]):
                _see_to(tenant_id, actor, by=by, because=event, moves=moves)
        moves.record()
        failpoints.reach("work.left_behind")
        done()


#: Ends of memberships, heard by work items.
LEFT_BEHIND = Consumer(
    name="workitems.left_behind", wants=_ENDED.__eq__, handle=handle, queue="upkeep"
)


def _see_to(
    tenant_id: uuid.UUID, actor: uuid.UUID, *, by: ActorRef, because: Event, moves: Moves
) -> None:
    rows = WorkItem.objects.filter(tenant_id=tenant_id, assignee_id=actor, status__in=FOR_ASSIGNEE)
    ids = list(rows.values_list("id", flat=True))
    other = substitute_of(tenant_id, actor) if ids else None
    for item in subject_of(WorkItem.subject_type).lock_many(tenant_id, ids):
        if item.assignee_id != actor or item.status not in FOR_ASSIGNEE:
            continue
        before = str(item.status)
        said = {"title": item.title, "previous": str(actor), "reason": "membership_ended"}
        answer_delegation(item, ENDED)
        given = other is not None and _may_have(item, other)
        if other is not None and given:
            said["assignee"] = str(other)
            _give(item, other)
        else:
            _put_back(item)
        moves.change(
            item, "assigned" if given else "released", before=before, by=by,
            caused_by=EntryRef(because.id, because.hash), payloads=said,
            fields=["assignee", "offered_to", "delegations"],
        )  # fmt: skip


def _may_have(item: WorkItem, other: uuid.UUID) -> bool:
    wanted = item.required_skills
    able = not wanted or bool(skilled_actors(item.tenant_id, [other], wanted))
    return able and not excluded_among(item, [other])


def _give(item: WorkItem, other: uuid.UUID) -> None:
    item.assignee_id = other
    CandidateUser.objects.bulk_create(users_of(item, [other]), ignore_conflicts=True)
    item.assign()


def _put_back(item: WorkItem) -> None:
    of_item: dict[str, Any] = {"tenant_id": item.tenant_id, "work_item_id": item.id}
    item.assignee_id = None
    users = CandidateUser.objects.filter(**of_item).values_list("actor_id", flat=True)
    groups = list(CandidateGroup.objects.filter(**of_item).values_list("name", flat=True))
    left = active_actors(item.tenant_id, list(users))
    deserted = not left and not (groups and members_of_groups(item.tenant_id, groups))
    if item.offered_to == OfferedTo.NAMED and deserted:
        item.offered_to = OfferedTo.OPERATORS
    item.pass_on()
