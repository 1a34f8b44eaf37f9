"""What happened in a rollback or a whole, newest first, without what only repeats other news."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.selectors import Person
from compensation.models import CompensationRun
from compensation.planning import UNDO_OUTCOMES, UNDONE_OUTCOMES
from compensation.sentences import humane, quoted
from compensation.words import outcome_label
from ledger.selectors import Entry, entries_of
from verbs.subject import Description, Ref
from verbs.words import action_words
from web.timeline import timeline_of

MOST_LINES = 60
_PLANNED = "compensation_step_planned"
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
#: Answers of an undo task after which what was done still stands.
_LEFT_STANDING = frozenset(UNDO_OUTCOMES) - frozenset(UNDONE_OUTCOMES)
#: Shorter words may be said twice by chance: an outcome, a name.
_REPEATABLE = 16
# What the rollback's own line has said once.
_REPEATED = frozenset({"compensation_started", "compensation_completed", "rollback_started"})


def run_entries(run: CompensationRun) -> list[Entry]:
    """Return the entries that the timeline of one rollback shows, newest first."""
    entries = entries_of(run.tenant_id, run.subject_type, run.id)
    return newest(entry for entry in entries if entry.action != _PLANNED)


def run_timeline(
    run: CompensationRun,
    entries: Sequence[Entry],
    described: Mapping[Ref, Description],
    named: Mapping[uuid.UUID, Person],
) -> list[dict[str, Any]]:
    """Return the lines of one rollback (`run_entries`) on its own page: without its name, and
    without its plan, which stands beside them. What was read already is not read again."""
    own = (run.subject_type, run.id)
    return told(entries, described=described, named=named, itself={own: _("the rollback")})


def told(
    entries: Sequence[Entry],
    *,
    described: Mapping[Ref, Description] | None = None,
    named: Mapping[uuid.UUID, Person] | None = None,
    itself: Mapping[Ref, str] | None = None,
) -> list[dict[str, Any]]:
    """Return `timeline` of entries given newest first; what was read already is not read again.

    Words that one line has said are not repeated by those which follow from it.
    """
    rows = timeline_of(entries, described=described, named=named, itself=itself)
    said: set[str] = set()
    found = []
    for entry, row in reversed(list(zip(entries, rows, strict=True))):
        detail = _detail(entry, row["detail"])
        known = any(words in detail for words in said)
        if len(detail) >= _REPEATABLE:
            said.add(detail)
        tone = "bad" if entry.payloads.get("outcome") in _LEFT_STANDING else row["tone"]
        found.append({**row, "detail": "" if known else detail, "tone": tone})
    return found[::-1]


def newest(entries: Iterable[Entry]) -> list[Entry]:
    """Return as many entries as a page shows, newest first."""
    return sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)[:MOST_LINES]


def cut(entries: Sequence[Entry]) -> int:
    """Return how many entries `newest` kept where it may have left out others, else 0."""
    return MOST_LINES if len(entries) >= MOST_LINES else 0


def is_quiet(entry: Entry) -> bool:
    """Whether a line about a whole only repeats another, or tells what nobody asks for."""
    opened_by_engine = entry.action == "created" and entry.actor_type == "SYSTEM"
    return opened_by_engine or entry.action in _QUIET


def _detail(entry: Entry, detail: str) -> str:
    """Return what a line adds to its sentence: nothing twice, no constants."""
    if entry.subject_type != "compensation_run" and entry.action in _REPEATED:
        return ""
    outcome, reason = entry.payloads.get("outcome"), entry.payloads.get("reason")
    if outcome in UNDO_OUTCOMES and reason and detail == reason:
        return f"{outcome_label(outcome)}: {quoted(reason)}"
    return outcome_label(detail) if outcome and detail == outcome else humane(detail)


def is_problem(entry: Entry) -> bool:
    """Whether something went wrong."""
    return action_words(entry.subject_type, entry.action).tone == "bad"
