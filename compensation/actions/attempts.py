"""Attempts: one row for each try at undoing something."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from compensation.lifecycle import AttemptOutcome
from compensation.models import CompensationAttempt
from compensation.planning import UndoRequest
from compensation.ways import Opened
from ledger.clock import now
from ledger.faults import storable
from verbs.move import Moves, sharing
from verbs.row_reading import read, read_behind

# Of one original. The open one has the outcome `AttemptOutcome.OPEN`, which is empty.
_OF = "r.tenant_id = %s AND r.original_type = %s AND r.original_id = %s"
_NEWEST = f"{_OF} ORDER BY r.round DESC, r.number DESC LIMIT 1"


def open_attempt(original: Any) -> CompensationAttempt | None:
    """Return the attempt under way, if any."""
    key = [original.tenant_id, original.subject_type, original.id]
    return next(iter(read(CompensationAttempt, f"{_OF} AND r.outcome = ''", key)), None)


def newest_attempt(
    tenant_id: uuid.UUID, type_: str, original_id: uuid.UUID
) -> CompensationAttempt | None:
    """Return the newest attempt, None when there never was one."""
    return next(iter(read(CompensationAttempt, _NEWEST, [tenant_id, type_, original_id])), None)


def newest_behind(
    tenant_id: uuid.UUID, type_: str, original_id: uuid.UUID
) -> Callable[[], CompensationAttempt | None]:
    """As `newest_attempt`, read right behind the next statement."""
    rows = read_behind(CompensationAttempt, _NEWEST, [tenant_id, type_, original_id])
    return lambda: next(iter(rows()), None)


def last_attempt(original: Any) -> CompensationAttempt:
    """Return the newest attempt. Raises LookupError when there never was one."""
    found = newest_attempt(original.tenant_id, original.subject_type, original.id)
    if found is None:
        raise LookupError(f"{original.subject_type} {original.id} was never compensated")
    return found


def attempt_by(undo: Any) -> CompensationAttempt | None:
    """Return the attempt that an undo task or execution was opened for."""
    rows = CompensationAttempt.objects.filter(tenant_id=undo.tenant_id, compensation_id=undo.id)
    return rows.first()


def is_in_doubt(original: Any) -> bool:
    """Whether an attempt of the present round may have undone it, and nobody knows. One that went
    on before is not forgotten: its effect could still be there."""
    return CompensationAttempt.objects.filter(
        tenant_id=original.tenant_id,
        original_type=original.subject_type,
        original_id=original.id,
        round=original.compensation_round,
        outcome=AttemptOutcome.UNCERTAIN,
    ).exists()


def start(
    original: Any,
    request: UndoRequest,
    number: int,
    opened: Opened,
    *,
    moves: Moves | None = None,
) -> CompensationAttempt:
    """Insert the row of an attempt that was just opened."""
    attempt = CompensationAttempt(
        tenant_id=original.tenant_id,
        original_type=original.subject_type,
        original_id=original.id,
        round=original.compensation_round,
        number=number,
        mode=request.mode,
        strategy=request.strategy,
        capability=request.capability,
        performer=request.performer,
        replaced_performer=opened.replaced,
        compensation_type=opened.type,
        compensation_id=opened.id,
        request=request.to_json(),
        requested_by_id=request.requested_by,
        run_id=request.run_id,
        started_at=now(),
    )
    with sharing(moves) as own:
        own.add(attempt)
    return attempt


def end(
    attempt: CompensationAttempt,
    outcome: AttemptOutcome,
    error: str,
    *,
    moves: Moves | None = None,
) -> None:
    """Close an attempt; the unique index on open ones then lets another begin."""
    attempt.outcome = outcome
    attempt.error = storable(error, 4000)
    attempt.ended_at = now()
    with sharing(moves) as own:
        own.save(attempt, ["outcome", "error", "ended_at"])
