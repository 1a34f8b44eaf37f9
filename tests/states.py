"""Work items in every status, made by the verbs.

`operator` does everything in these helpers unless told otherwise: assignee, original actor and
requester at once, so that only the state decides what happens next.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from accounts.acting import ActingUser
from accounts.selectors import offered
from compensation.actions.undo_verbs import Compensation
from compensation.models import CompensationAttempt
from compensation.selectors import attempts_at
from ledger import selectors as entries
from ledger.clock import now
from ledger.selectors import Entry
from ledger.tenancy import tenant_scope
from people import actions as people
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.actions.work_deadlines import miss_due
from workitems.lifecycle import Status
from workitems.models import Deadline, WorkItem

REASON = "The credit check was forged"
# What is said of an undo task that ends otherwise than reversed.
WHY_NOT = "The letter was sent"
_EXPLAINED = {"CORRECTED", "PARTIALLY_REVERSED", "CANNOT_REVERSE"}


def new_item(by: ActingUser, **wanted: Any) -> WorkItem:
    """Create a work item that anybody may take."""
    wanted.setdefault("title", "Check the credit")
    return actions.create_work_item(call=Call(by), **wanted)


def in_progress(by: ActingUser, **wanted: Any) -> WorkItem:
    """Create an item and begin it."""
    return actions.start(new_item(by, **wanted).id, call=Call(by))


def completed(
    by: ActingUser, *, outcome: str | None = "PASSED", resolution: Any = None, **wanted: Any
) -> WorkItem:
    """Create, begin and complete an item."""
    item = in_progress(by, **wanted)
    return actions.complete(item.id, call=Call(by), outcome=outcome, resolution=resolution)


def compensate(item: WorkItem, by: ActingUser, **wish: Any) -> Compensation:
    """Begin the undo of a completed item."""
    wish.setdefault("reason", REASON)
    return actions.compensate(item.id, call=Call(by), **wish)


def compensating(by: ActingUser, **wanted: Any) -> Compensation:
    """Complete an item and begin its undo, which then waits for `by`."""
    return compensate(completed(by, **wanted), by)


def work(who: ActingUser, item_id: uuid.UUID, outcome: str | None, resolution: Any = None) -> None:
    """Start (from the pool this claims) and complete one item."""
    actions.start(item_id, call=Call(who))
    reason = WHY_NOT if outcome in _EXPLAINED else ""
    actions.complete(item_id, call=Call(who), outcome=outcome, resolution=resolution, reason=reason)


def undo(task_id: uuid.UUID, by: ActingUser, outcome: str = "REVERSED", **more: Any) -> WorkItem:
    """Do an undo task that is assigned to `by`, or that `by` may take."""
    more.setdefault("reason", "" if outcome == "REVERSED" else WHY_NOT)
    actions.start(task_id, call=Call(by))
    return actions.complete(task_id, call=Call(by), outcome=outcome, **more)


def faulted(by: ActingUser, **wanted: Any) -> Compensation:
    """Complete an item and fail to undo it."""
    begun = compensating(by, **wanted)
    undo(begun.attempt.compensation_id, by, "CANNOT_REVERSE")
    return begun


def _compensated(by: ActingUser) -> WorkItem:
    begun = compensating(by)
    undo(begun.attempt.compensation_id, by)
    original: WorkItem = begun.original
    return original


def another(by: ActingUser) -> str:
    """Return the username of an active member that is not `by`, unless they are alone."""
    with tenant_scope(by.tenant_id):
        names = [name for name, _ in offered(by.tenant_id, ["people"], 2)["people"]]
    return next((name for name in names if name != by.username), names[0])


def delegated(by: ActingUser, **wanted: Any) -> WorkItem:
    """Let somebody have an item, and ask `by` in their name to take it over."""
    wanted.setdefault("candidate_users", [by.username])
    item = new_item(by, assignee=another(by), **wanted)
    return actions.delegate(item.id, call=Call(by), to=by.username)


def come(item: WorkItem, *names: str) -> list[uuid.UUID]:
    """Let deadlines of an item have come, all of them unless named; their rows."""
    with tenant_scope(item.tenant_id):
        rows = Deadline.objects.filter(item_id=item.id)
        rows = rows.filter(name__in=names) if names else rows
        rows.update(due_at=now() - dt.timedelta(hours=1))
        return [row.id for row in rows]


def miss(item: WorkItem, *names: str) -> None:
    """Let deadlines of an item have come, and see to them."""
    for each in come(item, *names):
        assert miss_due(item.tenant_id, each)


def _missed(by: ActingUser, step: str) -> WorkItem:
    """Begin an item and miss the deadline of its completion, of which one step follows."""
    late = {"completion": {"within": "PT1H", "breach": [{"do": step}]}}
    item = in_progress(by, deadlines=late)
    miss(item)
    return item


# Everything that the table allows is then possible, also to leave it out.
_ANY = {"skippable": True}
MAKERS: dict[Status, Callable[[ActingUser], WorkItem]] = {
    Status.PENDING: lambda by: new_item(by, **_ANY),
    Status.ASSIGNED: lambda by: actions.claim(new_item(by, **_ANY).id, call=Call(by)),
    Status.IN_PROGRESS: lambda by: in_progress(by, **_ANY),
    Status.DELEGATED: lambda by: delegated(by, **_ANY),
    Status.SUSPENDED: lambda by: actions.suspend(in_progress(by, **_ANY).id, call=Call(by)),
    Status.FAULTED: lambda by: actions.fail(in_progress(by).id, call=Call(by), detail="no"),
    Status.OBSOLETE: lambda by: actions.skip(new_item(by, **_ANY).id, call=Call(by), reason="no"),
    Status.COMPLETED: completed,
    Status.REJECTED: lambda by: actions.reject(in_progress(by).id, call=Call(by), reason="no"),
    Status.CANCELLED: lambda by: actions.cancel(new_item(by).id, call=Call(by), reason="no"),
    Status.EXPIRED: lambda by: _missed(by, "expire"),
    Status.ESCALATED: lambda by: _missed(by, "escalate"),
    Status.COMPENSATING: lambda by: compensating(by).original,
    Status.COMPENSATED: _compensated,
    Status.COMPENSATION_FAULTED: lambda by: faulted(by).original,
}


def item_in(status: Status, by: ActingUser) -> WorkItem:
    """Return a fresh item in `status`, as it is stored."""
    found = stored(by, MAKERS[status](by).id)
    assert found.status == status
    return found


def stored(by: ActingUser | World, item_id: uuid.UUID) -> WorkItem:
    """Return a work item as the database has it."""
    with tenant_scope(_tenant(by)):
        return WorkItem.objects.get(id=item_id)


def history(by: ActingUser | World, subject: str, subject_id: uuid.UUID) -> list[Entry]:
    """Return a subject's entries, oldest first."""
    with tenant_scope(_tenant(by)):
        return entries.entries_of(_tenant(by), subject, subject_id)


def actions_of(by: ActingUser | World, subject: str, subject_id: uuid.UUID) -> list[str]:
    """Return the actions of a subject's entries, oldest first."""
    return [entry.action for entry in history(by, subject, subject_id)]


def attempts(by: ActingUser | World, original_id: uuid.UUID) -> list[CompensationAttempt]:
    """Return every attempt at undoing an original, oldest first."""
    with tenant_scope(_tenant(by)):
        return attempts_at({_tenant(by)}, {original_id})


def _tenant(by: ActingUser | World) -> uuid.UUID:
    return by.system.tenant_id if isinstance(by, World) else by.tenant_id


def change_roles(world: World, member: ActingUser, *roles: str) -> None:
    """Leave `member` with these roles alone."""
    assert member.membership_id is not None
    people.change_roles(member.membership_id, call=Call(world.admin), roles=list(roles))
