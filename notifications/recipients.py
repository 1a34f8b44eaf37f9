"""Who is told of news, and why. Reads only, in the caller's tenant scope, and in bulk: how many
statements that takes does not depend on how much news there is.

Something waits: the assignee, else those it names, and who stands in for them, once and for one of
them; an offer to a group is a matter of the inbox.
Where nobody is left to take it, the operators. Taken from somebody: who had it. A deadline
missed: who has it, and the operators; late without a deadline: who has it, else who may take it,
alone. Enough of several instances done: who opened them; too few
left: they and the operators. Undone: who did the work and who asked for the undo; in a rollback
once, at its end, and at that of all the tree where it is a step of another. What stops below is
told there, once, to who asked for the tree. An event that undid nothing: the operators. Something
waits for approval: whoever
decides the step; decided or expired: who asked for it. Undo failed, rollback stopped, case
failed, rollback that waits for what may never come: who asked for it and the operators; a rollback
that would begin by itself and may not: whoever opened the whole, and they. A rollback paused,
going on, or held at its end: the same, but for who did that. Nobody
knows whether something happened: the operators. Whoever answers for a task, or looks on what
becomes of it, hears of a missed deadline, that it ended without being done, that its undo has
begun, and how that ended, in a rollback too. Nobody hears of work they handed to themselves;
that only active members hear anything is seen to where it is stored.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from accounts.roles import ADMIN_SITE_ROLES
from accounts.selectors import holding_any, operators
from compensation.errors import NothingToUndo, RunLive
from compensation.selectors import finishers, run_ref, undone_in
from governance.selectors import WaitingStep, waiting_steps
from ledger.dispatch.consumer_registry import Event
from ledger.selectors import Entry, entries_by_id
from notifications.events import TOPICS, WAITING
from notifications.lifecycle import Topic
from notifications.news_facts import (
    MOST_REMINDED,
    Fallen,
    MissedFacts,
    TaskFacts,
    ending_facts,
    fallen,
    missed_facts,
    task_facts,
)
from verbs.subject import Ref
from workitems.deadlines import FOLLOW_UP
from workitems.lifecycle import Kind, OfferedTo
from workitems.permissions import is_anybodys
from workitems.plain_due import DUE


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What an event is about for some people. `about` is what they are led to: the event's own
    subject, unless something else is named. `in_place_of`: for whom they stand in, whose news it
    is."""

    event: Event
    topic: Topic
    recipients: frozenset[uuid.UUID]
    about: Ref
    in_place_of: uuid.UUID | None = None


def told_of(events: Sequence[Event]) -> list[Told]:
    """Return who is told of `events`, in their order, each person once of an event."""
    batch = _Batch(events)
    news = []
    for event in events:
        told_already: frozenset[uuid.UUID] = frozenset()
        for told in batch.told_of(event):
            people = told.recipients - told_already
            told_already |= people
            if people:
                news.append(dataclasses.replace(told, recipients=people))
    return news


def _own(event: Event) -> Ref:
    return event.subject_type, event.subject_id


def _told(
    event: Event, topic: Topic, people: Iterable[uuid.UUID], about: Ref | None = None
) -> Told:
    return Told(event, topic, frozenset(people), about or _own(event))


def _has_somebody(task: TaskFacts) -> bool:
    """Whether anybody is left who may take it; of what is the operators', nobody."""
    may = task.somebody and task.offered_to != OfferedTo.OPERATORS
    return task.assignee_id is not None or may or is_anybodys(task)


