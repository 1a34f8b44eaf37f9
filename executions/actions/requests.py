"""What people, agents and clients may do: ask for an execution, call it back, report its end."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser, Authority, authority_of
from accounts.roles import ActorType
from compensation import actions as compensation
from compensation.lifecycle import CompensationState
from executions.actions import endings, within
from executions.errors import AlreadyDispatched, ManagedByRun
from executions.lifecycle import OPEN, ExecutionStatus
from executions.models import Execution
from executions.registry import Permanent, Result
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted, Stale
from ledger.limits import check_json
from ledger.tenancy import set_tenant

OUTCOMES = ("succeeded", "failed")
TEXT_LENGTH = 4000
Remember = Callable[[Execution], None]


def request_execution(
    *,
    capability: str,
    input: dict[str, Any],  # noqa: A002  -- the public name of the field
    mode: str = "commit",
    reason: str = "",
    expected_state_version: str | None = None,
    acting_user: ActingUser,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> Execution:
    """Ask for one run of a capability, outside any case. Any active member may.

    Raises NotPermitted, and Invalid as `within.open_execution` does, or `invalid` if given.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        authority = authority_of(acting_user)
        if invalid is not None:
            raise invalid
        if expected_state_version is not None:
            raise Invalid.field(
                "/expected_state_version",
                f"{capability} reports no state version to compare with",
                code="unsupported",
            )
        _check_text(reason, "/reason")
        execution = within.open_execution(
            within.NewExecution(
                tenant_id=acting_user.tenant_id,
                capability=capability,
                input=input,
                mode=mode,
                reason=reason,
                requested_by=acting_user.actor_id,
            ),
            by=authority.ref(),
        )
        if remember is not None:
            remember(execution)
    return execution


def cancel_execution(
    execution_id: uuid.UUID,
    *,
    reason: str = "",
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> Execution:
    """Call an execution back before any worker started it: requester or operator.

    Calling back an undo leaves its original faulted, for somebody to decide. Raises NotFound,
    NotPermitted, Stale, AlreadyDispatched, ManagedByRun, Conflict, `invalid`.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        execution, original = _locked_pair(execution_id)
        authority = authority_of(acting_user)
        if not (_asked_for_it(execution, authority) or authority.is_operator):
            raise NotPermitted("Only who asked for it, or an operator, may cancel an execution.")
        _check_version(execution, expected_version)
        if execution.run_id is not None:
            raise ManagedByRun(extra={"run": str(execution.run_id)})
        if execution.status not in OPEN:
            raise Conflict(f"It is {execution.status}; only what has not started is cancelled.")
        if not within.may_be_cancelled(execution):
            raise AlreadyDispatched
        if invalid is not None:
            raise invalid
        _check_text(reason, "/reason")
        undoing = execution.undoes_id is not None
        entry = within.cancel(
            execution,
            by=authority.ref(),
            reason=reason,
            compensation_state=CompensationState.COMPENSATION_FAULTED
            if undoing
            else CompensationState.NONE,
        )
        if undoing:
            compensation.settle_undo(
                execution, original, undone=False, error=f"cancelled: {reason}",
                by=authority.ref(), caused_by=entry,
            )  # fmt: skip
        if remember is not None:
            remember(execution)
    return execution


def record_result(
    execution_id: uuid.UUID,
    *,
    outcome: str,
    output: dict[str, Any] | None = None,
    error: str = "",
    acting_user: ActingUser,
    expected_version: int | None = None,
    invalid: Invalid | None = None,
    remember: Remember | None = None,
) -> Execution:
    """Report how an outside party ended a WAITING execution: `outcome` is succeeded or failed.

    Accepted whatever became of the case meanwhile. Reported by who asked for it, an agent, an
    operator or the system. Raises NotFound, NotPermitted, Stale, Conflict, Invalid.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        execution, original = _locked_pair(execution_id)
        authority = authority_of(acting_user)
        if not _may_report(execution, authority):
            raise NotPermitted("Only who asked for it, an agent or an operator may report its end.")
        _check_version(execution, expected_version)
        if execution.status != ExecutionStatus.WAITING:
            raise Conflict(f"It is {execution.status}; nobody outside owes its result.")
        if invalid is not None:
            raise invalid
        _check_report(outcome, output, error)
        if outcome == "succeeded":
            try:
                result = endings.checked(Result(output or {}), None)
            except Permanent as broken:
                raise Invalid.field("/output", broken.detail) from broken
            endings.succeed(execution, original, result, by=authority.ref())
        else:
            endings.fail(execution, original, error, by=authority.ref())
        if remember is not None:
            remember(execution)
    return execution


def _locked_pair(execution_id: uuid.UUID) -> tuple[Execution, Any | None]:
    execution, original = compensation.lock_pair(Execution.subject_type, execution_id)
    if execution is None:
        raise NotFound
    return execution, original


def _asked_for_it(execution: Execution, authority: Authority) -> bool:
    return authority.is_system or authority.actor_id == execution.requested_by_id


def _may_report(execution: Execution, authority: Authority) -> bool:
    return (
        authority.is_operator
        or authority.actor_type == ActorType.AGENT
        or _asked_for_it(execution, authority)
    )


def _check_version(execution: Execution, expected: int | None) -> None:
    if expected is not None and expected != execution.version:
        raise Stale


def _check_report(outcome: str, output: dict[str, Any] | None, error: str) -> None:
    if outcome not in OUTCOMES:
        raise Invalid.field("/outcome", f"must be one of {', '.join(OUTCOMES)}")
    if outcome == "failed" and not error.strip():
        raise Invalid.field("/error", "a failure needs its reason", code="required")
    _check_text(error, "/error")
    check_json(output, "/output")


def _check_text(text: str, pointer: str) -> None:
    """Raise Invalid when a free text is too long or cannot be stored."""
    check_json(text, pointer)
    if len(text) > TEXT_LENGTH:
        raise Invalid.field(pointer, f"must be at most {TEXT_LENGTH} characters", code="too_long")
