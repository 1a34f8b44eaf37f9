"""Undoing finished work because of an event, without anybody asking for it.

It is the undo that its policy declares, and obeys what a person who asks must obey, with less: what
is a point of no return, cannot be undone, or needs approval, is undone by nobody but a person, and
no closed window is opened. An event that tells the decision of a person does no more than that
person may do now.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.acting import authority_of_member
from compensation.actions import undo
from compensation.actions.approval_needed import needs_agreement
from compensation.actions.undo_verbs import as_whole_says, check_compensable
from compensation.errors import ApprovalRequired, Irreversible
from compensation.facts import UndoFacts
from compensation.lifecycle import Reversibility
from compensation.models import CompensationAttempt
from compensation.planning import request_of
from compensation.policy import CompensationPolicy
from ledger.errors import Conflict, NotPermitted, Refusal
from ledger.record import ActorRef, EntryRef
from ledger.selectors import people_behind
from verbs import catalogue, words
from verbs.operation import Operation


def compensate_by_event(
    original: Any,
    operation: Operation,
    *,
    reason: str,
    trigger: Mapping[str, Any],
    by: ActorRef,
    caused_by: EntryRef,
    asked_by: uuid.UUID | None = None,
) -> CompensationAttempt:
    """Begin the undo of a locked original, because of the entry of an event. Raises Refusal, and
    then has written nothing; `trigger` is what the entry keeps of the event, `asked_by` whose
    decision it tells, if it was a person's."""
    facts = UndoFacts(original)
    refused = check_compensable(operation, original, facts, {})
    if asked_by is None:
        refused = refused or _left_to_people(original)
    else:
        refused = _not_theirs(original, facts, operation.name, asked_by) or refused
    if refused is None and needs_agreement(original):
        # Nobody agreed, and nobody asks: whoever is told of the refusal may.
        refused = ApprovalRequired()
    if refused is not None:
        raise refused
    policy = CompensationPolicy.from_json(original.policy)
    request = request_of(policy, reason=reason, requested_by=asked_by or by.id)
    request = request.also_asked_by(people_behind(original.tenant_id, entries=[caused_by.id]))
    return undo.begin(
        original, as_whole_says(original, request), by=by, caused_by=caused_by,
        said={"trigger": dict(trigger)},
    )  # fmt: skip


def _not_theirs(original: Any, facts: UndoFacts, name: str, asked_by: uuid.UUID) -> Refusal | None:
    """Return what is said to somebody who may not ask for the undo itself, as they are now."""
    authority = authority_of_member(original.tenant_id, asked_by)
    if authority is None:
        return NotPermitted(_("Who asked for it is no active member any more."))
    denied = catalogue.find(original.subject_type, name).denied(original, authority, facts)
    return NotPermitted(words.denial(denied)) if denied else None


def _left_to_people(original: Any) -> Refusal | None:
    if original.reversibility == Reversibility.PIVOT:
        return Conflict(_("It is a point of no return: only a person undoes it."), code="pivot")
    if original.reversibility == Reversibility.IRREVERSIBLE:
        return Irreversible()
    return None
