"""Why somebody had it tried once more, in their own words: as the entry of a new attempt has it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from compensation.sentences import quoted
from ledger.selectors import Entry

#: What is recorded of an original when an attempt at undoing it begins.
NEW_ATTEMPTS = frozenset(
    {
        "compensation_started",
        "compensation_retried",
        "compensation_reassigned",
        "compensation_handed_to_human",
    }
)
#: By the round and the number of the attempt.
Begun = Mapping[tuple[int, int], Entry]


def begun_in(entries: Iterable[Entry]) -> Begun:
    """Return those of the entries with which attempts at undoing something began."""
    return {
        (said["round"], said["attempt"]): entry
        for entry in entries
        if entry.action in NEW_ATTEMPTS and (said := entry.compensation)
    }


def why_again(attempt: Any, begun: Begun) -> tuple[str, uuid.UUID | None]:
    """Return why this attempt was made and who said so; "" where it is why at all, or nobody did.

    Those words stand above all attempts.
    """
    entry = begun.get((attempt.round, attempt.number))
    why = None if entry is None else entry.payloads.get("reason")
    if entry is None or not why or why == attempt.request["reason"]:
        return "", None
    return quoted(str(why)), entry.actor_id
