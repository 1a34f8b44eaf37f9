"""The words, icons and tones that people see in place of status constants.

One table per subject kind. A tone is one of ``wait act undo done bad`` and maps to a badge class;
``undo`` is reserved for work that takes something back. Icon names are Lucide's.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class StateWords:
    """How one status is shown: ``label`` in words, Lucide ``icon``, colour ``tone``."""

    label: str | Promise
    icon: str
    tone: str


_COMPENSATION = {
    "COMPENSATING": StateWords(_("Being undone"), "undo-2", "undo"),
    "COMPENSATED": StateWords(_("Undone"), "check", "done"),
    "COMPENSATION_FAULTED": StateWords(_("Needs a decision"), "x", "bad"),
}

WORDS: dict[str, dict[str, StateWords]] = {
    "work_item": {
        "PENDING": StateWords(_("Open"), "inbox", "wait"),
        "ASSIGNED": StateWords(_("Taken"), "user", "act"),
        "IN_PROGRESS": StateWords(_("In progress"), "user", "act"),
        "DELEGATED": StateWords(_("Handed over"), "user-plus", "act"),
        "SUSPENDED": StateWords(_("On hold"), "pause", "wait"),
        "COMPLETED": StateWords(_("Done"), "check", "done"),
        "REJECTED": StateWords(_("Rejected"), "x", "bad"),
        "FAULTED": StateWords(_("Failed"), "x", "bad"),
        "CANCELLED": StateWords(_("Cancelled"), "ban", "wait"),
        "OBSOLETE": StateWords(_("No longer needed"), "minus", "wait"),
        "EXPIRED": StateWords(_("Expired"), "clock", "bad"),
        "ESCALATED": StateWords(_("Escalated"), "triangle-alert", "bad"),
        **_COMPENSATION,
    },
    "execution": {
        "PENDING_APPROVAL": StateWords(_("Waits for approval"), "clock", "wait"),
        "PENDING": StateWords(_("Queued"), "clock", "wait"),
        "RUNNING": StateWords(_("Running"), "bot", "act"),
        "WAITING": StateWords(_("Will be tried again"), "clock", "wait"),
        "SUCCEEDED": StateWords(_("Done"), "check", "done"),
        "FAILED": StateWords(_("Failed"), "x", "bad"),
        "REJECTED": StateWords(_("Refused"), "x", "bad"),
        "EXPIRED": StateWords(_("Expired"), "clock", "bad"),
        "SUPERSEDED": StateWords(_("Replaced"), "minus", "wait"),
        "CANCELLED": StateWords(_("Cancelled"), "ban", "wait"),
        **_COMPENSATION,
    },
    "batch": {
        "RUNNING": StateWords(_("Running"), "bot", "act"),
        "COMPLETED": StateWords(_("Done"), "check", "done"),
        "FAILED": StateWords(_("Failed"), "x", "bad"),
        **_COMPENSATION,
        "PARTIALLY_COMPENSATED": StateWords(_("Partly undone"), "circle-slash", "bad"),
    },
    "case": {
        "RUNNING": StateWords(_("Running"), "play", "act"),
        "SUSPENDED": StateWords(_("On hold"), "pause", "wait"),
        "COMPLETED": StateWords(_("Completed"), "check", "done"),
        "FAULTED": StateWords(_("Failed"), "x", "bad"),
        "CANCELLED": StateWords(_("Cancelled"), "ban", "wait"),
        **_COMPENSATION,
        "COMPENSATED": StateWords(_("Rolled back"), "check", "done"),
        "PARTIALLY_COMPENSATED": StateWords(
            _("Rolled back with exceptions"), "triangle-alert", "bad"
        ),
        "COMPENSATION_FAULTED": StateWords(_("Rollback needs a decision"), "x", "bad"),
        "CLOSED": StateWords(_("Closed"), "lock", "wait"),
    },
    "plan_item": {
        "PENDING": StateWords(_("Not started"), "clock", "wait"),
        "ACTIVE": StateWords(_("Open"), "play", "act"),
        "COMPLETED": StateWords(_("Done"), "check", "done"),
        "FAULTED": StateWords(_("Failed"), "x", "bad"),
        "REJECTED": StateWords(_("Rejected"), "x", "bad"),
        "OBSOLETE": StateWords(_("No longer needed"), "minus", "wait"),
        "CANCELLED": StateWords(_("Cancelled"), "ban", "wait"),
        "SUSPENDED": StateWords(_("On hold"), "pause", "wait"),
    },
    "run": {
        "PENDING_APPROVAL": StateWords(_("Waits for approval"), "clock", "undo"),
        "APPROVED": StateWords(_("About to start"), "undo-2", "undo"),
        "RUNNING": StateWords(_("Rolling back"), "undo-2", "undo"),
        "PAUSED": StateWords(_("Paused"), "pause", "undo"),
        "COMPLETED": StateWords(_("Rolled back"), "check", "done"),
        "PARTIAL": StateWords(_("Rolled back with exceptions"), "triangle-alert", "bad"),
        "FAULTED": StateWords(_("Needs a decision"), "x", "bad"),
        "REJECTED": StateWords(_("Refused"), "x", "bad"),
        "CANCELLED": StateWords(_("Cancelled"), "ban", "wait"),
        "EXPIRED": StateWords(_("Expired"), "clock", "wait"),
        "SUPERSEDED": StateWords(_("Out of date"), "minus", "wait"),
    },
    "step": {
        "PLANNED": StateWords(_("Not started"), "clock", "wait"),
        "WAITING": StateWords(_("Waits for a person"), "user", "undo"),
        "RUNNING": StateWords(_("Being undone"), "undo-2", "undo"),
        "DONE": StateWords(_("Undone"), "check", "done"),
        "FAILED": StateWords(_("Needs a decision"), "x", "bad"),
        "RESOLVED": StateWords(_("Settled by hand"), "check", "done"),
        "ABANDONED": StateWords(_("Given up"), "ban", "bad"),
        "SKIPPED": StateWords(_("Left out"), "minus", "wait"),
        "BLOCKED": StateWords(_("Blocked"), "lock", "bad"),
    },
    # Shown beside or instead of a status where the kind of work matters more than its state.
    "kind": {
        "TASK": StateWords(_("Task"), "inbox", "wait"),
        "COMPENSATION": StateWords(_("Undo task"), "undo-2", "undo"),
        "REVIEW": StateWords(_("Review again"), "triangle-alert", "bad"),
    },
    "compensation": {
        "NONE": StateWords(_("Not undone"), "minus", "wait"),
        **_COMPENSATION,
    },
    "mode": {
        "human": StateWords(_("By a person"), "user", "undo"),
        "automated": StateWords(_("Automatic"), "bot", "act"),
    },
    "exclusion": {
        "irreversible": StateWords(_("Irreversible"), "lock", "bad"),
        "pivot": StateWords(_("Point of no return"), "lock", "bad"),
        "window_closed": StateWords(_("Too late"), "clock", "bad"),
        "already_compensated": StateWords(_("Already undone"), "check", "done"),
        "not_completed": StateWords(_("Was not finished"), "minus", "wait"),
        "in_flight": StateWords(_("Still running"), "clock", "wait"),
        "no_compensation_declared": StateWords(
            _("No way to undo declared"), "circle-question-mark", "bad"
        ),
        "erased": StateWords(_("Data erased"), "eraser", "bad"),
        "other_tenant": StateWords(_("Belongs to someone else"), "building-2", "wait"),
        "dependents_remain": StateWords(_("Later work builds on it"), "link", "bad"),
    },
}


def words_for(status: str, kind: str) -> StateWords:
    """Return the words for ``status`` of ``kind``; an unknown one is shown readably, not hidden."""
    found = WORDS.get(kind, {}).get(status)
    if found is not None:
        return found
    readable = status.replace("_", " ").replace("-", " ").strip().capitalize()
    return StateWords(readable, "circle", "wait")
