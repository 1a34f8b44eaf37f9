"""Who is told of an event, and why. Reads only, in the caller's tenant scope.

Something waits: the assignee, else every candidate. Undone: who did the original work and who asked
for the undo. Undo failed, rollback stopped, case failed: who asked for it and the operators. Nobody
hears of work they handed to themselves, and nobody who is not an active member hears anything.
"""

from __future__ import annotations

import dataclasses
import uuid

from accounts.selectors import active_actors, members_of_groups, operators
from compensation.actions.attempts import newest_attempt
from compensation.subject import read_row, undoable
from ledger.dispatch.consumer_registry import Event
from ledger.errors import NotFound
from ledger.selectors import opened_by
from notifications.events import TOPICS, WAITING
from notifications.lifecycle import Topic
from workitems import selectors as workitems
from workitems.lifecycle import Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What an event is about for people, and who hears of it."""

    topic: Topic
    recipients: frozenset[uuid.UUID]


def told_of(event: Event) -> Told | None:
    """Return who is told of `event`, or None when nobody is."""
    found = _waiting(event) if event.type in WAITING else _settled(event)
    if found is None:
        return None
    recipients = active_actors(found.recipients)
    return Told(found.topic, recipients) if recipients else None


def _waiting(event: Event) -> Told | None:
    try:
        item = workitems.get(event.subject_id)
    except NotFound:
        return None
    if event.to_status == "PENDING":
        groups = [group.name for group in item.candidate_groups.all()]
        excluded = {uuid.UUID(actor) for actor in item.excluded}
        people = {*members_of_groups(groups)} if groups else set()
        people |= {user.actor_id for user in item.candidate_users.all()}
        people -= excluded
    else:
        people = set() if item.assignee_id is None else {item.assignee_id}
    topic = Topic.UNDO_WAITING if item.kind == Kind.COMPENSATION else Topic.TASK_WAITING
    return Told(topic, frozenset(people - {event.actor_id}))


def _settled(event: Event) -> Told | None:
    topic = TOPICS[event.type]
    if topic in {Topic.UNDONE, Topic.UNDO_FAILED}:
        return _undo_ended(event, topic)
    # The first entry of a run or case says who asked for it.
    asked = opened_by(event.subject_type, event.subject_id)
    people = set() if asked is None else {asked}
    if topic != Topic.ROLLBACK_ENDED:
        people.update(operators())
    return Told(topic, frozenset(people))


def _undo_ended(event: Event, topic: Topic) -> Told | None:
    attempt = newest_attempt(event.subject_type, event.subject_id)
    if attempt is None:
        return None
    people = {attempt.requested_by_id}
    if topic == Topic.UNDO_FAILED:
        if attempt.run_id is not None:
            # The failed step of its run is told of, once, and leads to where it is repaired.
            return None
        return Told(topic, frozenset({*people, *operators()}))
    row = read_row(event.subject_type, event.subject_id)
    # Who did the work that was undone; for an execution, who asked for it.
    done_by = None if row is None else undoable(event.subject_type).finished_by(row)
    return Told(topic, frozenset(people if done_by is None else {*people, done_by}))
