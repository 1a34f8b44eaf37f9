"""What people, agents and clients may do: ask for an execution, call it back, report its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from compensation.actions import undo
from compensation.errors import ManagedByRun
from compensation.lifecycle import CompensationState
from executions.actions import endings
from executions.actions.execution_opening import (
    NewExecution,
    cancel_locked,
    may_be_cancelled,
    open_execution,
)
from executions.capability_registry import Permanent, Result
from executions.errors import AlreadyDispatched
from executions.lifecycle import LIFECYCLE, OPEN, ExecutionStatus
from executions.models import Execution
from ledger.errors import Conflict, Invalid, Refusal, check_json
from verbs import catalogue
from verbs.input import Input, OptionalReason, OptionalText
from verbs.shell import VerbContext

EXECUTION = Execution.subject_type


class NewRun(Input):
    """A run to be asked for. `input` must fit the capability's input_schema."""

    capability: str
    input: dict[str, Any]
    mode: Literal["commit", "simulate", "validate"] = "commit"
    reason: OptionalText = ""
    expected_state_version: str | None = None


class Report(Input):
    """How an outside party ended it. A failure needs its `error`."""

    outcome: Literal["succeeded", "failed"]
    output: dict[str, Any] | None = None
    error: OptionalText = ""


def _cancellable(
    execution: Execution, _facts: Any, _body: Mapping[str, Any] | None
) -> Refusal | None:
    extra = {"current_status": str(execution.status)}
    if execution.run_id is not None:
        return ManagedByRun(extra={"run": str(execution.run_id), **extra})
    if execution.status not in OPEN:
        detail = f"It is {execution.status}; only what has not started is cancelled."
        return Conflict(detail, extra=extra)
    return None if may_be_cancelled(execution) else AlreadyDispatched(extra=extra)


def _reportable(
    execution: Execution, _facts: Any, _body: Mapping[str, Any] | None
) -> Refusal | None:
    if execution.status == ExecutionStatus.WAITING:
        return None
    return Conflict(
        f"It is {execution.status}; nobody outside owes its result.",
        extra={"current_status": str(execution.status)},
    )


@catalogue.verb(
    EXECUTION, LIFECYCLE["request"], action="requested", given=NewRun, creates=True, status=201,
    page=False, no_button="Programs ask for executions; a form for any input is of little use.",
)  # fmt: skip
def request_execution(_row: None, given: NewRun, context: VerbContext) -> Execution:
    """Ask for one run of a capability, outside any case. A worker takes it at once."""
    if given.expected_state_version is not None:
        message = f"{given.capability} reports no state version to compare with"
        raise Invalid.field("/expected_state_version", message, code="unsupported")
    return open_execution(
        NewExecution(
            tenant_id=context.call.by.tenant_id,
            capability=given.capability,
            input=given.input,
            mode=given.mode,
            reason=given.reason,
            requested_by=context.authority.actor_id,
        ),
        by=context.by,
    )


@catalogue.verb(
    EXECUTION, LIFECYCLE["cancel"], action="cancelled", given=OptionalReason, state=_cancellable,
    page=False, no_button="Executions have no page of their own yet.",
)  # fmt: skip
def cancel_execution(
    execution: Execution, given: OptionalReason, context: VerbContext
) -> Execution:
    """Call an execution back before any worker started it.

    Calling back an undo leaves its original faulted, for somebody to decide.
    """
    undoing = execution.undoes_id is not None
    states = CompensationState
    entry = cancel_locked(
        execution, by=context.by, reason=given.reason,
        compensation_state=states.COMPENSATION_FAULTED if undoing else states.NONE,
    )  # fmt: skip
    if undoing:
        undo.settle_undo(
            execution, context.others, undone=False, error=f"cancelled: {given.reason}",
            by=context.by, caused_by=entry,
        )  # fmt: skip
    return execution


@catalogue.verb(
    EXECUTION, LIFECYCLE["result"], action="succeeded", given=Report, state=_reportable,
    page=False, no_button="Executions have no page of their own yet.",
)  # fmt: skip
def record_result(execution: Execution, given: Report, context: VerbContext) -> Execution:
    """Report how an outside party ended a waiting execution, whatever became of the case."""
    check_json(given.output, "/output")
    if given.outcome == "failed":
        if not given.error:
            raise Invalid.field("/error", "a failure needs its reason", code="required")
        endings.fail(execution, context.others, given.error, by=context.by)
        return execution
    try:
        result = endings.checked(Result(given.output or {}), None)
    except Permanent as broken:
        raise Invalid.field("/output", broken.detail) from broken
    endings.succeed(execution, context.others, result, by=context.by)
    return execution
