"""Attempts: one row for each try at undoing something."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from compensation.lifecycle import AttemptOutcome
from compensation.models import CompensationAttempt
from ledger.clock import now
from ledger.faults import storable


def open_attempt(subject_type: str, original_id: uuid.UUID) -> CompensationAttempt | None:
    """Return the attempt under way, if any."""
    return CompensationAttempt.objects.filter(
        original_type=subject_type, original_id=original_id, outcome=AttemptOutcome.OPEN
    ).first()


def last_attempt(subject_type: str, original_id: uuid.UUID) -> CompensationAttempt:
    """Return the newest attempt. Raises LookupError when there never was one."""
    found = (
        CompensationAttempt.objects.filter(original_type=subject_type, original_id=original_id)
        .order_by("-round", "-number")
        .first()
    )
    if found is None:
        raise LookupError(f"{subject_type} {original_id} was never compensated")
    return found


def attempts_of(ids: Collection[uuid.UUID]) -> list[CompensationAttempt]:
    """Return every attempt at undoing any of these originals, oldest first."""
    return list(
        CompensationAttempt.objects.filter(original_id__in=list(ids)).order_by(
            "original_id", "round", "number"
        )
    )


def end(attempt: CompensationAttempt, outcome: AttemptOutcome, error: str) -> None:
    """Close an attempt; the unique index on open ones then lets another begin."""
    attempt.outcome = outcome
    attempt.error = storable(error, 4000)
    attempt.ended_at = now()
    attempt.save(update_fields=["outcome", "error", "ended_at"])
