"""Undoing one finished thing, whatever kind it is. The heart of Amends.

States of the original: see `compensation.lifecycle`. Each try is a `CompensationAttempt`; at most
one is open per original (unique index), so two compensations at once end as one and a conflict.

All functions run inside the caller's transaction with the original's row locked, and settlement
happens in the transaction in which the undo task or execution ends: there is no moment in which an
undo is over and its original does not know.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy

from accounts.roles import ActorType
from compensation.actions.attempts import (
    attempt_by,
    end,
    is_in_doubt,
    last_attempt,
    open_attempt,
    start,
)
from compensation.lifecycle import AttemptOutcome, CompensationState
from compensation.models import CompensationAttempt
from compensation.planning import NO_EFFECT, UndoRequest, had_effect, request_of
from compensation.policy import CompensationPolicy
from compensation.subject import finished_entry_of, undoable
from compensation.ways import performer_for
from ledger import failpoints
from ledger.clock import rfc3339
from ledger.errors import Conflict
from ledger.record import ActorRef, EntryRef, Recorded
from verbs.move import Moves, move, sharing

S = CompensationState
IN_DOUBT = gettext_lazy("An undo of it may have happened. Settle its outcome first.")
HANGING = "Nothing was under way any more that would undo it."
failpoints.declare("compensation.begun", "compensation.settled")


def begin(
    original: Any,
    request: UndoRequest,
    *,
    by: ActorRef,
    caused_by: EntryRef | None = None,
    reason: str = "",
    said: Mapping[str, Any] | None = None,
    moves: Moves | None = None,
) -> CompensationAttempt:
    """Start undoing settled work, or work that is undone as if it had happened: → COMPENSATING, the
    first attempt of a new round opened.

    Raises Conflict `not_compensable` for what had no effect (a simulation), and whatever refuses
    the undo, before anything is written. `reason`: why so, where that is more than why at all;
    `said`: what else its entry keeps apart.
    """
    if not had_effect(original):
        raise Conflict(NO_EFFECT[0], code="not_compensable")
    original.compensation_round += 1
    attempt = _try(
        original, "compensate", "compensation_started", request, 1, by=by, caused_by=caused_by,
        fields=["compensation_round"],
        payloads={**(_why(reason) or {}), **(said or {}), **_after_its_time(original, request)},
        moves=moves,
    )  # fmt: skip
    failpoints.reach("compensation.begun")
    return attempt


def _after_its_time(original: Any, request: UndoRequest) -> dict[str, str]:
    """Return what the ledger keeps of a time that was over and did not count: until when it was."""
    if not request.overrides_window:
        return {}
    policy = CompensationPolicy.from_json(original.policy)
    over = policy.closes_at(undoable(original.subject_type).finished_at(original))
    return {} if over is None else {"window_overridden": rfc3339(over)}


def check(original: Any, request: UndoRequest, *, by: ActorRef) -> None:
    """Raise what would refuse the undo if it began now. Nothing is written."""
    original.compensation_round += 1
    try:
        performer_for(request.mode)(original, request, 1, by)
    finally:
        original.compensation_round -= 1


def retry(
    original: Any,
    request: UndoRequest | None,
    *,
    action: str = "compensation_retried",
    by: ActorRef,
    caused_by: EntryRef | None = None,
    reason: str = "",
    moves: Moves | None = None,
) -> CompensationAttempt:
    """Open a new attempt for a fault: with the same request (None) or with another.

    `action` is one of compensation_retried, compensation_reassigned,
    compensation_handed_to_human; `reason` is why somebody decided so.
    """
    last = last_attempt(original)
    wanted = (request or UndoRequest.from_json(last.request)).also_asked_by(_people(by))
    return _try(
        original, "retry_compensation", action, wanted, last.number + 1, by=by, caused_by=caused_by,
        payloads=_why(reason), moves=moves,
    )  # fmt: skip


def _people(by: ActorRef) -> list[uuid.UUID]:
    """Return who has asked, where it was no program of ours that goes on."""
    return [] if by.type == ActorType.SYSTEM else [by.id]


def _why(reason: str) -> dict[str, str] | None:
    return {"reason": reason} if reason else None


def settle_undo(
    undo: Any,
    original: Any | None,
    *,
    outcome: AttemptOutcome,
    error: str,
    by: ActorRef,
    caused_by: EntryRef,
    moves: Moves,
) -> None:
    """Draw the consequence of an undo task or execution that has just ended; both are locked. What
    the caller has gathered about that end is written with it.

    `outcome` is DONE, FAILED, or UNCERTAIN: it may have happened. Nobody goes on by itself from
    there, a person neither: doing it again could do it twice.

    Does nothing unless the ended one is the current attempt: a withdrawn or superseded attempt ends
    without touching the original again.
    """
    attempt = None if original is None else open_attempt(original)
    if original is None or attempt is None or attempt.compensation_id != undo.id:
        moves.record()
        return
    request = UndoRequest.from_json(attempt.request)
    cause: dict[str, Any] = {"by": by, "caused_by": caused_by, "moves": moves}
    end(attempt, outcome, error, moves=moves)
    if outcome == AttemptOutcome.DONE:
        _move(
            original, "settle_compensated", "compensation_completed", S.COMPENSATED, request,
            attempt.number, **cause,
        )  # fmt: skip
    elif _falls_back(request, outcome):
        # A person goes on where the program gave up: the original stays COMPENSATING.
        human = dataclasses.replace(request, mode="human", capability="")
        # The attempt that ended makes room for the next: only one may be open.
        moves.record()
        _try(
            original, None, "compensation_handed_to_human", human, attempt.number + 1,
            payloads={"error": error}, **cause,
        )  # fmt: skip
    else:
        _move(
            original, "settle_faulted", "compensation_faulted", S.COMPENSATION_FAULTED, request,
            attempt.number, payloads={"error": error}, **cause,
        )  # fmt: skip
    moves.record()
    failpoints.reach("compensation.settled")


def _falls_back(request: UndoRequest, outcome: AttemptOutcome) -> bool:
    """Whether a person goes on where a program has said that it did not undo."""
    by_program = request.mode == "automated" and request.fallback == "human"
    return by_program and outcome == AttemptOutcome.FAILED


def outcome_settled(
    undo: Any,
    original: Any | None,
    rival: Any | None,
    *,
    happened: bool,
    said: str,
    by: ActorRef,
    caused_by: EntryRef,
) -> None:
    """A person vouches whether an uncertain undo happened; all three are locked.

    It did: the original is undone. An undo that was begun after it (`rival`) is called off, unless
    somebody is at it already: then it ends as it ends. It did not: the attempt has failed, and a
    person goes on where that was declared. A run hears of either as of any word.
    """
    last = None if original is None else last_attempt(original)
    if original is None or last is None:
        return
    attempt = last if last.compensation_id == undo.id else attempt_by(undo)
    if attempt is None or attempt.outcome != AttemptOutcome.UNCERTAIN:
        return
    cause: dict[str, Any] = {"by": by, "caused_by": caused_by}
    attempt.outcome = AttemptOutcome.ATTESTED if happened else AttemptOutcome.FAILED
    attempt.error = "" if happened else said
    attempt.save(update_fields=["outcome", "error"])
    faulted = original.compensation_state == S.COMPENSATION_FAULTED
    if happened and faulted:
        payloads = {"evidence": said}
        _decided(original, "attest", "compensation_attested", S.COMPENSATED, last,
                 payloads=payloads, **cause)  # fmt: skip
    elif happened:
        _overtake(original, rival, said, **cause)
    elif faulted and attempt is last:
        request = UndoRequest.from_json(attempt.request)
        if _falls_back(request, AttemptOutcome.FAILED):
            human = dataclasses.replace(request, mode="human", capability="")
            retry(original, human, action="compensation_handed_to_human", **cause)


def _overtake(original: Any, rival: Any | None, evidence: str, **cause: Any) -> None:
    """End the undo under way that nobody has begun yet: what it should undo is undone."""
    last = open_attempt(original)
    if last is None or rival is None or last.compensation_id != rival.id:
        return
    subject = undoable(rival.subject_type)
    if not subject.not_started(rival):
        return
    end(last, AttemptOutcome.WITHDRAWN, "")
    entry = _move(
        original, "settle_compensated", "compensation_attested", S.COMPENSATED,
        UndoRequest.from_json(last.request), last.number, payloads={"evidence": evidence}, **cause,
    )  # fmt: skip
    subject.call_off(rival, by=cause["by"], caused_by=entry.ref, reason="It is undone already.")


def settle_hanging(
    original: Any, last: CompensationAttempt | None, *, by: ActorRef
) -> EntryRef | None:
    """Bring an original that is being undone with nothing under way to where a person decides about
    it; one that nobody has ever tried to undo is handed to a person. `last` is its newest attempt.
    """
    if last is None:
        policy = CompensationPolicy.from_json(original.policy)
        request = request_of(policy, reason=HANGING, requested_by=by.id)
        human = dataclasses.replace(request, mode="human", capability="")
        _try(original, None, "compensation_handed_to_human", human, 1, by=by, moves=None)
        return None
    if last.outcome == AttemptOutcome.OPEN:
        end(last, AttemptOutcome.FAILED, HANGING)
    return _move(
        original, "settle_faulted", "compensation_faulted", S.COMPENSATION_FAULTED,
        UndoRequest.from_json(last.request), last.number, by=by, payloads={"error": HANGING},
    ).ref  # fmt: skip


def attest(
    original: Any, *, evidence: str, by: ActorRef, caused_by: EntryRef | None = None
) -> CompensationAttempt:
    """Record a person's word, with evidence, that it is undone: fault → COMPENSATED."""
    return _decide(
        original, "attest", "compensation_attested", S.COMPENSATED, AttemptOutcome.ATTESTED,
        by=by, caused_by=caused_by, payloads={"evidence": evidence},
    )  # fmt: skip


