"""Deciding about a failed step: retry, reassign, hand over to a person, attest or abandon it.

Every verb locks the case (if there is one), the step's original, the run, the step, in that order,
and moves original, step, run and case in one transaction.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser
from cases.actions.door import (
    check_version,
    operating,
    save_step,
)
from cases.actions.forward import Cause
from cases.actions.parts import lock_part
from cases.actions.pausing import case_of_run
from cases.actions.running import lock_run, plain_request, unblock
from cases.errors import UndoNotBegun
from cases.lifecycle import LIVE_RUNS, StepStatus
from cases.models import Case, CompensationRun, CompensationStep
from compensation import actions as compensation
from compensation.actions import kind_of
from compensation.lifecycle import CompensationState
from compensation.planning import UndoRequest
from compensation.regulatory_basis import required_reason
from ledger.clock import now
from ledger.errors import Conflict, Invalid, NotFound
from ledger.selectors import latest_ref
from ledger.tenancy import set_tenant
from workitems.actions.repairing import by_person, for_person

Remember = Callable[[CompensationRun], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """Everything one decision is about, locked. `last`: the attempt to decide about, if any."""

    case: Case | None
    row: Any
    run: CompensationRun
    step: CompensationStep
    last: Any | None
    cause: Cause


Decide = Callable[[Held], None]


@dataclasses.dataclass(frozen=True, slots=True)
class _Asked:
    expected_version: int | None
    invalid: Invalid | None


def retry_step(
    run_id: uuid.UUID,
    n: int,
    *,
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> CompensationRun:
    """Try a failed step again, in the same way. Operators.

    Raises NotFound, NotPermitted, Stale, Conflict unless the step FAILED in a live run.
    """

    def decide(held: Held) -> None:
        if held.step.compensation_id is None:
            _replan(held, "compensation_step_retried")
        else:
            _again(held, None, "compensation_retried", "compensation_step_retried")

    return _decide(
        run_id,
        n,
        decide,
        _Asked(expected_version, invalid),
        acting_user=acting_user,
        remember=remember,
    )


def reassign_step(
    run_id: uuid.UUID,
    n: int,
    *,
    assignee: uuid.UUID | None = None,
    candidate_groups: Sequence[str] = (),
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> CompensationRun:
    """Have another person (an actor) or group undo a failed step. Operators.

    Raises as `retry_step`, and Invalid when nobody is named or the one named is no active member.
    """

    def decide(held: Held) -> None:
        request = by_person(_attempt(held), assignee, candidate_groups, required=True)
        if held.step.compensation_id is None:
            request = _for_person(held, assignee, candidate_groups)
        _again(held, request, "compensation_reassigned", "compensation_step_retried")

    return _decide(
        run_id,
        n,
        decide,
        _Asked(expected_version, invalid),
        acting_user=acting_user,
        remember=remember,
    )


def hand_step_to_human(
    run_id: uuid.UUID,
    n: int,
    *,
    assignee: uuid.UUID | None = None,
    candidate_groups: Sequence[str] = (),
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> CompensationRun:
    """Let a person do what the program could not. Operators. Raises as `reassign_step`."""

    def decide(held: Held) -> None:
        if held.last is None:
            _begin_by_person(held, assignee, candidate_groups)
            return
        if held.step.compensation_id is None:
            request = _for_person(held, assignee, candidate_groups)
        else:
            request = by_person(held.last, assignee, candidate_groups, required=False)
        _again(held, request, "compensation_handed_to_human", "compensation_step_retried")

    return _decide(
        run_id,
        n,
        decide,
        _Asked(expected_version, invalid),
        acting_user=acting_user,
        remember=remember,
    )


def attest_step(
    run_id: uuid.UUID,
    n: int,
    *,
    evidence: Any,
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> CompensationRun:
    """Vouch, with evidence, that a failed step's original is undone: RESOLVED. Operators.

    Raises as `retry_step`, and Invalid without evidence.
    """

    def decide(held: Held) -> None:
        _check_original(held)
        _attempt(held)
        words = required_reason(evidence, pointer="/evidence")
        compensation.attest(
            kind_of(held.step.original_type), held.row, evidence=words, by=held.cause.by
        )
        before = str(held.run.status)
        unblock(held.run, held.case, cause=held.cause)
        held.step.resolve()
        _settle_step(held, before, "compensation_step_resolved", {"evidence": words})

    return _decide(
        run_id,
        n,
        decide,
        _Asked(expected_version, invalid),
        acting_user=acting_user,
        remember=remember,
    )


def abandon_step(
    run_id: uuid.UUID,
    n: int,
    *,
    reason: Any,
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> CompensationRun:
    """Let the effect of a failed step stand: ABANDONED; the run can only end in part. Operators.

    Raises as `retry_step`, and Invalid without a reason.
    """

    def decide(held: Held) -> None:
        _check_original(held)
        words = required_reason(reason)
        if held.row.compensation_state == CompensationState.COMPENSATION_FAULTED:
            compensation.abandon(
                kind_of(held.step.original_type), held.row, reason=words, by=held.cause.by
            )
        before = str(held.run.status)
        unblock(held.run, held.case, cause=held.cause)
        held.step.abandon()
        _settle_step(held, before, "compensation_step_abandoned", {"reason": words})

    return _decide(
        run_id,
        n,
        decide,
        _Asked(expected_version, invalid),
        acting_user=acting_user,
        remember=remember,
    )


def _decide(
    run_id: uuid.UUID,
    n: int,
    decide: Decide,
    asked: _Asked,
    *,
    acting_user: ActingUser,
    remember: Remember | None,
) -> CompensationRun:
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        found = CompensationStep.objects.filter(run_id=run_id, n=n).first()
        if found is None:
            raise NotFound("There is no such step.")
        case = case_of_run(run_id)
        row = lock_part(found.original_type, found.original_id)
        run = lock_run(run_id)
        step = CompensationStep.objects.select_for_update(of=("self",)).get(id=found.id)
        if run is None or row is None:
            raise NotFound("There is no such step.")
        authority = operating(acting_user)
        check_version(run, asked.expected_version)
        if run.status not in LIVE_RUNS or step.status != StepStatus.FAILED:
            raise Conflict(
                f"Only a failed step of a live run can be decided about, not {step.status}.",
                extra={"current_status": str(step.status)},
            )
        if asked.invalid is not None:
            raise asked.invalid
        caused_by = latest_ref(CompensationRun.subject_type, run.id)
        if caused_by is None:
            raise LookupError(f"run {run.id} has no entry")
        held = Held(case, row, run, step, _last(step, row), Cause(authority.ref(), caused_by))
        decide(held)
        if remember is not None:
            remember(run)
    return run


def _last(step: CompensationStep, row: Any) -> Any | None:
    """Return the newest attempt at this step's original; None when its undo could not even begin.

    An original that had failed before the run came to it has one that the step never followed.
    """
    faulted = row.compensation_state == CompensationState.COMPENSATION_FAULTED
    if step.compensation_id is None and not faulted:
        return None
    return compensation.last_attempt(step.original_type, step.original_id)


def _attempt(held: Held) -> Any:
    if held.last is None:
        raise UndoNotBegun(extra={"current_status": str(held.step.status)})
    return held.last


def _again(held: Held, request: UndoRequest | None, action: str, step_action: str) -> None:
    """Open a new attempt for a faulted original and let the step, run and case go on."""
    step, run = held.step, held.run
    if held.row.compensation_state != CompensationState.COMPENSATION_FAULTED:
        raise _moved(held)
    wanted = request or UndoRequest.from_json(_attempt(held).request)
    wanted = dataclasses.replace(wanted, run_id=run.id, step=step.n)
    attempt = compensation.retry(
        kind_of(step.original_type), held.row, wanted, action=action, by=held.cause.by,
        caused_by=held.cause.entry,
    )  # fmt: skip
    _follow(held, attempt, step_action)


def _begin_by_person(
    held: Held, assignee: uuid.UUID | None, candidate_groups: Sequence[str]
) -> None:
    """Begin the undo that could not begin by itself, as a plain task for a person."""
    _check_original(held)
    request = _for_person(held, assignee, candidate_groups)
    attempt = compensation.begin(
        kind_of(held.step.original_type), held.row, request, by=held.cause.by,
        caused_by=held.cause.entry,
    )  # fmt: skip
    _follow(held, attempt, "compensation_step_retried")


def _for_person(
    held: Held, assignee: uuid.UUID | None, candidate_groups: Sequence[str]
) -> UndoRequest:
    """Return what a person is asked in place of the undo this step could not begin."""
    plain = plain_request(held.run, held.step, held.row)
    return for_person(plain, assignee, candidate_groups)


def _check_original(held: Held) -> None:
    """Raise Conflict unless the original's undo has failed, or this step could not begin one.

    Anything else is news that the step has not heard yet: it moves with the next event.
    """
    state = held.row.compensation_state
    not_begun = held.step.compensation_id is None and state == CompensationState.NONE
    if state != CompensationState.COMPENSATION_FAULTED and not not_begun:
        raise _moved(held)


def _moved(held: Held) -> Conflict:
    return Conflict(
        "Its original moved meanwhile. Read the run again.",
        extra={"current_status": str(held.step.status)},
    )


def _follow(held: Held, attempt: Any, step_action: str) -> None:
    """Let step, run and case go on with a new attempt."""
    step, run = held.step, held.run
    before = str(run.status)
    unblock(run, held.case, cause=held.cause)
    step.retry()
    step.error, step.ended_at = "", None
    step.compensation_type = attempt.compensation_type
    step.compensation_id = attempt.compensation_id
    save_step(
        run, step, step_action, before=before, by=held.cause.by, caused_by=held.cause.entry,
        fields=("error", "ended_at", "compensation_type", "compensation_id"),
    )  # fmt: skip


def _replan(held: Held, action: str) -> None:
    """Put a step that could not begin back in line; the dispatcher starts it again."""
    before = str(held.run.status)
    unblock(held.run, held.case, cause=held.cause)
    held.step.replan()
    held.step.error, held.step.ended_at = "", None
    save_step(
        held.run, held.step, action, before=before, by=held.cause.by,
        fields=("error", "ended_at"), caused_by=held.cause.entry,
    )  # fmt: skip


def _settle_step(held: Held, before: str, action: str, payloads: dict[str, str]) -> None:
    held.step.ended_at = now()
    save_step(
        held.run, held.step, action, before=before, by=held.cause.by, fields=("ended_at",),
        caused_by=held.cause.entry, payloads=payloads,
    )  # fmt: skip
