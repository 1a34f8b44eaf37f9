"""Who is told of an event, and why. Reads only, in the caller's tenant scope.

Something waits: the assignee, else those it names; an offer to a group is a matter of the inbox.
Where nobody is left to take it, the operators. Taken from somebody: who had it. Undone: who did the
work and who asked for the undo; in a rollback once, at its end. Undo failed, rollback stopped, case
failed, rollback that waits for what may never come: who asked for it and the operators. Nobody
knows whether something happened: the operators. Nobody hears of work they handed to themselves,
and nobody who is not an active member hears anything.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from accounts.selectors import active_actors, members_of_groups, operators
from compensation.selectors import attempt_of, is_step_as, run_ref, undone_in
from compensation.subject import read_row, read_rows, undoable
from ledger.dispatch.consumer_registry import Event
from ledger.errors import NotFound
from ledger.selectors import Entry, entries_by_id, has_moved, opened_by
from notifications.events import TOPICS, WAITING
from notifications.lifecycle import Topic
from notifications.models import Delivery
from verbs.subject import Ref
from workitems import selectors as workitems
from workitems.lifecycle import Kind, OfferedTo
from workitems.permissions import is_anybodys


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What an event is about for some people. `about` is what they are led to: the event's own
    subject, unless something else is named."""

    topic: Topic
    recipients: frozenset[uuid.UUID]
    about: Ref | None = None


def told_of(event: Event) -> list[Told]:
    """Return who is told of `event`, each person once."""
    [entry] = entries_by_id([event.id]).values()
    found = list(_waiting(event, entry) if event.type in WAITING else _settled(event, entry))
    left = active_actors({actor for told in found for actor in told.recipients})
    news = []
    for told in found:
        recipients, left = told.recipients & left, left - told.recipients
        if recipients:
            news.append(dataclasses.replace(told, recipients=recipients))
    return news


def _waiting(event: Event, entry: Entry) -> Iterable[Told]:
    """What is to be done, and, of what was taken from somebody, who had it."""
    previous = entry.payloads.get("previous")
    if previous and previous != entry.payloads.get("assignee"):
        yield Told(Topic.TAKEN_AWAY, frozenset({uuid.UUID(previous)} - {event.actor_id}))
    try:
        item = workitems.get(event.subject_id)
    except NotFound:
        return
    # It may be taken, done or called off by now; then it waits for nobody, or that is other news.
    if has_moved(event.subject_type, event.subject_id, since=event.subject_version, but="edited"):
        return
    undoes = item.kind == Kind.COMPENSATION
    topic = Topic.UNDO_WAITING if undoes else Topic.TASK_WAITING
    if item.assignee_id is not None:
        yield Told(topic, frozenset({item.assignee_id} - {event.actor_id}))
        return
    left = _who_may(item) - ({event.actor_id} if event.from_status else set())
    by_name = {row.actor_id for row in item.candidate_users.all()} & left
    if left or is_anybodys(item):
        yield Told(topic, frozenset(by_name - {event.actor_id}))
    else:
        yield from _for_operators(item, event)


def _who_may(item: Any) -> frozenset[uuid.UUID]:
    """Return the active members who may take an item by their name or group; of what is the
    operators', nobody."""
    if item.offered_to == OfferedTo.OPERATORS:
        return frozenset()
    groups = [group.name for group in item.candidate_groups.all()]
    users = active_actors([user.actor_id for user in item.candidate_users.all()])
    found = users | frozenset(members_of_groups(groups))
    return found - {uuid.UUID(actor) for actor in item.excluded}


