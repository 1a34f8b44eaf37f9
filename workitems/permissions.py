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
from workitems.selectors import deciders_of, who_completed

#: Who is not able to do what an item asks for may not do it, whoever named them.
SKILLS_MISSING = "skills_missing"
#: A task for several deciders is done once by each.
HAS_ANOTHER = "has_another"


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
    """Whether `item` is meant for the acting user: named, in a named group, or nobody ever was
    named. What nobody is left for is an operator's, not everybody's; so is an undo task for which
    nobody could be named.
    """
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
    """Of a substitute and of whom they stand in for either counts."""
    groups = authority.groups | authority.person_groups
    people = {authority.actor_id, authority.person_id}
    if not people.isdisjoint(map(uuid.UUID, item.excluded)):
        return True
    if not groups.isdisjoint(item.excluded_groups):
        return True
    return bool(item.not_completed_by) and not people.isdisjoint(
        who_completed(item.tenant_id, item.case_id, item.not_completed_by)
    )


def _has_another(item: WorkItem, authority: Authority) -> bool:
    """Of a substitute and of whom they stand in for either counts."""
    return not deciders_of(item).isdisjoint({authority.actor_id, authority.person_id})


def _is_able(item: WorkItem, authority: Authority) -> bool:
    """Whether who acts, for themselves or for another, is able to do what the item asks for."""
    return authority.skills.issuperset(item.required_skills)


def _is_named(
    item: WorkItem, authority: Authority, users: Collection[uuid.UUID], groups: Collection[str]
) -> bool:
    if not users and not groups:
        return is_anybodys(item) or authority.is_operator
    return authority.person_id in users or not authority.person_groups.isdisjoint(groups)


def _candidate(item: WorkItem, authority: Authority, _facts: Any) -> str | None:
    """Excluded actors never may (WS-HumanTask 1.1 §3.2, excluded owners), nor who acts for one, nor
    who is not able to do it; nor, of a task for several deciders, who has another instance."""
    if _is_excluded(item, authority):
        return "excluded"
    if not is_candidate(item, authority):
        return "not_candidate"
    if item.one_of_id is not None and _has_another(item, authority):
        return HAS_ANOTHER
    return "" if _is_able(item, authority) else SKILLS_MISSING


def _assignee(item: WorkItem, authority: Authority, facts: Any) -> str | None:
    """Where nobody has it, whoever may take it: that it must be taken first is a question of
    state, said by the next check."""
    if item.assignee_id is None:
        return _candidate(item, authority, facts)
    if item.assignee_id != authority.person_id:
        return "not_assignee"
    # Who was shut out since may give it back, and no more (WS-HumanTask 1.1 §3.2).
    if _is_excluded(item, authority):
        return "excluded"
    return "" if _is_able(item, authority) else SKILLS_MISSING


def _actual_owner(item: WorkItem, authority: Authority, _facts: Any) -> str | None:
    """Who has it, and nobody else while nobody has it: who may take an item that waits for many
    neither keeps it from them nor gives it to others (WS-HumanTask 1.1 §3.2, actual owner)."""
    return "" if item.assignee_id == authority.person_id else "not_assignee"


def _owner(item: WorkItem, authority: Authority, _facts: Any) -> str | None:
    """Who answers for how it ends. That says nothing about who may take it: the answer to whoever
    is not the owner is that of the others who may."""
    return "" if item.owner_id is not None and item.owner_id == authority.person_id else None


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


def _stood_in(relation: Relation) -> Relation:
    """Return a relation in which a substitute may act for another: for the work of one group alone,
    where that was said."""

    def stands(item: WorkItem, authority: Authority, facts: Any) -> str | None:
        only_for = "" if authority.absent is None else authority.absent.only_for
        if only_for and only_for not in item.groups_asked:
            return "not_candidate"
        return relation(item, authority, facts)

    return stands


def as_assignee(item: WorkItem, authority: Authority) -> Authority | None:
    """Return by what authority somebody has an item: their own, or that of a substitute."""
    everybody = (authority, *authority.in_place_of_others())
    has_it = STOOD_IN["actual_owner"]
    return next((each for each in everybody if has_it(item, each, None) == ""), None)


#: In which somebody may be stood in for: whose work it is, and never what a role allows.
STOOD_IN: dict[str, Relation] = {
    "candidate": _stood_in(_candidate),
    "assignee": _stood_in(_assignee),
    "delegatee": _stood_in(_delegatee),
    "actual_owner": _stood_in(_actual_owner),
    "owner": _stood_in(_owner),
}
RELATIONS: dict[str, Relation] = {
    **STOOD_IN,
    "holder": _assignee,
    "creator": _creator,
    "original_actor": _original_actor,
    "requester": _requester,
}