def abandon(
    original: Any, *, reason: str, by: ActorRef, caused_by: EntryRef | None = None
) -> CompensationAttempt:
    """Let the effect stand: fault → settled, the residual effect recorded.

    Raises Conflict `outcome_unknown` while an attempt may have undone it: a later undo would be a
    round of its own, with a key of its own, and undo it twice.
    """
    if is_in_doubt(original):
        raise Conflict(str(IN_DOUBT), code="outcome_unknown")
    return _decide(
        original, "abandon", "compensation_abandoned", S.NONE, AttemptOutcome.ABANDONED,
        by=by, caused_by=caused_by, payloads={"reason": reason},
    )  # fmt: skip


def withdraw(
    original: Any, *, reason: str, by: ActorRef, caused_by: EntryRef | None = None
) -> EntryRef:
    """Call an undo back: COMPENSATING → settled. The caller made sure that it has not started, and
    cancels the undo task or execution afterwards; that ending finds no open attempt and settles
    nothing.
    """
    attempt = open_attempt(original)
    if attempt is None:
        raise LookupError("nothing to withdraw")
    end(attempt, AttemptOutcome.WITHDRAWN, "")
    return _move(
        original, "withdraw", "compensation_withdrawn", S.NONE,
        UndoRequest.from_json(attempt.request), attempt.number, by=by, caused_by=caused_by,
        payloads={"reason": reason},
    ).ref  # fmt: skip


