"""What people read: made from stored codes at the moment of reading, in the reader's language.

Words that people wrote, titles of tasks, reasons and errors, come from the payloads of the entry
that was the news: they stay as they were, and what was erased there is gone here too. How anything
else is called comes from the describers.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.selectors import Person, people
from compensation.sentences import humane
from ledger.selectors import Entry, entries_by_id
from notifications.lifecycle import Topic
from notifications.models import Delivery
from verbs.subject import Description, describe
from web.entries import ledger_url
from web.timeline import detail_of, step_subject

_TITLES: dict[str, str | Promise] = {
    Topic.TASK_WAITING: gettext_lazy("Task waiting: %(what)s"),
    Topic.UNDO_WAITING: gettext_lazy("Undo task waiting: %(what)s"),
    Topic.TAKEN_AWAY: gettext_lazy("No longer yours: %(what)s"),
    Topic.NEEDS_SOMEBODY: gettext_lazy("Nobody is left for it: %(what)s"),
    Topic.EVENT_IGNORED: gettext_lazy("Not undone, although there was an event: %(what)s"),
    Topic.UNDO_ON_HOLD: gettext_lazy("On hold, and what it undoes with it: %(what)s"),
    Topic.DEADLINE_MISSED: gettext_lazy("Deadline missed: %(what)s"),
    Topic.MILESTONE_OVERDUE: gettext_lazy("A milestone was not reached in time: %(what)s"),
    Topic.GROUP_MET: gettext_lazy("Enough are done: %(what)s"),
    Topic.GROUP_MISSED: gettext_lazy("Too few are left: %(what)s"),
    Topic.SCHEDULE_FAILED: gettext_lazy("A schedule made no task: %(what)s"),
    Topic.LEDGER_TROUBLE: gettext_lazy("The ledger needs to be looked at: %(what)s"),
    Topic.DUE_WORK_STOPPED: gettext_lazy("What falls due is not done: %(what)s"),
    Topic.UNDONE: gettext_lazy("Undone: %(what)s"),
    Topic.UNDO_FAILED: gettext_lazy("Undo failed: %(what)s"),
    Topic.OUTCOME_UNKNOWN: gettext_lazy("Did it happen? %(what)s"),
    Topic.CASE_FAILED: gettext_lazy("Case failed: %(what)s"),
    Topic.BATCH_FAILED: gettext_lazy("A call failed: %(what)s"),
    Topic.ENGINE_STOPPED: gettext_lazy("Does not go on by itself: %(what)s"),
    Topic.ROLLBACK_STOPPED: gettext_lazy("%(what)s needs a decision"),
    Topic.ROLLBACK_WAITS: gettext_lazy("%(what)s waits for a result"),
    Topic.ROLLBACK_HELD: gettext_lazy("%(what)s has nothing left but what failed"),
    Topic.ROLLBACK_PAUSED: gettext_lazy("%(what)s is paused"),
    Topic.ROLLBACK_RESUMED: gettext_lazy("%(what)s goes on"),
    Topic.ROLLBACK_REFUSED: gettext_lazy("Not rolled back by itself: %(what)s"),
    Topic.ROLLBACK_ENDED: gettext_lazy("%(what)s has ended"),
    Topic.BEING_UNDONE: gettext_lazy("Being undone: %(what)s"),
    Topic.STAYS_DONE: gettext_lazy("Not undone after all: %(what)s"),
    Topic.NOT_DONE: gettext_lazy("Ended without being done: %(what)s"),
    Topic.WORK_UNDONE: gettext_lazy("Work of yours was undone: %(what)s"),
    Topic.APPROVAL_WAITING: gettext_lazy("Waiting for your approval: %(what)s"),
    Topic.APPROVED: gettext_lazy("Approved: %(what)s"),
    Topic.NOT_APPROVED: gettext_lazy("Not approved: %(what)s"),
    Topic.ASKED_FROM_OUTSIDE: gettext_lazy("%(what)s"),
    Topic.ANSWERED_LATE: gettext_lazy("Answered when nobody waited any more: %(what)s"),
}
# In place of these, by what has happened.
_TITLES_OF = {"failure_held": gettext_lazy("Has failed, and is on hold: %(what)s")}
_TONES = {
    Topic.UNDO_WAITING: "undo",
    Topic.MILESTONE_OVERDUE: "bad",
    Topic.GROUP_MET: "done",
    Topic.GROUP_MISSED: "bad",
    Topic.SCHEDULE_FAILED: "bad",
    Topic.LEDGER_TROUBLE: "bad",
    Topic.DUE_WORK_STOPPED: "bad",
    Topic.UNDONE: "done",
    Topic.ROLLBACK_ENDED: "done",
    Topic.WORK_UNDONE: "done",
    Topic.BEING_UNDONE: "undo",
    Topic.NOT_DONE: "bad",
    Topic.APPROVAL_WAITING: "undo",
    Topic.ASKED_FROM_OUTSIDE: "undo",
    Topic.ANSWERED_LATE: "bad",
    Topic.APPROVED: "done",
    Topic.NOT_APPROVED: "bad",
    Topic.UNDO_ON_HOLD: "undo",
    Topic.DEADLINE_MISSED: "bad",
    Topic.NEEDS_SOMEBODY: "bad",
    Topic.UNDO_FAILED: "bad",
    Topic.EVENT_IGNORED: "bad",
    Topic.OUTCOME_UNKNOWN: "bad",
    Topic.CASE_FAILED: "bad",
    Topic.BATCH_FAILED: "bad",
    Topic.ENGINE_STOPPED: "bad",
    Topic.ROLLBACK_STOPPED: "bad",
    Topic.ROLLBACK_WAITS: "bad",
    Topic.ROLLBACK_HELD: "bad",
    Topic.ROLLBACK_PAUSED: "undo",
    Topic.ROLLBACK_RESUMED: "undo",
    Topic.ROLLBACK_REFUSED: "bad",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A message in words. `url` is a path on this site: the subject's page, else its ledger.

    `case_title` is what it happened in, where the message is about something in a case,
    `in_place_of` the username of the person whose news it is, where the reader stands in for them.
    """

    title: str
    text: str
    url: str
    tone: str
    case_title: str = ""
    in_place_of: str | None = None


