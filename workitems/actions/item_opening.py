"""Opening work items inside another verb's, or a handler's, transaction."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from accounts.selectors import members_of_groups
from compensation.lifecycle import CompensationState
from compensation.performers import choose_performer
from compensation.planning import UndoRequest
from compensation.remote import policy_with
from compensation.sentences import title_of
from compensation.subject import compensation_block, finished_entry_of, knows_undone_entry, undoable
from compensation.ways import Opened, Prepared
from ledger.clock import now
from ledger.durations import parse_duration
from ledger.record import ActorRef, EntryRef
from verbs.move import Moves, sharing
from workitems.actions.candidates import groups_of, nobody_of, users_of
from workitems.actions.item_hearing import hearing_rows
from workitems.deadlines import due_rows, escalates_at
from workitems.derivation import INFLUENCE
from workitems.lifecycle import Kind, OfferedTo, Priority, Status
from workitems.models import WorkItem
from workitems.plain_due import plain_due_rows
from workitems.stakeholder_tables import Stakeholder
from workitems.undo_payload import within_bound


@dataclasses.dataclass(frozen=True, slots=True)
class NewWorkItem:
    """A work item to be. Candidates and assignee are actors; groups are names; `deadlines` are as
    the row keeps them, and the one of its completion is its `due_at`. `schedule`: which made it,
    of which moment; its first entry says so.

    `people_missing` are usernames it was meant for that are no active members. `for_operators`: the
    caller found that nobody it was meant for is here. `asked_again`: others were asked before, who
    may be all there are.
    """

    tenant_id: uuid.UUID
    title: str
    created_by: uuid.UUID
    kind: str = Kind.TASK
    payload: dict[str, Any] = dataclasses.field(default_factory=dict)
    candidate_groups: Sequence[str] = ()
    candidate_users: Sequence[uuid.UUID] = ()
    assignee_id: uuid.UUID | None = None
    owner_id: uuid.UUID | None = None
    stakeholders: Sequence[uuid.UUID] = ()
    people_missing: Sequence[str] = ()
    for_operators: bool = False
    asked_again: bool = False
    excluded: Sequence[uuid.UUID] = ()
    excluded_groups: Sequence[str] = ()
    required_skills: Sequence[str] = ()
    not_completed_by: Sequence[str] = ()
    permitted_outcomes: Sequence[str] = ()
    outcome_rules: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    resolution_schema: dict[str, Any] | None = None
    form: dict[str, Any] | None = None
    priority: str = "MEDIUM"
    policy: dict[str, Any] = dataclasses.field(default_factory=dict)
    reversibility: str = "unspecified"
    due_at: dt.datetime | None = None
    deadlines: dict[str, Any] = dataclasses.field(default_factory=dict)
    skippable: bool = False
    compensate_on: Sequence[Mapping[str, str]] = ()
    remote: dict[str, str] | None = None
    derived_from: Sequence[Mapping[str, str]] = ()
    case_id: uuid.UUID | None = None
    binding: str = ""
    template: dict[str, Any] | None = None
    one_of_id: uuid.UUID | None = None
    schedule: dict[str, Any] | None = None
    undoes: tuple[str, uuid.UUID] | None = None
    compensates_id: uuid.UUID | None = None
    compensation: dict[str, Any] | None = None
    run_id: uuid.UUID | None = None


def open_item(
    new: NewWorkItem,
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
    original: EntryRef | None = None,
    moves: Moves | None = None,
    id_: uuid.UUID | None = None,
) -> WorkItem:
    """Insert a work item, whole, with its candidates and its first entry.

    With an assignee it starts ASSIGNED, else PENDING. Nothing about it is filled in later, so that
    no observer ever sees an undo task that does not yet know what it undoes. `original`: the entry
    that finished what it undoes, where the caller has read it. With `moves` its entry is left to
    whoever made those. `id_`: where the caller has to know it before.
    """
    offered_to, users = _offer(new)
    item = _row(new, offered_to)
    is_named = new.asked_again and offered_to == OfferedTo.NAMED
    if is_named and nobody_of(item, users, new.candidate_groups):
        item.offered_to = OfferedTo.OPERATORS
    item.id = id_ or item.id
    said = _first_said(item)
    if new.schedule is not None:
        said["schedule"] = new.schedule
    knows_undone_entry(item, original)
    with sharing(moves) as own:
        own.insert(
            item, "created", by=by, caused_by=caused_by, payloads=said,
            heard_by=(INFLUENCE,) if item.derived_from else (),
        )  # fmt: skip
        own.add_many(groups_of(item, new.candidate_groups))
        own.add_many(users_of(item, users))
        for row in [
            *due_rows(item), *plain_due_rows(item), *hearing_rows(item), *stakeholder_rows(item),
        ]:  # fmt: skip
            own.add(row)
    return item


def _offer(new: NewWorkItem) -> tuple[OfferedTo, set[uuid.UUID]]:
    """Return whom an item is for, and the actors who are candidates for it.

    Where people were named and none of them is here, and no group has a member either, it is the
    operators', whoever is one then: none of them is named. Whoever it is given to is a candidate
    too, for when they give it back.
    """
    users = {*new.candidate_users, *([new.assignee_id] if new.assignee_id else ())}
    named_nobody = new.people_missing and not users
    deserted = named_nobody and not members_of_groups(new.tenant_id, new.candidate_groups)
    if new.for_operators or deserted:
        return OfferedTo.OPERATORS, users
    named = users or new.candidate_groups or new.people_missing or new.kind == Kind.COMPENSATION
    return OfferedTo.NAMED if named else OfferedTo.ANYBODY, users


def stakeholder_rows(item: WorkItem) -> list[Stakeholder]:
    """Return the rows by which an item is found among those that somebody looks on."""
    return [
        Stakeholder(tenant_id=item.tenant_id, item_id=item.id, actor_id=uuid.UUID(actor))
        for actor in item.stakeholders
    ]


def _first_said(item: WorkItem) -> dict[str, Any]:
    """Return what the first entry keeps of an item's words: also who answers for it, and whom it
    was meant for in vain."""
    said: dict[str, Any] = {"title": item.title, "payload": item.payload}
    if item.owner_id is not None:
        said["owner"] = str(item.owner_id)
    if item.stakeholders:
        said["stakeholders"] = item.stakeholders
    replaced = (item.compensation or {}).get("replaced_performer")
    if item.people_missing:
        said["people_missing"] = item.people_missing
    if replaced:
        said["replaced_performer"] = replaced
    if item.offered_to == OfferedTo.OPERATORS:
        said["offered_to"] = item.offered_to
    return said


# Columns that get what the field of their name says.
_AS_GIVEN = (
    "tenant_id kind title assignee_id owner_id payload resolution_schema reversibility remote"
    " compensates_id compensation run_id case_id binding due_at skippable deadlines template"
    " one_of_id outcome_rules form"
).split()


def _row(new: NewWorkItem, offered_to: OfferedTo) -> WorkItem:
    undoes_type, undoes_id = new.undoes or ("", None)
    states = CompensationState
    return WorkItem(
        **{name: getattr(new, name) for name in _AS_GIVEN},
        policy=policy_with(new.policy, new.remote),
        status=Status.ASSIGNED if new.assignee_id else Status.PENDING,
        compensation_state=states.COMPENSATING if new.undoes else states.NONE,
        priority=Priority[new.priority],
        offered_to=offered_to,
        people_missing=list(new.people_missing),
        stakeholders=sorted(str(actor) for actor in new.stakeholders),
        excluded=[str(actor) for actor in new.excluded],
        excluded_groups=list(new.excluded_groups),
        required_skills=list(new.required_skills),
        not_completed_by=list(new.not_completed_by),
        compensate_on=[dict(each) for each in new.compensate_on],
        derived_from=[dict(each) for each in new.derived_from],
        permitted_outcomes=list(new.permitted_outcomes),
        undoes_type=undoes_type,
        undoes_id=undoes_id,
        created_by_id=new.created_by,
        created_at=now(),
    )


def _in(length: str) -> dt.datetime | None:
    return now() + parse_duration(length) if length else None


def _called(original: Any, name: str) -> str:
    """Return how people call what is undone, whose name in its case is not meant for them."""
    return original.title if isinstance(original, WorkItem) else title_of(name)


def prepare_undo_task(original: Any, request: UndoRequest, number: int, by: ActorRef) -> Prepared:
    """Prepare the human task that reverses `original`; registered for the mode `human`.

    Who is asked: the named assignee, else by the policy's performer, else a valid substitute, and
    the choice is recorded (DESIGN §5, human mode).
    """
    subject = undoable(original.subject_type)
    performer = choose_performer(
        original.tenant_id,
        request,
        finished_by=subject.finished_by(original),
        finished_for=original.assignee_id if isinstance(original, WorkItem) else None,
    )
    own_input = request.task_input
    deadline = _in(request.deadline)
    due_at = min(filter(None, (_in(request.due_in), deadline)), default=None)
    new = NewWorkItem(
        tenant_id=original.tenant_id,
        title=request.title or f"Undo: {_called(original, subject.name(original))}",
        created_by=by.id,
        kind=Kind.COMPENSATION,
        payload=within_bound(subject.task_input(original) if own_input is None else own_input),
        candidate_groups=performer.groups,
        candidate_users=performer.users,
        people_missing=performer.missing,
        for_operators=performer.for_operators,
        assignee_id=performer.assignee_id,
        excluded=performer.excluded,
        permitted_outcomes=request.outcomes,
        resolution_schema=request.resolution_schema,
        form=request.form,
        priority=request.priority,
        due_at=due_at,
        # What comes first counts: who has until then has no time of the policy left after it.
        deadlines=escalates_at(due_at) if deadline and due_at else {},
        reversibility="not_needed",
        case_id=original.case_id,
        binding=request.binding,
        undoes=(original.subject_type, original.id),
        compensates_id=original.id if isinstance(original, WorkItem) else None,
        compensation={
            **compensation_block(original, request, number),
            "replaced_performer": performer.replaced,
        },
        run_id=request.run_id,
    )

    def opened(caused_by: EntryRef, moves: Moves) -> Opened:
        finished = finished_entry_of(original)
        item = open_item(new, by=by, caused_by=caused_by, original=finished, moves=moves)
        return Opened(WorkItem.subject_type, item.id, performer.replaced)

    return opened