def _decide(
    original: Any,
    method: str,
    action: str,
    state: CompensationState,
    outcome: AttemptOutcome,
    **said: Any,
) -> CompensationAttempt:
    last = last_attempt(original)
    last.outcome = outcome
    last.save(update_fields=["outcome"])
    _decided(original, method, action, state, last, **said)
    return last


def _decided(
    original: Any,
    method: str,
    action: str,
    state: CompensationState,
    last: CompensationAttempt,
    **said: Any,
) -> None:
    request = UndoRequest.from_json(last.request)
    _move(original, method, action, state, request, last.number, **said)


def _try(
    original: Any,
    method: str | None,
    action: str,
    request: UndoRequest,
    number: int,
    *,
    by: ActorRef,
    moves: Moves | None,
    **said: Any,
) -> CompensationAttempt:
    """Move to COMPENSATING and open an attempt, caused by the entry that says so.

    What refuses the undo does so before anything is written.
    """
    prepared = performer_for(request.mode)(original, request, number, by)
    with sharing(moves) as own:
        moved = _move(
            original, method, action, S.COMPENSATING, request, number, by=by, moves=own, **said
        )
        opened = prepared(moved.ref, own)
        return start(original, request, number, opened, moves=own)


def _move(  # noqa: PLR0917  -- who moves, how, to what, and in which attempt
    original: Any,
    method: str | None,
    action: str,
    state: CompensationState,
    request: UndoRequest,
    number: int,
    *,
    payloads: Mapping[str, Any] | None = None,
    fields: Sequence[str] = (),
    **cause: Any,
) -> Recorded:
    """Apply an FSM method of the original and record the entry that belongs to it."""
    before = str(original.status)
    if method is not None:
        getattr(original, method)()
    original.compensation_state = state
    return move(
        original,
        action,
        before=before,
        fields=["compensation_state", *fields],
        kind="COMPENSATION",
        original=finished_entry_of(original),
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
        **cause,
    )