class _Batch:
    """Some events of one tenant, with what must be known to say whom they concern. What only few
    of them need is read when the first one asks for it."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._tenant_id = events[0].tenant_id
        self._ended = [event for event in events if event.type not in WAITING]
        waiting = [event.id for event in events if event.type in WAITING]
        self._tasks = task_facts(self._tenant_id, waiting)
        self._endings = ending_facts(self._tenant_id, [event.id for event in self._ended])
        self._said_of_runs: set[uuid.UUID] = set()

    def told_of(self, event: Event) -> Iterator[Told]:
        """Return whom one of the events concerns; of two reasons the first counts."""
        if event.type in WAITING:
            yield from self._waiting(event, self._tasks[event.id])
        else:
            topic = TOPICS[event.type]
            yield from _ENDED.get(topic, _Batch._halted)(self, event, topic)
            if topic in _LOOKED_ON:
                yield _told(event, topic, {*self._endings[event.id].looking_on} - {event.actor_id})

    # What waits.

    def _waiting(self, event: Event, task: TaskFacts) -> Iterator[Told]:
        """What is to be done, and, of what was taken from somebody, who had it."""
        if task.taken_from is not None:
            yield _told(event, Topic.TAKEN_AWAY, {task.taken_from} - {event.actor_id})
        if task.item_id is None:
            return
        topic = Topic.UNDO_WAITING if task.kind == Kind.COMPENSATION else Topic.TASK_WAITING
        if task.assignee_id is None and not _has_somebody(task):
            yield from self._for_operators(event, task, task.item_id)
            return
        people = {*task.named} if task.assignee_id is None else {task.assignee_id}
        people.discard(event.actor_id)
        yield _told(event, topic, people)
        for person, substitute in task.substitutes:
            if person in people and substitute != event.actor_id:
                told = _told(event, topic, {substitute})
                yield dataclasses.replace(told, in_place_of=person)

    def _for_operators(self, event: Event, task: TaskFacts, item_id: uuid.UUID) -> Iterator[Told]:
        """Nobody is left to take it. In a rollback that is said about all of it, and again only
        when it has come back to them: after a task that was done by somebody else."""
        people = self._operators - {*task.excluded, event.actor_id}
        if task.run_id is None:
            yield _told(event, Topic.NEEDS_SOMEBODY, people)
            return
        known = self._fallen[item_id]
        said = known.told or known.run_id in self._said_of_runs
        if people and not (said and self._theirs_already(known)):
            self._said_of_runs.add(known.run_id)
            yield _told(event, Topic.NEEDS_SOMEBODY, people, run_ref(known.run_id))

    def _theirs_already(self, known: Fallen) -> bool:
        """Whether the operators are at a rollback: the task before this one waits, or one of them
        did it. A rollback of a thousand tasks that all fall to them is one notice."""
        return known.before_done_by is None or known.before_done_by in self._operators

    # What ended, or came to a halt.

    def _halted(self, event: Event, topic: Topic) -> Iterator[Told]:
        yield _told(event, topic, {self._endings[event.id].asked_by, *self._operators})

    def _decided(self, event: Event, topic: Topic) -> Iterator[Told]:
        """Enough of several are done: whoever opened them hears of it."""
        yield _told(event, topic, {self._endings[event.id].asked_by} - {event.actor_id})

    def _looked_on(self, _event: Event, _topic: Topic) -> Iterator[Told]:
        """Nobody but those who look on, who are told of it apart."""
        yield from ()

    def _needs_an_operator(self, event: Event, topic: Topic) -> Iterator[Told]:
        yield _told(event, topic, self._operators)

    def _needs_an_auditor(self, event: Event, topic: Topic) -> Iterator[Told]:
        """The record itself is in doubt: whoever looks after the organisation, and its auditors."""
        yield _told(event, topic, holding_any(self._tenant_id, ADMIN_SITE_ROLES))

    def _on_hold(self, event: Event, topic: Topic) -> Iterator[Told]:
        """An undo waits while its task is on hold: who wants it and the operators hear, unless they
        did that."""
        people = {self._endings[event.id].asked_by, *self._operators}
        yield _told(event, topic, people - {event.actor_id})

    def _missed(self, event: Event, topic: Topic) -> Iterator[Told]:
        """Who has it, and the operators: not of a reminder that somebody is there for, nor where
        the case that fails with it tells them."""
        known = self._missed_deadlines[event.id]
        if known.deadline == DUE:
            yield _told(event, topic, self._late_for(known))
            return
        has_it = {known.assignee_id} if known.assignee_id is not None else set()
        reminded = known.deadline == FOLLOW_UP and has_it
        case_tells = known.in_a_case and event.action != "deadline_missed"
        yield _told(event, topic, has_it if reminded or case_tells else has_it | self._operators)

    def _late_for(self, known: MissedFacts) -> Collection[uuid.UUID]:
        """Who is to do what is late, also by their group: they are reminded. Of what nobody has
        or may take, or so many may that nobody feels asked, the operators hear."""
        if known.assignee_id is not None:
            return {known.assignee_id}
        few = 0 < len(known.candidates) <= MOST_REMINDED
        return known.candidates if few else self._operators

    def _stopped(self, event: Event, topic: Topic) -> Iterator[Told]:
        """A step failed, and nobody has decided about it yet."""
        if self._endings[event.id].step_unchanged:
            yield from self._halted(event, topic)

    def _held(self, event: Event, topic: Topic) -> Iterator[Told]:
        """A rollback is held, or goes on: who wants it and the operators hear, unless they did
        that; not of what is over before the news is heard."""
        if self._endings[event.id].run_unchanged:
            yield from self._on_hold(event, topic)

    def _not_begun(self, event: Event, topic: Topic) -> Iterator[Told]:
        """Nobody asked for it, so nobody was answered. Where there was nothing to undo, nothing is
        left to anybody; nor where a case found another rollback in its way: it is tried once more
        at the end of that."""
        code = self._refusals[event.id].payloads.get("code")
        waits = event.subject_type == "case" and code == RunLive.default_code
        if not waits and code != NothingToUndo.default_code:
            yield from self._halted(event, topic)

    def _in_doubt(self, event: Event, topic: Topic) -> Iterator[Told]:
        """A program ended without a word. Of an undo, people hear that it failed: it says so
        there."""
        if self._endings[event.id].entry_kind != "COMPENSATION":
            yield _told(event, topic, self._operators - {event.actor_id})

    def _undo_failed(self, event: Event, topic: Topic) -> Iterator[Told]:
        wanted_by = self._endings[event.id].undo_wanted_by
        if wanted_by is not None:
            yield _told(event, topic, {wanted_by, *self._operators})

    def _undone(self, event: Event, topic: Topic) -> Iterator[Told]:
        wanted_by = self._endings[event.id].undo_wanted_by
        if wanted_by is not None:
            yield _told(event, topic, {wanted_by, *self._who_did([_own(event)])})

    def _rolled_back(self, event: Event, topic: Topic) -> Iterator[Told]:
        """One word to who asked for the rollback, and one to everybody whose work it undid, also
        below; the rollbacks below say nothing of their own."""
        if self._endings[event.id].is_below:
            return
        yield _told(event, topic, {self._endings[event.id].asked_by})
        undone = self._undone_by_runs.get(event.subject_id, ())
        yield _told(event, Topic.WORK_UNDONE, self._who_did(undone))

    def _who_did(self, refs: Iterable[Ref]) -> Iterator[uuid.UUID]:
        """Return who did work that was undone; for an execution, who asked for it."""
        for _type, id_ in refs:
            actor = self._finishers.get(id_)
            if actor is not None:
                yield actor

    def _approval_waits(self, event: Event, topic: Topic) -> Iterator[Told]:
        """Whoever decides its next step; where nobody is left who could, the operators. Of a step
        that was decided meanwhile nobody hears."""
        found = self._waiting_steps.get(event.subject_id)
        if found is not None and (found.n == 1) == (event.action == "requested"):
            yield _told(event, topic, found.deciders or self._operators - {event.actor_id})

    def _approval_ended(self, event: Event, topic: Topic) -> Iterator[Told]:
        yield _told(event, topic, {self._endings[event.id].asked_by} - {event.actor_id})

    # What is read for all of them at once.

    @functools.cached_property
    def _operators(self) -> frozenset[uuid.UUID]:
        return frozenset(operators(self._tenant_id))

    @functools.cached_property
    def _missed_deadlines(self) -> dict[uuid.UUID, MissedFacts]:
        news = self._about(Topic.DEADLINE_MISSED)
        return missed_facts(self._tenant_id, [event.id for event in news])

    @functools.cached_property
    def _refusals(self) -> dict[uuid.UUID, Entry]:
        news = self._about(Topic.ROLLBACK_REFUSED)
        return entries_by_id(self._tenant_id, {event.id for event in news})

    @functools.cached_property
    def _fallen(self) -> dict[uuid.UUID, Fallen]:
        rows = [task for task in self._tasks.values() if not _has_somebody(task)]
        return fallen(self._tenant_id, [task.item_id for task in rows if task.item_id is not None])

    @functools.cached_property
    def _undone_by_runs(self) -> dict[uuid.UUID, list[Ref]]:
        return undone_in(
            self._tenant_id, [event.subject_id for event in self._about(Topic.ROLLBACK_ENDED)]
        )

    @functools.cached_property
    def _waiting_steps(self) -> dict[uuid.UUID, WaitingStep]:
        news = self._about(Topic.APPROVAL_WAITING)
        return waiting_steps(self._tenant_id, {event.subject_id for event in news})

    @functools.cached_property
    def _finishers(self) -> dict[uuid.UUID, uuid.UUID | None]:
        in_runs = itertools.chain.from_iterable(self._undone_by_runs.values())
        return finishers(self._tenant_id, {*map(_own, self._about(Topic.UNDONE)), *in_runs})

    def _about(self, topic: Topic) -> Iterator[Event]:
        return (event for event in self._ended if TOPICS[event.type] == topic)


#: What those hear of too who look on what becomes of a task.
_LOOKED_ON = frozenset(
    {
        Topic.DEADLINE_MISSED, Topic.NOT_DONE, Topic.BEING_UNDONE, Topic.UNDONE, Topic.UNDO_FAILED,
        Topic.STAYS_DONE,
    }
)  # fmt: skip
_ENDED: dict[Topic, Callable[[_Batch, Event, Topic], Iterator[Told]]] = {
    **dict.fromkeys(
        (Topic.NOT_DONE, Topic.BEING_UNDONE, Topic.STAYS_DONE),
        _Batch._looked_on,  # noqa: SLF001
    ),
    Topic.DEADLINE_MISSED: _Batch._missed,  # noqa: SLF001
    Topic.UNDO_ON_HOLD: _Batch._on_hold,  # noqa: SLF001
    Topic.GROUP_MET: _Batch._decided,  # noqa: SLF001
    Topic.UNDONE: _Batch._undone,  # noqa: SLF001  -- the table of this class
    Topic.UNDO_FAILED: _Batch._undo_failed,  # noqa: SLF001
    Topic.OUTCOME_UNKNOWN: _Batch._in_doubt,  # noqa: SLF001
    Topic.LEDGER_TROUBLE: _Batch._needs_an_auditor,  # noqa: SLF001
    Topic.DUE_WORK_STOPPED: _Batch._needs_an_operator,  # noqa: SLF001
    Topic.SCHEDULE_FAILED: _Batch._needs_an_operator,  # noqa: SLF001
    Topic.MILESTONE_OVERDUE: _Batch._needs_an_operator,  # noqa: SLF001
    Topic.BATCH_FAILED: _Batch._needs_an_operator,  # noqa: SLF001
    Topic.ENGINE_STOPPED: _Batch._needs_an_operator,  # noqa: SLF001
    Topic.EVENT_IGNORED: _Batch._needs_an_operator,  # noqa: SLF001
    Topic.ANSWERED_LATE: _Batch._needs_an_operator,  # noqa: SLF001
    Topic.ASKED_FROM_OUTSIDE: _Batch._needs_an_operator,  # noqa: SLF001
    Topic.ROLLBACK_STOPPED: _Batch._stopped,  # noqa: SLF001
    **dict.fromkeys(
        (Topic.ROLLBACK_HELD, Topic.ROLLBACK_PAUSED, Topic.ROLLBACK_RESUMED),
        _Batch._held,  # noqa: SLF001
    ),
    Topic.ROLLBACK_REFUSED: _Batch._not_begun,  # noqa: SLF001
    Topic.ROLLBACK_ENDED: _Batch._rolled_back,  # noqa: SLF001
    Topic.APPROVAL_WAITING: _Batch._approval_waits,  # noqa: SLF001
    Topic.APPROVED: _Batch._approval_ended,  # noqa: SLF001
    Topic.NOT_APPROVED: _Batch._approval_ended,  # noqa: SLF001
}
