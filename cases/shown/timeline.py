"""What happened in a case or a rollback, newest first, without what only repeats other news."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from accounts.http.entry_words import words_for
from accounts.http.timeline import timeline_of
from cases import selectors
from cases.words import humane
from ledger.selectors import Entry, entries_of
from workitems.words import outcome_label

SHOWN = 60
# The original's own entries tell the same.
_QUIET = frozenset(
    {
        "claimed",
        "context_changed",
        "dispatched",
        "released",
        "requested",
        "started",
        "stopped",
        "compensation_step_completed",
        "compensation_step_failed",
        "compensation_step_planned",
        "compensation_step_retried",
        "compensation_step_started",
        "compensation_step_waiting",
    }
)
_QUIET_OF_CASE = frozenset({"rollback_started", "rollback_settled", "compensation_resumed"})
# What the rollback's own line has said once.
_REPEATED = frozenset({"compensation_started", "compensation_completed", "rollback_started"})


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
    listed = sorted(listed, key=lambda entry: (entry.at, entry.id), reverse=True)[:SHOWN]
    return [
        {**row, "detail": _detail(entry, row["detail"])}
        for entry, row in zip(listed, timeline_of(listed), strict=True)
    ]


def _detail(entry: Entry, detail: str) -> str:
    """Return what a line adds to its sentence: nothing twice, no constants."""
    if entry.subject_type != "compensation_run" and entry.action in _REPEATED:
        return ""
    outcome = entry.payloads.get("outcome")
    return outcome_label(detail) if outcome and detail == outcome else humane(detail)


def _is_problem(entry: Entry) -> bool:
    return words_for(entry.subject_type, entry.action).tone == "bad"
