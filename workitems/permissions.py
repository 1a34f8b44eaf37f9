"""In which relations people stand to a work item."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any, Protocol

from accounts.acting import Authority
from compensation.facts import UndoFacts
from compensation.policy import CompensationPolicy
from verbs.subject import Relation
from workitems.lifecycle import Kind, OfferedTo
from workitems.models import WorkItem


class Offered(Protocol):
    """What says whom an item is for while nobody has it."""

    @property
    def offered_to(self) -> str:
        """A value of `OfferedTo`."""

    @property
    def kind(self) -> str:
        """A value of `Kind`."""


def is_anybodys(item: Offered) -> bool:
    """Whether an item without candidates is for anybody: it never named one, and undoes nothing."""
    return item.offered_to == OfferedTo.ANYBODY and item.kind != Kind.COMPENSATION


def is_candidate(item: WorkItem, authority: Authority) -> bool:
    """Whether the acting user may take `item`: named, in a named group, or nobody ever was named.

    Excluded actors never may (WS-HumanTask 1.1 §3.2, excluded owners). What nobody is left for is
    an operator's, not everybody's; so is an undo task for which nobody could be named.
    """
    if _is_excluded(item, authority):
        return False
    if item.offered_to == OfferedTo.OPERATORS and authority.is_operator:
        return True
    brought = vars(item)
    # What is forwarded may have other candidates than the locked read brought along: whom it named
    # while somebody waited for the lock need not be named any more.
    if (
        "named_users" in brought
        and not item.forwarded
        and _is_named(item, authority, brought["named_users"], brought["named_groups"])
    ):
        return True
    # Else candidates are only ever added: those that the locked read brought along are right in
    # whom they name, but somebody may have been named while it waited for the lock.
    return _is_named(item, authority, item.people_asked, item.groups_asked)


def _is_excluded(item: WorkItem, authority: Authority) -> bool:
    groups = authority.groups
    return str(authority.actor_id) in item.excluded or not groups.isdisjoint(item.excluded_groups)


def _is_named(
    item: WorkItem, authority: Authority, users: Collection[uuid.UUID], groups: Collection[str]
) -> bool:
    if not users and not groups:
        return is_anybodys(item) or authority.is_operator
    return authority.actor_id in users or not authority.groups.isdisjoint(groups)


def _candidate(item: WorkItem, authority: Authority, _facts: Any) -> str | None:
    if is_candidate(item, authority):
        return ""
    return "excluded" if _is_excluded(item, authority) else "not_candidate"


def _assignee(item: WorkItem, authority: Authority, facts: Any) -> str | None:
    """Where nobody has it, whoever may take it: that it must be taken first is a question of
    state, said by the next check."""
    if item.assignee_id is None:
        return _candidate(item, authority, facts)
    return "" if item.assignee_id == authority.actor_id else "not_assignee"


def _owner(item: WorkItem, authority: Authority, _facts: Any) -> str | None:
    """Who has it, and nobody else while nobody has it: who may take an item that waits for many
    neither keeps it from them nor gives it to others (WS-HumanTask 1.1 §3.2, actual owner)."""
    return "" if item.assignee_id == authority.actor_id else "not_assignee"


def _delegatee(item: WorkItem, authority: Authority, facts: Any) -> str | None:
    """Who is asked to take over is the assignee while that is open; that it is, is a question of
    state."""
    return _assignee(item, authority, facts) and "not_delegatee"


def _creator(item: WorkItem, authority: Authority, _facts: Any) -> str | None:
    return "" if item.created_by_id == authority.actor_id else None


def _original_actor(item: WorkItem, authority: Authority, _facts: Any) -> str | None:
    if item.completed_by_id != authority.actor_id:
        return None
    said = CompensationPolicy.from_json(item.policy).effective()
    return "" if said.self_undo else "self_undo_not_allowed"


def _requester(_item: WorkItem, authority: Authority, facts: UndoFacts) -> str | None:
    last = facts.last
    return "" if last is not None and last.requested_by_id == authority.actor_id else None


RELATIONS: dict[str, Relation] = {
    "candidate": _candidate,
    "assignee": _assignee,
    "creator": _creator,
    "delegatee": _delegatee,
    "owner": _owner,
    "original_actor": _original_actor,
    "requester": _requester,
}
