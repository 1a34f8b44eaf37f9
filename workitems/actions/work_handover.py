"""Handing an item to others: to a person who is asked, or to the pool of others.

WS-HumanTask 1.1 §4.10.2 (delegate, forward). Delegating waits for an answer: until it comes the
item is the delegatee's to accept or decline, and nobody works on it. Who declines gives it back to
who had it, or, where they are gone or may not have it any more, to the pool. The chain of who was
asked stays on the item; reasons are in the ledger, where they can be erased.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.selectors import able_actors, actors_by_username
from accounts.skills import skilled_actors
from json_values.pointers import FieldError
from ledger.clock import now, rfc3339
from ledger.errors import Conflict, Invalid, Refusal
from verbs import catalogue
from verbs.input import Input, Name, Names, OptionalReason, OptionalText
from verbs.shell import Changed, VerbContext, wrong_state
from workitems.actions.candidates import (
    UNABLE,
    decides_already,
    excluded_among,
    is_excluded,
    name_candidates,
    nobody_left,
    replace_candidates,
    who_may_do,
)
from workitems.deadlines import CLAIM, met
from workitems.delegations import ACCEPTED, DECLINED, answer_delegation
from workitems.lifecycle import LIFECYCLE, OfferedTo
from workitems.models import WorkItem
from workitems.permissions import SKILLS_MISSING

ITEM = WorkItem.subject_type
# So many fit on the item; whoever wants another one decides who shall do it.
MOST_DELEGATIONS = 50


class Delegate(Input):
    """Who is asked to take it over, and why."""

    to: Name
    reason: OptionalText = ""


class Forward(Input):
    """Who may take it instead, and why."""

    candidate_users: Names = []
    candidate_groups: Names = []
    reason: OptionalText = ""


def _may_delegate(item: WorkItem, _facts: Any, _body: Any) -> Refusal | None:
    refused = wrong_state(LIFECYCLE["delegate"], item)
    if refused is not None or len(item.delegations) < MOST_DELEGATIONS:
        return refused
    return Conflict(
        _(
            "It was handed on %(n)d times already; an operator can give it to somebody,"
            " or forward it."
        )
        % {"n": MOST_DELEGATIONS},
        code="delegated_too_often",
        extra={"current_status": str(item.status)},
    )


@catalogue.transition(
    ITEM, LIFECYCLE["delegate"], action="delegated", given=Delegate, state=_may_delegate
)
def delegate(item: WorkItem, given: Delegate, context: VerbContext) -> Changed:
    """Ask somebody else to take it over."""
    to = who_may_do(item, given.to, "/to")
    if to == item.assignee_id:
        raise Invalid.field("/to", _("has it already"), code="unchanged")
    before, item.assignee_id = item.assignee_id, to
    asked = {
        "from": _text(before), "to": str(to), "by": str(context.authority.actor_id),
        "at": rfc3339(now()), "answer": "",
    }  # fmt: skip
    item.delegations = [*item.delegations, asked]
    said = {"title": item.title, "assignee": str(to), "previous": _text(before)}
    return Changed(["assignee", "delegations"], _with_reason(said, given.reason))


@catalogue.transition(ITEM, LIFECYCLE["accept-delegation"], action="delegation_accepted")
def accept_delegation(item: WorkItem, _given: Any, context: VerbContext) -> Changed:
    """Take over what somebody hands on."""
    asked = answer_delegation(item, ACCEPTED)
    # As in `assign`: what they put back later is theirs too, and nobody's who was never named. Not
    # before they have answered: who declines leaves it to those who could take it.
    name_candidates(item, [context.authority.person_id])
    if item.offered_to == OfferedTo.ANYBODY:
        item.offered_to = OfferedTo.NAMED
    said = {"title": item.title, "previous": asked.get("from", "")}
    return Changed(["delegations", "offered_to", *met(item, CLAIM)], said)


@catalogue.transition(
    ITEM, LIFECYCLE["decline-delegation"], action="delegation_declined", given=OptionalReason
)
def decline_delegation(item: WorkItem, given: OptionalReason, _context: VerbContext) -> Changed:
    """Do not take over what somebody hands on: it goes back to them."""
    asked = answer_delegation(item, DECLINED)
    before, back = item.assignee_id, _actor(asked.get("from"))
    may_have_it = (
        back is not None
        and not is_excluded(item, back)
        and not decides_already(item, back)
        and able_actors(item.tenant_id, [back])
    )
    item.assignee_id = back if may_have_it else None
    if not may_have_it and item.offered_to == OfferedTo.NAMED and nobody_left(item):
        item.offered_to = OfferedTo.OPERATORS
    said = {"title": item.title, "previous": _text(before)}
    if may_have_it:
        said["assignee"] = _text(back)
    fields = ["assignee", "offered_to", "delegations"]
    return Changed(fields, _with_reason(said, given.reason))


@catalogue.transition(ITEM, LIFECYCLE["forward"], action="forwarded", given=Forward)
def forward(item: WorkItem, given: Forward, _context: VerbContext) -> Changed:
    """Let others take it: the people and groups named here instead of those so far."""
    users = _candidates(item, given)
    before, item.assignee_id = item.assignee_id, None
    item.offered_to, item.forwarded, item.people_missing = OfferedTo.NAMED, True, []
    replace_candidates(item, users, given.candidate_groups)
    said: dict[str, Any] = {
        "title": item.title,
        "candidate_users": [str(user) for user in users],
        "candidate_groups": list(given.candidate_groups),
    }
    if before is not None:
        said["previous"] = str(before)
    fields = ["assignee", "offered_to", "forwarded", "people_missing"]
    return Changed(fields, _with_reason(said, given.reason))


def _candidates(item: WorkItem, given: Forward) -> Sequence[uuid.UUID]:
    """Return the actors it is forwarded to. Raises Invalid with all that is wrong."""
    if not given.candidate_users and not given.candidate_groups:
        raise Invalid.field("/candidate_users", _("name a person, or a group"), code="required")
    known = (
        actors_by_username(item.tenant_id, given.candidate_users) if given.candidate_users else {}
    )
    problems, excluded = [], excluded_among(item, known.values())
    able = set(known.values())
    if item.required_skills:
        able &= skilled_actors(item.tenant_id, able, item.required_skills)
    for index, name in enumerate(given.candidate_users):
        pointer = f"/candidate_users/{index}"
        if name not in known:
            problems.append(
                FieldError(
                    pointer, _("no active member is called '%(name)s'") % {"name": name}, "unknown"
                )
            )
        elif known[name] in excluded:
            problems.append(FieldError(pointer, _("is excluded from this item"), "excluded"))
        elif known[name] not in able:
            problems.append(FieldError(pointer, str(UNABLE), SKILLS_MISSING))
    if problems:
        raise Invalid(_("Not everybody it is forwarded to may have it."), errors=problems)
    return sorted({known[name] for name in given.candidate_users})


def _with_reason(said: dict[str, Any], reason: str) -> dict[str, Any]:
    return {**said, "reason": reason} if reason else said


def _text(actor: uuid.UUID | None) -> str:
    return "" if actor is None else str(actor)


def _actor(said: str | None) -> uuid.UUID | None:
    return uuid.UUID(said) if said else None