def texts_of(deliveries: Sequence[Delivery]) -> dict[uuid.UUID, Text]:
    """Return the words of each delivery, by its id, in a constant number of queries.

    Runs in the caller's tenant scope.
    """
    if not deliveries:
        return {}
    tenant_id = deliveries[0].tenant_id
    news = entries_by_id(tenant_id, {row.event_id for row in deliveries})
    causes = entries_by_id(
        tenant_id, {entry.caused_by.id for entry in news.values() if entry.caused_by is not None}
    )
    steps = {id_: step for id_, entry in news.items() if (step := step_subject(entry))}
    subjects = {(row.subject_type, row.subject_id) for row in deliveries}
    cases = {row.id: ("case", row.case_id) for row in deliveries if row.case_id is not None}
    absent = people(tenant_id, (row.in_place_of_id for row in deliveries))
    described = describe(tenant_id, {*subjects, *steps.values(), *cases.values()})
    found = {}
    for row in deliveries:
        subject = described[(row.subject_type, row.subject_id)]
        entry = news.get(row.event_id)
        step = steps.get(row.event_id)
        why = "" if entry is None else _why(entry, causes)
        parts = ["" if step is None else described[step].title, why]
        found[row.id] = Text(
            title=_title(row, entry, subject.title, absent),
            text=": ".join(part for part in parts if part),
            url=subject.url or ledger_url(row.subject_type, row.subject_id),
            tone=_TONES.get(Topic(row.topic), ""),
            case_title=_title_of(described[cases[row.id]]) if _is_inside(row) else "",
            in_place_of=None
            if row.in_place_of_id not in absent
            else absent[row.in_place_of_id].username,
        )
    return found


def in_case(text: Text) -> str:
    """Return which case a message belongs to, in a line of its own; empty for none."""
    return _("Case: %(title)s") % {"title": text.case_title} if text.case_title else ""


def _title_of(case: Description) -> str:
    """Return what the case is called; empty for what is none: a batch is told of by its name."""
    return case.title if case.url else ""


def _is_inside(row: Delivery) -> bool:
    """Return whether a message is about something in a case, and not about the case."""
    return row.case_id is not None and row.subject_id != row.case_id


def _title(
    row: Delivery, entry: Entry | None, subject: str, absent: Mapping[uuid.UUID, Person]
) -> str:
    """Return what a message says first, and for whom where its reader stands in for somebody."""
    said = _TITLES[row.topic] if entry is None else _TITLES_OF.get(entry.action, _TITLES[row.topic])
    title = str(said) % {"what": _title_then(row, entry) or subject}
    person = absent.get(row.in_place_of_id) if row.in_place_of_id else None
    if person is None:
        return title
    return _("%(title)s (for %(name)s)") % {"title": title, "name": person.name}


def _title_then(row: Delivery, entry: Entry | None) -> str:
    """Return what a task was called when it was the news; empty for what people did not name."""
    if entry is None or entry.subject_id != row.subject_id:
        return ""
    said = entry.payloads.get("title")
    return said if isinstance(said, str) else ""


def _why(entry: Entry, causes: dict[uuid.UUID, Entry]) -> str:
    """Return the words the news carries, else those of what caused it."""
    said = humane(detail_of(entry))
    if said or entry.caused_by is None or entry.caused_by.id not in causes:
        return said
    because = causes[entry.caused_by.id].payloads.get("reason")
    told = isinstance(because, str) and because
    return _("Because: %(reason)s") % {"reason": because} if told else ""
