"""Reads of work items. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence

from django.db.models import (
    Case,
    Exists,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    UUIDField,
    Value,
    When,
)

from accounts.acting import ActingUser, Authority
from accounts.selectors import Person, group_names, people
from compensation.actions import attempts_of
from compensation.lifecycle import AttemptOutcome
from compensation.models import CompensationAttempt
from executions.lifecycle import UNDISPATCHED
from executions.rows import Execution
from ledger.errors import NotFound
from workitems.lifecycle import NOT_STARTED, WORKING, Kind, Status
from workitems.models import CandidateGroup, CandidateUser, WorkItem
from workitems.permissions import Action, available_actions
from workitems.runs import Standing, standings


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """A work item with everything a page or an answer says about it, read in bulk."""

    item: WorkItem
    people: dict[uuid.UUID, Person]
    attempts: Sequence[CompensationAttempt]
    actions: Sequence[Action]

    def username(self, actor_id: uuid.UUID | str | None) -> str | None:
        """Return how an actor is called, or None for nobody."""
        if actor_id is None:
            return None
        person = self.people.get(uuid.UUID(str(actor_id)))
        return person.username if person else None


def visible() -> QuerySet[WorkItem]:
    """Return the tenant's work items with their candidates; members see all of them."""
    return WorkItem.objects.prefetch_related("candidate_groups", "candidate_users")


def get(item_id: uuid.UUID) -> WorkItem:
    """Return one work item. Raises NotFound."""
    found = visible().filter(id=item_id).first()
    if found is None:
        raise NotFound
    return found


def show(items: Sequence[WorkItem], authority: Authority) -> list[Shown]:
    """Return `items` with people, attempts and available actions: a constant number of queries."""
    attempts: dict[uuid.UUID, list[CompensationAttempt]] = {}
    for attempt in attempts_of([item.id for item in items]):
        attempts.setdefault(attempt.original_id, []).append(attempt)
    named = people(_actors(items, attempts))
    cases = standings({item.case_id for item in items if item.status == Status.COMPLETED})
    started = _started([tries[-1] for tries in attempts.values()])
    shown = []
    for item in items:
        tries = attempts.get(item.id, [])
        last = tries[-1] if tries else None
        actions = available_actions(
            item,
            authority,
            case=cases.get(item.case_id, Standing()) if item.case_id else Standing(),
            managed_by=last.run_id if last else None,
            requested_by=last.requested_by_id if last else None,
            undo_started=last is not None and last.compensation_id in started,
        )
        shown.append(Shown(item, named, tries, actions))
    return shown


def with_people(items: Sequence[WorkItem]) -> list[Shown]:
    """Return `items`, read with their candidates, with the people they name and no actions."""
    named = people(_actors(items, {}))
    return [Shown(item, named, (), ()) for item in items]


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """A work item as one line of a list. `names` are who may take it while nobody has."""

    item: WorkItem
    people: dict[uuid.UUID, Person]
    names: Sequence[str]

    def username(self, actor_id: uuid.UUID | str | None) -> str | None:
        """Return how an actor is called, or None for nobody."""
        person = None if actor_id is None else self.people.get(uuid.UUID(str(actor_id)))
        return person.username if person else None


def listed(items: Sequence[WorkItem]) -> list[Listed]:
    """Return `items` as lines of a list, in two queries; their candidates need not be read."""
    groups, users = _candidates([item.id for item in items if item.status == Status.PENDING])
    wanted = {item.assignee_id for item in items} | {id_ for ids in users.values() for id_ in ids}
    for item in items:
        done_by = (item.compensation or {}).get("original_snapshot", {}).get("completed_by")
        wanted.add(uuid.UUID(done_by) if done_by else None)
    named = people(wanted)

    def names(item: WorkItem) -> list[str]:
        found = [named[actor].username for actor in users.get(item.id, ()) if actor in named]
        return [*sorted(groups.get(item.id, ())), *sorted(found)]

    return [Listed(item, named, names(item)) for item in items]


def _candidates(
    ids: Sequence[uuid.UUID],
) -> tuple[dict[uuid.UUID, list[str]], dict[uuid.UUID, list[uuid.UUID]]]:
    """Return the candidate groups and the candidate users of some items, in one statement."""
    groups: dict[uuid.UUID, list[str]] = {}
    users: dict[uuid.UUID, list[uuid.UUID]] = {}
    if not ids:
        return groups, users
    nobody = Value(None, output_field=UUIDField())
    named = CandidateGroup.objects.filter(work_item_id__in=ids).values_list(
        "work_item_id", "name", nobody
    )
    persons = CandidateUser.objects.filter(work_item_id__in=ids).values_list(
        "work_item_id", Value(""), "actor_id"
    )
    for item_id, name, actor_id in named.union(persons, all=True):
        if actor_id is None:
            groups.setdefault(item_id, []).append(name)
        else:
            users.setdefault(item_id, []).append(actor_id)
    return groups, users


def _actors(
    items: Sequence[WorkItem], attempts: dict[uuid.UUID, list[CompensationAttempt]]
) -> set[uuid.UUID]:
    wanted = {
        actor
        for item in items
        for actor in (item.assignee_id, item.completed_by_id, item.created_by_id)
        if actor is not None
    }
    for item in items:
        wanted.update(row.actor_id for row in item.candidate_users.all())
        if item.compensation:
            wanted.add(uuid.UUID(item.compensation["requested_by"]))
            snapshot = item.compensation["original_snapshot"]
            named = (snapshot.get("completed_by"), snapshot.get("requested_by"))
            wanted.update(uuid.UUID(actor) for actor in named if actor)
    wanted.update(try_.requested_by_id for tries in attempts.values() for try_ in tries)
    return wanted


