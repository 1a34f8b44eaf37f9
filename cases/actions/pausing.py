"""Pausing and resuming a run, by its own verb or through its case."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser
from cases.actions.door import (
    check_state,
    check_version,
    live_run,
    lock_case,
    operating,
    optional_reason,
    save_run,
)
from cases.actions.running import lock_run
from cases.lifecycle import RunStatus
from cases.models import Case, CompensationRun
from ledger.errors import Conflict, Invalid, NotFound
from ledger.record import ActorRef
from ledger.tenancy import set_tenant

Remember = Callable[[CompensationRun], None]


def pause_run(
    run_id: uuid.UUID,
    *,
    reason: Any = "",
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> CompensationRun:
    """Let no further step start; the one under way may end. Operators."""
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        _, run = _locked(run_id)
        by = operating(acting_user).ref()
        check_version(run, expected_version)
        check_state(run, "pause", frozenset({RunStatus.RUNNING}))
        words = optional_reason(reason, invalid)
        run.pause()
        _save_paused(run, by, words)
        if remember is not None:
            remember(run)
    return run


def resume_run(
    run_id: uuid.UUID,
    *,
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> CompensationRun:
    """Let steps start again. Operators."""
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        _, run = _locked(run_id)
        by = operating(acting_user).ref()
        check_version(run, expected_version)
        _resume(run, by, invalid)
        if remember is not None:
            remember(run)
    return run


def pause_run_of(case: Case, *, by: ActorRef, reason: str) -> None:
    """Pause the run that rolls a locked case back. Raises Conflict when it is not RUNNING."""
    run = _live_run_of(case)
    check_state(run, "pause", frozenset({RunStatus.RUNNING}))
    run.pause()
    _save_paused(run, by, reason)


def resume_run_of(case: Case, *, by: ActorRef) -> None:
    """Let the paused run of a locked case go on. Raises Conflict when it is not PAUSED."""
    _resume(_live_run_of(case), by, None)


def _resume(run: CompensationRun, by: ActorRef, invalid: Invalid | None) -> None:
    check_state(run, "resume", frozenset({RunStatus.PAUSED}))
    if invalid is not None:
        raise invalid
    run.resume()
    save_run(run, "compensation_resumed", before=RunStatus.PAUSED, by=by, fields=("held",))


def _save_paused(run: CompensationRun, by: ActorRef, reason: str) -> None:
    save_run(
        run, "compensation_paused", before=RunStatus.RUNNING, by=by, fields=("held",),
        payloads={"reason": reason},
    )  # fmt: skip


def _live_run_of(case: Case) -> CompensationRun:
    run_id = live_run(case.root_id, ("case", case.id))
    run = None if run_id is None else lock_run(run_id)
    if run is None:
        raise Conflict("No rollback is under way.", extra={"current_status": str(case.status)})
    return run


def case_of_run(run_id: uuid.UUID) -> Case | None:
    """Lock and return the case a run belongs to, if any."""
    case_id = CompensationRun.objects.filter(id=run_id).values_list("case_id", flat=True).first()
    return None if case_id is None else lock_case(case_id)


def _locked(run_id: uuid.UUID) -> tuple[Case | None, CompensationRun]:
    case = case_of_run(run_id)
    run = lock_run(run_id)
    if run is None:
        raise NotFound("There is no such run.")
    return case, run
