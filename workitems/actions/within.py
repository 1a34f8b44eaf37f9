"""What other verbs and handlers do to work items inside their own transaction."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from compensation import actions as compensation
from compensation.actions import Opened, compensation_block, finished_entry
from compensation.lifecycle import CompensationState
from compensation.planning import UndoRequest
from ledger.clock import now
from ledger.record import ActorRef, Change, EntryRef, record
from workitems.actions.door import compensation_envelope, lock_items, save_and_record
from workitems.lifecycle import OPEN, Kind, Status
from workitems.models import CandidateGroup, CandidateUser, Priority, WorkItem
from workitems.performers import choose_performer

__all__ = ["NewWorkItem", "cancel_items", "create_item", "lock_items", "open_undo_task"]


@dataclasses.dataclass(frozen=True, slots=True)
class NewWorkItem:
    """A work item to be. Candidates and assignee are actors; groups are names."""

    tenant_id: uuid.UUID
    title: str
    created_by: uuid.UUID
    kind: str = Kind.TASK
    payload: dict[str, Any] = dataclasses.field(default_factory=dict)
    candidate_groups: Sequence[str] = ()
    candidate_users: Sequence[uuid.UUID] = ()
    assignee_id: uuid.UUID | None = None
    excluded: Sequence[uuid.UUID] = ()
    permitted_outcomes: Sequence[str] = ()
    resolution_schema: dict[str, Any] | None = None
    priority: str = "MEDIUM"
    policy: dict[str, Any] = dataclasses.field(default_factory=dict)
    reversibility: str = "unspecified"
    due_at: dt.datetime | None = None
    case_id: uuid.UUID | None = None
    binding: str = ""
    undoes: tuple[str, uuid.UUID] | None = None
    compensates_id: uuid.UUID | None = None
    compensation: dict[str, Any] | None = None
    run_id: uuid.UUID | None = None


def create_item(
    new: NewWorkItem,
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
    original: EntryRef | None = None,
) -> WorkItem:
    """Insert a work item, whole, with its candidates and its first entry.

    With an assignee it starts ASSIGNED, else PENDING. Nothing about it is filled in later, so that
    no observer ever sees an undo task that does not yet know what it undoes.
    """
    item = _row(new)
    item.save(force_insert=True)
    if new.candidate_groups:
        CandidateGroup.objects.bulk_create(
            CandidateGroup(tenant_id=new.tenant_id, work_item=item, name=name)
            for name in sorted(set(new.candidate_groups))
        )
    if new.candidate_users:
        CandidateUser.objects.bulk_create(
            CandidateUser(tenant_id=new.tenant_id, work_item=item, actor_id=actor)
            for actor in sorted(set(new.candidate_users))
        )
    record(
        Change(
            tenant_id=item.tenant_id,
            subject_type=item.subject_type,
            subject_id=item.id,
            version=item.version,
            action="created",
            actor=by,
            to_status=str(item.status),
            kind="COMPENSATION" if item.kind == Kind.COMPENSATION else "TRANSITION",
            opens=True,
            caused_by=caused_by,
            original=original,
            case_id=item.case_id,
            compensation=compensation_envelope(item),
            payloads={"title": item.title, "payload": item.payload},
        )
    )
    return item


def _row(new: NewWorkItem) -> WorkItem:
    return WorkItem(
        tenant_id=new.tenant_id,
        kind=new.kind,
        title=new.title,
        status=Status.ASSIGNED if new.assignee_id else Status.PENDING,
        compensation_state=(
            CompensationState.COMPENSATING if new.undoes else CompensationState.NONE
        ),
        priority=Priority[new.priority],
        assignee_id=new.assignee_id,
        excluded=[str(actor) for actor in new.excluded],
        payload=new.payload,
        permitted_outcomes=list(new.permitted_outcomes),
        resolution_schema=new.resolution_schema,
        policy=new.policy,
        reversibility=new.reversibility,
        compensates_id=new.compensates_id,
        undoes_type=new.undoes[0] if new.undoes else "",
        undoes_id=new.undoes[1] if new.undoes else None,
        compensation=new.compensation,
        run_id=new.run_id,
        case_id=new.case_id,
        binding=new.binding,
        created_by_id=new.created_by,
        created_at=now(),
        due_at=new.due_at,
    )


def open_undo_task(
    original: Any, request: UndoRequest, number: int, by: ActorRef, caused_by: EntryRef
) -> Opened:
    """Open the human task that reverses `original`; registered as the opener of mode `human`.

    Who is asked: the named assignee, else by the policy's performer, else a valid substitute, and
    the choice is recorded (DESIGN §5, human mode).
    """
    kind = compensation.kind_of_row(original)
    performer = choose_performer(request, finished_by=kind.finished_by(original))
    name = kind.name(original)
    item = create_item(
        NewWorkItem(
            tenant_id=original.tenant_id,
            title=request.title or f"Undo: {name}",
            created_by=by.id,
            kind=Kind.COMPENSATION,
            payload=(
                kind.default_input(original) if request.task_input is None else request.task_input
            ),
            candidate_groups=performer.groups,
            candidate_users=performer.users,
            assignee_id=performer.assignee_id,
            excluded=performer.excluded,
            permitted_outcomes=request.outcomes,
            resolution_schema=request.resolution_schema,
            priority=request.priority,
            reversibility="not_needed",
            case_id=original.case_id,
            binding=request.binding,
            undoes=(kind.subject_type, original.id),
            compensates_id=original.id if kind.subject_type == "work_item" else None,
            compensation={
                **compensation_block(original, request, number),
                "replaced_performer": performer.replaced,
            },
            run_id=request.run_id,
        ),
        by=by,
        caused_by=caused_by,
        original=finished_entry(original),
    )
    return Opened("work_item", item.id, performer.replaced)


def cancel_items(
    items: Sequence[WorkItem],
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
    reason: str = "",
) -> None:
    """Cancel locked open items, without settling what they may undo. Others are left alone."""
    for item in items:
        if item.status not in OPEN:
            continue
        before = str(item.status)
        item.cancel()
        item.ended_at = now()
        item.ended_reason = reason
        if item.kind == Kind.COMPENSATION:
            item.compensation_state = CompensationState.NONE
        save_and_record(
            item,
            "cancelled",
            before=before,
            by=by,
            fields=["ended_at", "ended_reason", "compensation_state"],
            payloads={"reason": reason},
            caused_by=caused_by,
        )