def _started(attempts: Sequence[CompensationAttempt]) -> set[uuid.UUID]:
    """Return the undo tasks and executions of open attempts that somebody has begun."""
    current = [a for a in attempts if a.outcome == AttemptOutcome.OPEN]
    tasks = [a.compensation_id for a in current if a.compensation_type == "work_item"]
    runs = [a.compensation_id for a in current if a.compensation_type == "execution"]
    begun: set[uuid.UUID] = set()
    if tasks:
        rows = WorkItem.objects.filter(id__in=tasks).exclude(status__in=NOT_STARTED)
        begun.update(rows.values_list("id", flat=True))
    if runs:
        untouched = Q(status__in=UNDISPATCHED, attempts=0)
        executions = Execution.objects.filter(id__in=runs).exclude(untouched)
        begun.update(executions.values_list("id", flat=True))
    return begun


def waiting_for(who: ActingUser) -> QuerySet[WorkItem]:
    """Return what the person is assigned to, undo tasks first, newest first within."""
    mine = visible().filter(assignee_id=who.actor_id, status__in=WORKING)
    return _undo_first(mine)


def pool_of(who: ActingUser) -> QuerySet[WorkItem]:
    """Return unassigned items that name the person, or a group of theirs, as a candidate."""
    rows = visible().filter(_names(who), status=Status.PENDING)
    return _undo_first(rows.exclude(excluded__contains=[str(who.actor_id)]))


def candidate_for(rows: QuerySet[WorkItem], who: ActingUser) -> QuerySet[WorkItem]:
    """Narrow `rows` to what the person may take: named, in a named group, or nobody was."""
    nobody = ~Exists(CandidateGroup.objects.filter(work_item_id=OuterRef("id"))) & ~Exists(
        CandidateUser.objects.filter(work_item_id=OuterRef("id"))
    )
    found = rows.filter(_names(who) | Q(nobody))
    return found.exclude(excluded__contains=[str(who.actor_id)])


def _names(who: ActingUser) -> Q:
    in_group = CandidateGroup.objects.filter(
        work_item_id=OuterRef("id"), name__in=group_names(who.membership_id)
    )
    named = CandidateUser.objects.filter(work_item_id=OuterRef("id"), actor_id=who.actor_id)
    return Q(Exists(in_group)) | Q(Exists(named))


def unassigned() -> QuerySet[WorkItem]:
    """Return every item of the tenant that nobody has taken."""
    return _undo_first(visible().filter(status=Status.PENDING))


def finished_by(who: ActingUser) -> QuerySet[WorkItem]:
    """Return what the person completed, newest first."""
    rows = visible().filter(completed_by_id=who.actor_id)
    return rows.order_by("-completed_at", "-id")


# Counts stop here: a page must not cost more the more work there is.
COUNTED = 100


@dataclasses.dataclass(frozen=True, slots=True)
class WaitingCounts:
    """How much waits, each at most `COUNTED`. `undo` is how much of `mine` and `groups` undoes."""

    mine: int = 0
    groups: int = 0
    unassigned: int = 0
    undo: int = 0


def waiting_counts(who: ActingUser, *, with_unassigned: bool = True) -> WaitingCounts:
    """Return what waits for a person, their groups and anybody, in one statement."""
    parts = [("mine", waiting_for(who)), ("groups", pool_of(who))]
    if with_unassigned:
        parts.append(("unassigned", unassigned()))
    first, *others = (
        rows.order_by().prefetch_related(None).annotate(pile=Value(name)).values_list(
            "pile", "kind")[:COUNTED]
        for name, rows in parts
    )  # fmt: skip
    found = list(first.union(*others, all=True))
    piles = [pile for pile, _kind in found]
    undo = [pile for pile, kind in found if kind == Kind.COMPENSATION and pile != "unassigned"]
    return WaitingCounts(
        piles.count("mine"), piles.count("groups"), piles.count("unassigned"), len(undo)
    )


def shown_count(number: int) -> str:
    """Return a count as it is shown: from `COUNTED` on only that there is more."""
    return str(number) if number < COUNTED else f"{COUNTED - 1}+"


def in_case(case_id: uuid.UUID) -> QuerySet[WorkItem]:
    """Return every item of a case, oldest first."""
    return visible().filter(case_id=case_id).order_by("created_at", "id")


def undo_tasks_of(original_ids: Sequence[uuid.UUID]) -> QuerySet[WorkItem]:
    """Return the work items that reverse any of these originals, oldest first."""
    return visible().filter(undoes_id__in=list(original_ids)).order_by("created_at", "id")


def filtered(
    rows: QuerySet[WorkItem],
    *,
    status: Sequence[str] = (),
    kind: str = "",
    compensation_state: str = "",
    query: str = "",
    case_id: uuid.UUID | None = None,
) -> QuerySet[WorkItem]:
    """Narrow `rows`; empty arguments narrow nothing."""
    wanted = Q()
    if status:
        wanted &= Q(status__in=list(status))
    if kind:
        wanted &= Q(kind=kind)
    if compensation_state:
        wanted &= Q(compensation_state=compensation_state)
    if query:
        wanted &= Q(title__icontains=query)
    if case_id is not None:
        wanted &= Q(case_id=case_id)
    return rows.filter(wanted)


def _undo_first(rows: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
    first = Case(
        When(kind=Kind.COMPENSATION, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    return rows.annotate(undo_first=first).order_by("undo_first", "-created_at", "-id")
