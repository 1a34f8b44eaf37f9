"""What people, agents and clients may do: ask for an execution, call it back, report its end."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import Field
from typing_extensions import override

from accounts.acting import Authority
from accounts.actions import note_on_tenant
from accounts.roles import ActorType
from compensation.actions import undo
from compensation.actions.approval_needed import asked_for, require_another
from compensation.actions.attempts import attempt_by, last_attempt, newest_attempt
from compensation.errors import ManagedByRun
from compensation.lifecycle import AttemptOutcome, CompensationState
from compensation.locking import lock_rows
from compensation.policy import CompensationPolicy
from compensation.remote import ASK, Remote, check_may_ask, check_remote
from compensation.risk import needs_second
from executions import capability_registry, undo_capabilities
from executions.actions import endings
from executions.actions.execution_opening import (
    NewExecution,
    cancel_locked,
    may_be_cancelled,
    open_execution,
)
from executions.errors import AlreadyDispatched
from executions.handler_contract import Result, Unusable
from executions.lifecycle import LIFECYCLE, OPEN, UNKNOWN, ExecutionStatus
from executions.models import Execution
from governance.errors import DeniedByPolicy, SecondFactorRequired
from json_values.json_schema import problems
from json_values.pointers import FieldError
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted, Refusal, check_json
from verbs import catalogue
from verbs.input import MAX_TEXT, Input, OptionalReason, OptionalText, Text, Word
from verbs.move import sharing
from verbs.shell import VerbContext
from verbs.subject import Locked, Ref

EXECUTION = Execution.subject_type


class CapabilityCall(Input):
    """A capability to be called, with what, and why."""

    capability: Word
    input: dict[str, Any]
    reason: OptionalText = ""


class NewRun(CapabilityCall):
    """A run to be asked for. `input` must fit the capability's input_schema. `remote`: what it
    stands for in another organisation; an operator says so."""

    mode: Literal["commit", "simulate", "validate"] = "commit"
    expected_state_version: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)] | None = None
    remote: Remote | None = None


class Outcome(Input):
    """Whether it happened, and what shows that. `output` is what it would have answered with."""

    happened: bool
    output: dict[str, Any] | None = None
    evidence: Text

    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        """Return what is wrong with an output where nothing happened."""
        if body.get("happened") is False and body.get("output") is not None:
            yield FieldError("/output", _("what did not happen has no output"), "invalid")


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
        detail = _("It is %(status)s; only what has not started is cancelled.")
        return Conflict(detail % {"status": execution.status}, extra=extra)
    return None if may_be_cancelled(execution) else AlreadyDispatched(extra=extra)


def _reportable(
    execution: Execution, _facts: Any, _body: Mapping[str, Any] | None
) -> Refusal | None:
    if execution.status == ExecutionStatus.WAITING:
        return None
    return Conflict(
        _("Nobody outside owes its result."),
        extra={"current_status": str(execution.status)},
    )


def roles_of(authority: Authority) -> frozenset[str]:
    """Return what somebody is, as capabilities name those who may request them."""
    is_agent = authority.actor_type == ActorType.AGENT
    return authority.roles | ({capability_registry.AGENT} if is_agent else set())


def check_requester(tenant_id: uuid.UUID, given: CapabilityCall, authority: Authority) -> None:
    """Raise NotPermitted where a capability is not for this person to request, and Invalid where an
    operator does not say why an undo shall run by itself."""
    if authority.is_system:
        return
    found = capability_registry.get(given.capability)
    undoes = found is not None and undo_capabilities.is_undo(tenant_id, given.capability)
    allowed = found is None or roles_of(authority) & found.allowed_roles
    if not authority.is_operator and (undoes or not allowed):
        said = _("%(capability)s is requested by operators.") % {"capability": given.capability}
        raise NotPermitted(said)
    if undoes and not given.reason:
        said = _("%(capability)s undoes something; running it by itself needs a reason")
        raise Invalid.field("/reason", said % {"capability": given.capability}, code="required")


def note_denied(authority: Authority, refusal: Refusal) -> None:
    """Record what a policy has refused: of the organisation, for there is no execution."""
    said: dict[str, object] = {"code": refusal.code, "detail": refusal.detail, **refusal.extra}
    note_on_tenant(
        authority.tenant_id, "execution_denied", by=authority.ref(), payloads=said, kind="REFUSAL"
    )


@catalogue.verb(
    EXECUTION, LIFECYCLE["request"], action="requested", given=NewRun, creates=True, status=201,
    page=False, no_button="Programs ask for executions; a form for any input is of little use.",
    noted=(DeniedByPolicy, SecondFactorRequired), note=note_denied,
)  # fmt: skip
def request_execution(_row: None, given: NewRun, context: VerbContext) -> Execution:
    """Ask for one run of a capability, outside any case. A worker takes it at once, unless policies
    of the organisation want others to agree first; what they refuse is not opened."""
    check_requester(context.call.by.tenant_id, given, context.authority)
    check_may_ask(given.remote, context.authority)
    broken = check_remote(given.remote, CompensationPolicy(), context.call.by.tenant_id)
    if broken:
        raise Invalid(_("The execution breaks a rule."), errors=broken)
    return open_execution(
        NewExecution(
            tenant_id=context.call.by.tenant_id,
            capability=given.capability,
            input=given.input,
            mode=given.mode,
            reason=given.reason,
            requested_by=context.authority.actor_id,
            expected_state_version=given.expected_state_version or "",
            remote=None if given.remote is None else given.remote.to_json(),
        ),
        by=context.by,
    )


@catalogue.verb(
    EXECUTION, LIFECYCLE["cancel"], action="cancelled", given=OptionalReason, state=_cancellable,
)  # fmt: skip
def cancel_execution(
    execution: Execution, given: OptionalReason, context: VerbContext
) -> Execution:
    """Call an execution back before any worker started it.

    Calling back an undo leaves its original faulted, for somebody to decide.
    """
    undoing = execution.undoes_id is not None
    states = CompensationState
    with sharing(None) as moves:
        entry = cancel_locked(
            execution, by=context.by, reason=given.reason, moves=moves,
            compensation_state=states.COMPENSATION_FAULTED if undoing else states.NONE,
        )  # fmt: skip
        if undoing:
            undo.settle_undo(
                execution, context.others, outcome=AttemptOutcome.FAILED,
                error=f"cancelled: {given.reason}", by=context.by, caused_by=entry, moves=moves,
            )  # fmt: skip
    return execution


@catalogue.verb(
    EXECUTION, LIFECYCLE["result"], action="succeeded", given=Report, state=_reportable,
    page=False, no_button="Programs report results; people say whether it happened.",
)  # fmt: skip
def record_result(execution: Execution, given: Report, context: VerbContext) -> Execution:
    """Report how an outside party ended a waiting execution, whatever became of the case."""
    if execution.capability == ASK and not context.authority.is_system:
        raise NotPermitted(_("The organisation that was asked answers, and nobody here."))
    check_json(given.output, "/output")
    if given.outcome == "failed":
        if not given.error:
            raise Invalid.field("/error", _("a failure needs its reason"), code="required")
        endings.fail(execution, context.others, given.error, by=context.by)
        return execution
    found = capability_registry.get(execution.capability)
    output = given.output or {}
    if found is not None and (broken := problems(found.output_schema, output, "/output")):
        said = _("The output does not fit %(capability)s.") % {"capability": found.name}
        raise Invalid(said, errors=broken)
    try:
        result = endings.checked(Result(output), None)
    except Unusable as unusable:
        raise Invalid.field("/output", unusable.detail) from unusable
    endings.succeed(execution, context.others, result, by=context.by)
    return execution


def _in_doubt(execution: Execution, _facts: Any, _body: Mapping[str, Any] | None) -> Refusal | None:
    """Refuse what is known, what nobody has tried yet, and what is being tried at this moment."""
    tried = execution.attempts > 0 or execution.status != ExecutionStatus.PENDING
    if execution.status in UNKNOWN and tried:
        return None
    return Conflict(
        _("There is nothing to settle."),
        extra={"current_status": str(execution.status)},
    )


def _with_rival(tenant_id: uuid.UUID, execution_id: uuid.UUID) -> Locked:
    """Lock an execution, what it undoes, and the newest undo of that (`others`), in lock order.

    Which undo is the newest is read before the locks; once they are held `undo` asks again.
    """
    row = Execution.objects.filter(tenant_id=tenant_id, id=execution_id).first()
    if row is None:
        raise NotFound
    refs: list[Ref] = [(EXECUTION, execution_id)]
    last = None
    if row.undoes_id is not None:
        refs.append((row.undoes_type, row.undoes_id))
        last = newest_attempt(tenant_id, *refs[-1])
    if last is not None:
        refs.append((last.compensation_type, last.compensation_id))
    rows = lock_rows(tenant_id, dict.fromkeys(refs), finished=True)
    original = None if row.undoes_id is None else rows.get(row.undoes_id)
    rival = None if last is None else rows.get(last.compensation_id)
    return Locked(rows[execution_id], (original, rival))


def _check_second_person(execution: Execution, context: VerbContext) -> None:
    """Raise NotPermitted where who asked for an undo, this one or a newer one of the same, would be
    the only one to say that it is undone: that word counts as much as an attestation."""
    original, _rival = context.others
    if original is None or not needs_second(original):
        # One person's word is enough: who asked for it need not be read.
        return
    tries = (attempt_by(execution), last_attempt(original))
    asked = {actor for each in tries if each is not None for actor in asked_for(each)}
    require_another(original, asked, context.by.id)


@catalogue.verb(
    EXECUTION, LIFECYCLE["outcome"], action="succeeded", given=Outcome, state=_in_doubt,
    locked=_with_rival,
)  # fmt: skip
def settle_outcome(execution: Execution, given: Outcome, context: VerbContext) -> Execution:
    """Vouch, with evidence, that something of which nobody knows did happen, or did not.

    That an undo happened, where the risk is high or the policy of what is undone wants others to
    agree, somebody else says than who asked for it.
    """
    if given.happened:
        _check_second_person(execution, context)
    check_json(given.output, "/output")
    original, rival = context.others
    vouched = endings.Vouched(given.evidence, rival)
    if not given.happened:
        detail = f"it did not happen: {given.evidence}"
        endings.fail(execution, original, detail, by=context.by, vouched=vouched)
        return execution
    capability = capability_registry.get(execution.capability)
    said = Result({}) if given.output is None else Result(given.output)
    try:
        # What nobody saw is not made up: only an output that is given has to fit the schema.
        result = endings.checked(said, None if given.output is None else capability)
    except Unusable as broken:
        raise Invalid.field("/output", broken.detail) from broken
    endings.succeed(execution, original, result, by=context.by, vouched=vouched)
    return execution
