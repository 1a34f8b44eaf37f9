"""What happened in a case or a rollback, newest first, without what only repeats other news."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accounts.selectors import Person
from cases import selectors
from cases.words import humane
from ledger.selectors import Entry, entries_of
from web.describers import Description, Subject
from web.entry_words import words_for
from web.timeline import timeline_of
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


def case_entries(case_id: uuid.UUID, *, problems_only: bool = False) -> list[Entry]:
    """Return what is told of a case and all its parts, newest first."""
    return _newest(
        entry
        for entry in selectors.timeline(case_id)
        if not _is_quiet(entry) and (_is_problem(entry) or not problems_only)
    )


def run_timeline(run_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return `timeline` of one rollback."""
    return told(_newest(entries_of("compensation_run", run_id)))


def told(
    entries: Sequence[Entry],
    *,
    described: Mapping[Subject, Description] | None = None,
    named: Mapping[uuid.UUID, Person] | None = None,
) -> list[dict[str, Any]]:
    """Return `timeline` of entries given newest first; what was read already is not read again."""
    rows = timeline_of(entries, described=described, named=named)
    return [
        {**row, "detail": _detail(entry, row["detail"])}
        for entry, row in zip(entries, rows, strict=True)
    ]


def _newest(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)[:SHOWN]


def _is_quiet(entry: Entry) -> bool:
    """Whether a line of a case only repeats another, or tells what nobody asks for."""
    if entry.subject_type == "case" and entry.action in _QUIET_OF_CASE:
        return True
    opened_by_engine = entry.action == "created" and entry.actor_type == "SYSTEM"
    return opened_by_engine or entry.action in _QUIET


def _detail(entry: Entry, detail: str) -> str:
    """Return what a line adds to its sentence: nothing twice, no constants."""
    if entry.subject_type != "compensation_run" and entry.action in _REPEATED:
        return ""
    outcome = entry.payloads.get("outcome")
    return outcome_label(detail) if outcome and detail == outcome else humane(detail)


def _is_problem(entry: Entry) -> bool:
    return words_for(entry.subject_type, entry.action).tone == "bad"
