"""Undoing one finished thing, whatever kind it is. The heart of Amends.

States of the original (DESIGN §5): settled → COMPENSATING → COMPENSATED or COMPENSATION_FAULTED;
from a fault: a new attempt, attested → COMPENSATED, abandoned → settled; withdrawn before the undo
started → settled. Each try is a `CompensationAttempt`; at most one is open per original (unique
index), so two compensations at once end as one and a conflict.

All functions run inside the caller's transaction with the original's row locked, and settlement
happens in the transaction in which the undo task or execution ends: there is no moment in which an
undo is over and its original does not know.

`kinds` says what can be undone and by what; `attempts` holds the rows.
"""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from compensation.actions.attempts import end, last_attempt, open_attempt
from compensation.lifecycle import AttemptOutcome, CompensationState
from compensation.models import CompensationAttempt
from compensation.planning import NO_EFFECT, UndoRequest, had_effect
from compensation.subject import (
    CompensableKind,
    Original,
    finished_entry,
    kind_of,
    opener,
)
from ledger import failpoints
from ledger.clock import now
from ledger.errors import Conflict
from ledger.record import ActorRef, Change, EntryRef, Recorded, record, take_head

failpoints.declare("compensation.begun", "compensation.settled")


def begin(
    kind: CompensableKind,
    original: Original,
    request: UndoRequest,
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
) -> CompensationAttempt:
    """Start undoing settled work: settled → COMPENSATING, first attempt of a new round opened.

    Raises Conflict `not_compensable` for what had no effect (a simulation).
    """
    if not had_effect(original):
        raise Conflict(NO_EFFECT[0], code="not_compensable")
    before = str(original.status)
    original.compensate()
    original.compensation_round += 1
    entry = _move(
        kind, original, "compensation_started", CompensationState.COMPENSATING, before, by=by,
        caused_by=caused_by, request=request, number=1, fields=["compensation_round"],
    )  # fmt: skip
    attempt = _open_attempt(kind, original, request, 1, by=by, caused_by=entry.ref)
    failpoints.reach("compensation.begun")
    return attempt


def settle(
    kind: CompensableKind,
    original: Original,
    compensation_id: uuid.UUID,
    *,
    undone: bool,
    error: str,
    by: ActorRef,
    caused_by: EntryRef,
) -> None:
    """Draw the consequence of an ended undo task or execution for its original.

    Does nothing unless the ended one is the current attempt: a withdrawn or superseded attempt ends
    without touching the original again.
    """
    attempt = open_attempt(kind.subject_type, original.id)
    if attempt is None or attempt.compensation_id != compensation_id:
        return
    request = UndoRequest.from_json(attempt.request)
    end(attempt, AttemptOutcome.DONE if undone else AttemptOutcome.FAILED, error)
    before = str(original.status)
    if undone:
        original.settle_compensated()
        _move(
            kind, original, "compensation_completed", CompensationState.COMPENSATED, before, by=by,
            caused_by=caused_by, request=request, number=attempt.number,
        )  # fmt: skip
    elif request.mode == "automated" and request.fallback == "human":
        _hand_over(kind, original, attempt, request, by=by, caused_by=caused_by, error=error)
    else:
        original.settle_faulted()
        _move(
            kind, original, "compensation_faulted", CompensationState.COMPENSATION_FAULTED, before,
            by=by, caused_by=caused_by, request=request, number=attempt.number,
            payloads={"error": error},
        )  # fmt: skip
    failpoints.reach("compensation.settled")


def settle_undo(
    undo: Any,
    original: Any | None,
    *,
    undone: bool,
    error: str,
    by: ActorRef,
    caused_by: EntryRef,
) -> None:
    """Settle the original of a compensating row that has just ended; both are locked."""
    if original is not None:
        settle(
            kind_of(undo.undoes_type), original, undo.id, undone=undone, error=error, by=by,
            caused_by=caused_by,
        )  # fmt: skip


def retry(
    kind: CompensableKind,
    original: Original,
    request: UndoRequest | None,
    *,
    action: str = "compensation_retried",
    by: ActorRef,
    caused_by: EntryRef | None = None,
) -> CompensationAttempt:
    """Open a new attempt for a fault: with the same request (None) or with another.

    `action` is one of compensation_retried, compensation_reassigned, compensation_handed_to_human.
    """
    last = last_attempt(kind.subject_type, original.id)
    wanted = request or UndoRequest.from_json(last.request)
    number = last.number + 1
    before = str(original.status)
    original.retry_compensation()
    entry = _move(
        kind, original, action, CompensationState.COMPENSATING, before, by=by,
        caused_by=caused_by, request=wanted, number=number,
    )  # fmt: skip
    return _open_attempt(kind, original, wanted, number, by=by, caused_by=entry.ref)