def _for_operators(item: Any, event: Event) -> Iterable[Told]:
    """Nobody is left to take it. In a rollback that is said about all of it, and again only when
    it has come back to them: after a task that was done by somebody else."""
    about = None
    if item.run_id is not None:
        about = run_ref(item.run_id)
        said = Delivery.objects.filter(
            topic=Topic.NEEDS_SOMEBODY, subject_type=about[0], subject_id=about[1]
        )
        if said.exists() and _theirs_already(item):
            return
    excluded = {uuid.UUID(actor) for actor in item.excluded}
    people = set(operators()) - excluded - {event.actor_id}
    yield Told(Topic.NEEDS_SOMEBODY, frozenset(people), about)


def _theirs_already(item: Any) -> bool:
    """Whether the operators are at a rollback: the task before this one waits, or one of them did
    it. A rollback of a thousand tasks that all fall to them is one notice, not a thousand."""
    before = workitems.task_before(item)
    return (
        before is None
        or before.completed_by_id is None
        or before.completed_by_id in set(operators())
    )


def _settled(event: Event, entry: Entry) -> Iterable[Told]:
    topic = TOPICS[event.type]
    if topic in _SETTLED:
        yield from _SETTLED[topic](event, entry)
        return
    yield Told(topic, _asked(event) | frozenset(operators()))


def _asked(event: Event) -> frozenset[uuid.UUID]:
    """Return who asked for a run or case: its first entry says so."""
    asked = opened_by(event.subject_type, event.subject_id)
    return frozenset() if asked is None else frozenset({asked})


def _undone(event: Event, entry: Entry) -> Iterable[Told]:
    requester = _requester_alone(entry)
    if requester is None:
        return
    row = read_row(event.subject_type, event.subject_id)
    # Who did the work that was undone; for an execution, who asked for it.
    done_by = None if row is None else undoable(event.subject_type).finished_by(row)
    people = {requester} if done_by is None else {requester, done_by}
    yield Told(Topic.UNDONE, frozenset(people))


def _undo_failed(_event: Event, entry: Entry) -> Iterable[Told]:
    requester = _requester_alone(entry)
    if requester is not None:
        yield Told(Topic.UNDO_FAILED, frozenset({requester, *operators()}))


def _in_doubt(event: Event, entry: Entry) -> Iterable[Told]:
    """A program ended without a word. Of an undo, people hear that it failed: it says so there."""
    if entry.kind != "COMPENSATION":
        yield Told(Topic.OUTCOME_UNKNOWN, frozenset(operators()) - {event.actor_id})


def _requester_alone(entry: Entry) -> uuid.UUID | None:
    """Return who asked for the attempt that an entry is about; None for one of a run.

    Of a run, people hear of the steps that stopped it, and of its end.
    """
    block: dict[str, Any] = entry.compensation or {}
    if block.get("run"):
        return None
    attempt = attempt_of(entry.subject_id, block.get("round", 0), block.get("attempt", 0))
    return None if attempt is None else attempt.requested_by_id


def _stopped(event: Event, entry: Entry) -> Iterable[Told]:
    """A step failed, and nobody has decided about it yet."""
    block: dict[str, Any] = entry.compensation or {}
    if is_step_as(event.subject_id, block.get("step"), version=block.get("step_version")):
        yield Told(Topic.ROLLBACK_STOPPED, _asked(event) | frozenset(operators()))


def _ended(event: Event, _entry: Entry) -> Iterable[Told]:
    """One word to who asked for the rollback, and one to everybody whose work it undid."""
    yield Told(Topic.ROLLBACK_ENDED, _asked(event))
    rows = read_rows(undone_in(event.subject_id)).values()
    did = {undoable(row.subject_type).finished_by(row) for row in rows}
    yield Told(Topic.WORK_UNDONE, frozenset(actor for actor in did if actor is not None))


_SETTLED: dict[Topic, Callable[[Event, Entry], Iterable[Told]]] = {
    Topic.UNDONE: _undone,
    Topic.UNDO_FAILED: _undo_failed,
    Topic.OUTCOME_UNKNOWN: _in_doubt,
    Topic.ROLLBACK_STOPPED: _stopped,
    Topic.ROLLBACK_ENDED: _ended,
}
