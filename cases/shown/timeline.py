"""What happened in a case or a rollback, newest first, without what only repeats other news."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from accounts.http.entry_words import words_for
from accounts.http.timeline import timeline_of
from cases import selectors
from ledger.selectors import Entry, entries_of

SHOWN = 60
# The original's own entries tell the same.
_QUIET = frozenset(
    {
        "context_changed",
        "compensation_step_planned",
        "compensation_step_started",
        "compensation_step_waiting",
        "compensation_step_completed",
        "compensation_step_retried",
    }
)
_QUIET_OF_CASE = frozenset({"rollback_started", "rollback_settled", "compensation_resumed"})


def case_timeline(case_id: uuid.UUID, *, problems_only: bool = False) -> list[dict[str, Any]]:
    """Return `timeline` of a case and all its parts."""
    entries = [
        entry
        for entry in selectors.timeline(case_id)
        if entry.action not in _QUIET
        and not (entry.subject_type == "case" and entry.action in _QUIET_OF_CASE)
    ]
    return _told(entries, problems_only=problems_only)


def run_timeline(run_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return `timeline` of one rollback."""
    return _told(
        entry
        for entry in entries_of("compensation_run", run_id)
        if entry.action != "context_changed"
    )


def _told(entries: Iterable[Entry], *, problems_only: bool = False) -> list[dict[str, Any]]:
    listed = [entry for entry in entries if not problems_only or _is_problem(entry)]
    return timeline_of(listed[-SHOWN:])


def _is_problem(entry: Entry) -> bool:
    return words_for(entry.subject_type, entry.action).tone == "bad"