def attest(
    kind: CompensableKind,
    original: Original,
    *,
    evidence: str,
    by: ActorRef,
    caused_by: EntryRef | None = None,
) -> None:
    """Record a person's word, with evidence, that it is undone: fault → COMPENSATED."""
    _decide(
        kind, original, method="attest", action="compensation_attested",
        state=CompensationState.COMPENSATED, outcome=AttemptOutcome.ATTESTED,
        payloads={"evidence": evidence}, by=by, caused_by=caused_by,
    )  # fmt: skip


def abandon(
    kind: CompensableKind,
    original: Original,
    *,
    reason: str,
    by: ActorRef,
    caused_by: EntryRef | None = None,
) -> None:
    """Let the effect stand: fault → settled, the residual effect recorded."""
    _decide(
        kind, original, method="abandon", action="compensation_abandoned",
        state=CompensationState.NONE, outcome=AttemptOutcome.ABANDONED,
        payloads={"reason": reason}, by=by, caused_by=caused_by,
    )  # fmt: skip


def withdraw(
    kind: CompensableKind,
    original: Original,
    *,
    reason: str,
    by: ActorRef,
    caused_by: EntryRef | None = None,
) -> EntryRef:
    """Call an undo back: COMPENSATING → settled. The caller made sure that it has not started, and
    cancels the undo task or execution afterwards; that ending finds no open attempt and settles
    nothing.
    """
    attempt = open_attempt(kind.subject_type, original.id)
    if attempt is None:
        raise LookupError("nothing to withdraw")
    end(attempt, AttemptOutcome.WITHDRAWN, "")
    before = str(original.status)
    original.withdraw()
    return _move(
        kind, original, "compensation_withdrawn", CompensationState.NONE, before, by=by,
        caused_by=caused_by, request=UndoRequest.from_json(attempt.request), number=attempt.number,
        payloads={"reason": reason},
    ).ref  # fmt: skip


def _hand_over(
    kind: CompensableKind,
    original: Original,
    failed: CompensationAttempt,
    request: UndoRequest,
    *,
    by: ActorRef,
    caused_by: EntryRef,
    error: str,
) -> None:
    """Let a person go on where the automated undo gave up: stay COMPENSATING, next attempt."""
    human = dataclasses.replace(request, mode="human", capability="")
    entry = _move(
        kind, original, "compensation_handed_to_human", CompensationState.COMPENSATING,
        str(original.status), by=by, caused_by=caused_by, request=human, number=failed.number + 1,
        payloads={"error": error},
    )  # fmt: skip
    _open_attempt(kind, original, human, failed.number + 1, by=by, caused_by=entry.ref)


def _decide(
    kind: CompensableKind,
    original: Original,
    *,
    method: str,
    action: str,
    state: CompensationState,
    outcome: AttemptOutcome,
    payloads: dict[str, Any],
    by: ActorRef,
    caused_by: EntryRef | None,
) -> None:
    last = last_attempt(kind.subject_type, original.id)
    before = str(original.status)
    getattr(original, method)()
    last.outcome = outcome
    last.save(update_fields=["outcome"])
    _move(
        kind, original, action, state, before, by=by, caused_by=caused_by,
        request=UndoRequest.from_json(last.request), number=last.number, payloads=payloads,
    )  # fmt: skip


def _move(
    kind: CompensableKind,
    original: Original,
    action: str,
    state: CompensationState,
    before: str,
    *,
    by: ActorRef,
    caused_by: EntryRef | None,
    request: UndoRequest,
    number: int,
    payloads: dict[str, Any] | None = None,
    fields: list[str] | None = None,
) -> Recorded:
    """Save the original after its FSM method and record the entry that belongs to it."""
    original.compensation_state = state
    original.version += 1
    original.save(update_fields=["status", "compensation_state", "version", *(fields or [])])
    return record(
        Change(
            tenant_id=original.tenant_id,
            subject_type=kind.subject_type,
            subject_id=original.id,
            version=original.version,
            kind="COMPENSATION",
            action=action,
            actor=by,
            from_status=before,
            to_status=str(original.status),
            caused_by=caused_by,
            original=finished_entry(original),
            head=take_head(original),
            case_id=original.case_id,
            compensation={
                "mode": request.mode,
                "strategy": request.strategy,
                "regulatory_basis": [item["code"] for item in request.regulatory_basis],
                "run": str(request.run_id) if request.run_id else None,
                "step": request.step,
                "round": original.compensation_round,
                "attempt": number,
            },
            payloads={
                "reason": request.reason,
                "regulatory_basis": list(request.regulatory_basis),
                **(payloads or {}),
            },
        )
    )


def _open_attempt(
    kind: CompensableKind,
    original: Original,
    request: UndoRequest,
    number: int,
    *,
    by: ActorRef,
    caused_by: EntryRef,
) -> CompensationAttempt:
    opened = opener(request.mode)(original, request, number, by, caused_by)
    return CompensationAttempt.objects.create(
        tenant_id=original.tenant_id,
        original_type=kind.subject_type,
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
