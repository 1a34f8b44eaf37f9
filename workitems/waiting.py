"""What waits for whom, most urgent first. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Exists, F, Func, JSONField, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast

from accounts.acting import ActingUser
from accounts.selectors import group_names, operating
from compensation.undecided import failed_alone
from ledger.clock import now
from web.counts import COUNTED, LOOKED_AT, bounded_count
from web.pagination import NEWEST_FIRST
from workitems.lifecycle import FOR_ASSIGNEE, Kind, OfferedTo, Status
from workitems.models import CandidateGroup, CandidateUser, WorkItem
from workitems.selectors import is_anybodys, named_for, open_to, visible
from workitems.urgency import DUE, MOST_URGENT_FIRST, RANK

# Of what waits for somebody so many times what is counted is looked at: some of it undoes, which is
# counted apart, and some is closed to that person.
NAMED = 10


def ranked(rows: QuerySet[WorkItem]) -> QuerySet[WorkItem]:
    """Return rows with what `MOST_URGENT_FIRST` sorts by."""
    return rows.annotate(urgent_due=DUE, urgent_rank=RANK)


def mine(who: ActingUser) -> QuerySet[WorkItem]:
    """Return what the person is assigned to, or asked to take over."""
    return ranked(visible(who.tenant_id)).filter(assignee_id=who.actor_id, status__in=FOR_ASSIGNEE)


def pool_of(who: ActingUser) -> QuerySet[WorkItem]:
    """Return unassigned items that name the person, or a group of theirs, as a candidate."""
    return open_to(unassigned(who.tenant_id).filter(named_for(who)), who)


def unassigned(tenant_id: uuid.UUID) -> QuerySet[WorkItem]:
    """Return every item of the tenant that nobody has taken."""
    return ranked(visible(tenant_id)).filter(status=Status.PENDING)


def finished_by(who: ActingUser) -> QuerySet[WorkItem]:
    """Return what the person completed."""
    return visible(who.tenant_id).filter(completed_by_id=who.actor_id)


def held_by(who: ActingUser) -> QuerySet[WorkItem]:
    """Return what the person has that is on hold."""
    rows = visible(who.tenant_id)
    return rows.filter(assignee_id=who.actor_id, status=Status.SUSPENDED)


def next_for(who: ActingUser, after: uuid.UUID) -> WorkItem | None:
    """Return what a person who has done `after` does next, as their inbox has it: what reverses
    finished work, else the most urgent."""
    rows = mine(who).exclude(id=after).order_by(*MOST_URGENT_FIRST).prefetch_related(None)
    reversals = rows.filter(kind=Kind.COMPENSATION)
    return reversals.first() or rows.first()


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits, each at most `COUNTED`. `undo` and `late` are how much of `mine` and `groups`
    undoes, and is overdue.

    `named` is all that waits for the person's groups and reverses nothing; None where that is more
    than is counted, and has to be looked for in the list of what nobody has taken.
    """

    mine: int = 0
    groups: int = 0
    unassigned: int = 0
    undo: int = 0
    late: int = 0
    named: frozenset[uuid.UUID] | None = frozenset()

    @property
    def all(self) -> int:
        """How much waits for the person and their groups."""
        return min(self.mine + self.groups, COUNTED)


def waiting(who: ActingUser, *, with_unassigned: bool = True) -> Waiting:
    """Return what waits for a person, their groups and anybody, in one statement."""
    task = ~_undoes()
    # Reversals apart, as the inbox shows them: among the others the bound would hide them.
    parts = [
        ("mine", mine(who).filter(_undoes())),
        ("mine", mine(who).filter(task)),
        ("groups", pool_of(who).filter(_undoes())),
        *(("groups", rows.filter(task)) for rows in found_by_name(who)),
    ]
    if with_unassigned:
        parts.append(("unassigned", unassigned(who.tenant_id)))
    first, *others = (
        # What is due first comes first: beyond the bound nothing is late that is not counted.
        rows.order_by(*MOST_URGENT_FIRST).prefetch_related(None).annotate(pile=Value(name)).values_list(
            "pile", "kind", "id", "due_at")[:COUNTED]
        for name, rows in parts
    )  # fmt: skip
    # Somebody may be named twice, by name and by group.
    found = set(first.union(*others, all=True))
    piles: Mapping[str, list[Any]] = {
        name: [row for row in found if row[0] == name] for name in ("mine", "groups", "unassigned")
    }
    theirs = [*piles["mine"], *piles["groups"]]
    tasks = frozenset(row[2] for row in piles["groups"] if row[1] != Kind.COMPENSATION)
    return Waiting(
        mine=_counted(piles["mine"]),
        groups=_counted(piles["groups"]),
        unassigned=_counted(piles["unassigned"]),
        undo=_counted([row for row in theirs if row[1] == Kind.COMPENSATION]),
        late=_counted([row for row in theirs if _is_late(row[3])]),
        named=tasks if len(tasks) < COUNTED else None,
    )


def _counted(rows: Collection[Any]) -> int:
    return min(len(rows), COUNTED)


def open_to_anybody(who: ActingUser) -> int:
    """Return how many of the newest tasks that nobody has taken name nobody: this person may
    take them. At most `COUNTED`."""
    newest = unassigned(who.tenant_id).prefetch_related(None).order_by(*NEWEST_FIRST)
    rows = unassigned(who.tenant_id).filter(id__in=newest.values("id")[:LOOKED_AT])
    return bounded_count(open_to(rows.filter(is_anybodys(who.tenant_id)), who))


def _undoes() -> Any:
    return Q(kind=Kind.COMPENSATION)


def _is_late(due: dt.datetime | None) -> bool:
    return due is not None and due < now()


def found_by_name(who: ActingUser) -> list[QuerySet[WorkItem]]:
    """Return the items that wait for a person or a group of theirs, found by whom they name."""
    pool = open_to(unassigned(who.tenant_id), who)
    waits = {"tenant_id": who.tenant_id, "waiting": True}
    by_group: QuerySet[Any] = CandidateGroup.objects.filter(**waits, name__in=group_names(who))
    by_name: QuerySet[Any] = CandidateUser.objects.filter(**waits, actor_id=who.actor_id)
    return [
        *(
            pool.filter(id__in=rows.order_by().values("work_item_id")[: NAMED * COUNTED])
            for rows in (by_group, by_name)
        ),
        # Meant for people who are not here: the operators', whoever is one now.
        pool.filter(Exists(operating(who)), offered_to=OfferedTo.OPERATORS),
    ]


def named(who: ActingUser, found: Waiting) -> QuerySet[WorkItem]:
    """Return what waits for a person's groups and reverses nothing, of what was counted."""
    rows = unassigned(who.tenant_id)
    return (
        pool_of(who).exclude(_undoes()) if found.named is None else rows.filter(id__in=found.named)
    )


#: Of work items whose undo failed outside a run.
FAILED_ALONE = failed_alone(WorkItem.subject_type, visible, F("title"), "workitems:detail")


def told(tenant_id: uuid.UUID, task_id: Any) -> Any:
    """Return the expression of what was said at the end of a task: who, why, and the answer."""
    rows = WorkItem.objects.filter(tenant_id=tenant_id, id=task_id)
    return Subquery(
        rows.annotate(
            told=JSONBArray(Cast("completed_by_id", TextField()), "ended_reason", "resolution")
        ).values("told")[:1]
    )


class JSONBArray(Func):
    """Values as a JSON list."""

    function = "jsonb_build_array"
    output_field = JSONField()
