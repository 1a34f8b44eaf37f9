"""Reads capabilities and bindings: what a case can do, when it does it, and how it is undone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cases.definitions.findings import Findings, key_set, member
from cases.definitions.model import (
    PRIORITIES,
    Binding,
    Capability,
    CapabilityCall,
    HumanTask,
)
from compensation.planning import UNDO_OUTCOMES
from compensation.policy import (
    UNSPECIFIED,
    CompensationPolicy,
    PolicyError,
    parse_policy,
    parse_reversibility,
)
from executions import schemas
from ledger.durations import DurationError, parse_duration

_CAPABILITY: Final = key_set(
    "name description inputProjection outputProjection inputSchema outputSchema"
)
_BINDING: Final = key_set(
    "name on when capability humanTask inputProjectionOverride inputMapping outputMapping "
    "compensate compensation reversibility"
)
_BINDING_IGNORED: Final = key_set(
    "conflictResolverStrategy description executionMode labels lifecycleScope outcomePolicy "
    "participation permissionIntent producedKeys produces consumes requiredKeys sideEffect "
    "sideEffectClass title types"
)
_BINDING_UNSUPPORTED: Final = key_set("subCase signal throw judgment contextWrite replanAfter")
_TRIGGERS_UNSUPPORTED: Final = key_set("cloudEvent schedule scopeActivated")
_HUMAN_TASK: Final = key_set(
    "title types candidateGroups candidateUsers outcomes inputMapping outputMapping scope "
    "resolutionSchema priority expiresIn"
)
_HUMAN_TASK_IGNORED: Final = key_set("labels payloadType resolutionType")
_HUMAN_TASK_UNSUPPORTED: Final = key_set(
    "titleExpression templateRef scopeExpression expiresInExpression expiresAtExpression "
    "claimDeadlineHours"
)
#: What the target of `compensate` decides and may therefore not be said beside it.
_DECIDED_BY_TARGET: Final = ("mode", "capability", "performer", "candidate_groups")


def read_capabilities(spec: Mapping[str, Any], findings: Findings) -> tuple[Capability, ...]:
    """Read `spec.capabilities`; projections are jq under either of their two names."""
    read: list[Capability] = []
    for pointer, item in findings.list_at(spec, "capabilities", "/spec"):
        holder = findings.map_at(item, pointer)
        findings.keys(holder, pointer, known=_CAPABILITY)
        name = findings.name(holder, "name", pointer)
        if name and name in {capability.name for capability in read}:
            findings.error(member(pointer, "name"), f"the capability {name!r} is declared twice")
        read.append(
            Capability(
                name=name,
                description=findings.text(holder, "description", pointer) or "",
                input_projection=_either(
                    holder, ("inputProjection", "inputSchema"), pointer, findings
                ),
                output_projection=_either(
                    holder, ("outputProjection", "outputSchema"), pointer, findings
                ),
            )
        )
    return tuple(read)


def read_bindings(
    spec: Mapping[str, Any], capabilities: tuple[Capability, ...], findings: Findings
) -> tuple[Binding, ...]:
    """Read `spec.bindings` one by one; how they refer to each other is checked elsewhere."""
    declared = {capability.name: capability for capability in capabilities}
    read: list[Binding] = []
    for pointer, item in findings.list_at(spec, "bindings", "/spec"):
        holder = findings.map_at(item, pointer)
        binding = _read_binding(holder, pointer, declared, findings)
        if binding.name and binding.name in {earlier.name for earlier in read}:
            message = f"the binding {binding.name!r} is declared twice"
            findings.error(member(pointer, "name"), message)
        read.append(binding)
    if not read:
        findings.error("/spec", "bindings is required: a case without any never does anything")
    return tuple(read)


def _read_binding(
    holder: Mapping[str, Any],
    pointer: str,
    declared: Mapping[str, Capability],
    findings: Findings,
) -> Binding:
    findings.keys(
        holder,
        pointer,
        known=_BINDING,
        ignored=_BINDING_IGNORED,
        unsupported=_BINDING_UNSUPPORTED,
    )
    undoes = holder.get("compensation") is True
    binding = Binding(
        name=findings.name(holder, "name", pointer),
        target=_read_target(holder, pointer, declared, findings, undoes=undoes),
        filter=_read_trigger(holder, pointer, findings, required=not undoes),
        when=findings.expression(holder, "when", pointer),
        compensate=findings.text(holder, "compensate", pointer),
        compensation_only=undoes,
        policy=_read_policy(holder, pointer, findings),
        reversibility=_read_reversibility(holder, pointer, findings),
    )
    if undoes:
        for key in ("when", "compensate"):
            if key in holder:
                message = f"{key} has no effect: an undo step neither fires nor is undone itself"
                findings.warn(member(pointer, key), message)
        if "reversibility" in holder:
            message = "reversibility belongs to the step that is undone, not to its undo"
            findings.error(member(pointer, "reversibility"), message)
    elif "on" in holder and binding.filter is None and binding.when is None:
        findings.warn(pointer, "neither filter nor when: fires again at every change of context")
    return binding


def _read_trigger(
    holder: Mapping[str, Any], pointer: str, findings: Findings, *, required: bool
) -> str | None:
    """Read `on`; returns the filter on context changes."""
    where = member(pointer, "on")
    if "on" not in holder:
        if required:
            findings.error(pointer, "on is required, such as on: {contextChange: {}}")
        return None
    trigger = findings.map_at(holder["on"], where)
    findings.keys(trigger, where, known=("contextChange",), unsupported=_TRIGGERS_UNSUPPORTED)
    if "contextChange" not in trigger:
        if not trigger:
            findings.error(where, "on needs contextChange")
        return None
    change_at = member(where, "contextChange")
    change = findings.map_at(trigger["contextChange"], change_at)
    findings.keys(change, change_at, known=("filter",), unsupported=("listenLayer",))
    return findings.expression(change, "filter", change_at)


def _read_target(
    holder: Mapping[str, Any],
    pointer: str,
    declared: Mapping[str, Capability],
    findings: Findings,
    *,
    undoes: bool,
) -> HumanTask | CapabilityCall:
    """Read the one target of a binding."""
    named = [key for key in ("capability", "humanTask", *_BINDING_UNSUPPORTED) if key in holder]
    if not named:
        findings.error(pointer, "a target is required: capability or humanTask")
    elif "capability" in holder and "humanTask" in holder:
        message = "only one target is allowed: capability or humanTask"
        findings.error(member(pointer, "humanTask"), message)
    if "humanTask" in holder:
        for key in ("inputMapping", "outputMapping", "inputProjectionOverride"):
            if key in holder:
                findings.error(member(pointer, key), f"{key} of a humanTask stands inside it")
        where = member(pointer, "humanTask")
        return _read_human_task(holder["humanTask"], where, findings, undoes=undoes)
    name = findings.text(holder, "capability", pointer) or ""
    if name and name not in declared:
        message = f"the capability {name!r} is not declared in spec.capabilities"
        findings.error(member(pointer, "capability"), message)
    declaration = declared.get(name, Capability(name=name))
    given = _either(holder, ("inputMapping", "inputProjectionOverride"), pointer, findings)
    return CapabilityCall(
        capability=name,
        input_mapping=given or declaration.input_projection,
        output_mapping=findings.expression(holder, "outputMapping", pointer)
        or declaration.output_projection,
    )


def _read_human_task(value: Any, pointer: str, findings: Findings, *, undoes: bool) -> HumanTask:
    holder = findings.map_at(value, pointer)
    findings.keys(
        holder,
        pointer,
        known=_HUMAN_TASK,
        ignored=_HUMAN_TASK_IGNORED,
        unsupported=_HUMAN_TASK_UNSUPPORTED,
    )
    title = findings.text(
        holder, "title", pointer, required=not {"titleExpression", "templateRef"} & set(holder)
    )
    if title is not None and len(title) > 255:  # noqa: PLR2004  # said in the message
        findings.error(member(pointer, "title"), "title must have at most 255 characters")
    outcomes = findings.names(holder, "outcomes", pointer)
    if undoes and outcomes:
        _check_undo_outcomes(outcomes, member(pointer, "outcomes"), findings)
    return HumanTask(
        title=title or "",
        types=findings.names(holder, "types", pointer),
        candidate_groups=findings.names(holder, "candidateGroups", pointer),
        candidate_users=findings.names(holder, "candidateUsers", pointer),
        outcomes=outcomes,
        input_mapping=findings.expression(holder, "inputMapping", pointer),
        output_mapping=findings.expression(holder, "outputMapping", pointer),
        scope=findings.text(holder, "scope", pointer),
        resolution_schema=_read_schema(holder, pointer, findings),
        priority=_read_priority(holder, pointer, findings),
        expires_in=_read_duration(holder, pointer, findings),
    )


def _check_undo_outcomes(outcomes: tuple[str, ...], pointer: str, findings: Findings) -> None:
    """An undo task may narrow how it ends, but must be able to succeed."""
    for outcome in outcomes:
        if outcome not in UNDO_OUTCOMES:
            known = ", ".join(UNDO_OUTCOMES)
            findings.error(pointer, f"an undo task cannot end in {outcome!r}; only in {known}")
    if not {"REVERSED", "CORRECTED"} & set(outcomes):
        findings.error(pointer, "an undo task must permit REVERSED or CORRECTED")


def _read_schema(
    holder: Mapping[str, Any], pointer: str, findings: Findings
) -> dict[str, Any] | None:
    """Read `resolutionSchema` (ours): JSON Schema that refers to nothing outside itself."""
    if "resolutionSchema" not in holder:
        return None
    where = member(pointer, "resolutionSchema")
    schema = dict(findings.map_at(holder["resolutionSchema"], where))
    for fault in schemas.faults(schema, where):
        findings.error(fault.pointer, fault.message)
    return schema


def _read_priority(holder: Mapping[str, Any], pointer: str, findings: Findings) -> str:
    text = findings.text(holder, "priority", pointer)
    if text is not None and text.upper() not in PRIORITIES:
        message = f"priority must be one of {', '.join(PRIORITIES)}"
        findings.error(member(pointer, "priority"), message)
    return (text or "MEDIUM").upper()


def _read_duration(holder: Mapping[str, Any], pointer: str, findings: Findings) -> Any:
    text = findings.text(holder, "expiresIn", pointer)
    if text is None:
        return None
    try:
        return parse_duration(text)
    except DurationError as problem:
        findings.error(member(pointer, "expiresIn"), f"expiresIn: {problem}")
        return None


def _read_policy(
    holder: Mapping[str, Any], pointer: str, findings: Findings
) -> CompensationPolicy | None:
    """Read `compensation` where it is a policy map, or nothing."""
    value = holder.get("compensation")
    where = member(pointer, "compensation")
    if "compensation" not in holder or value is True:
        return None
    if not isinstance(value, Mapping):
        findings.error(where, "compensation must be true or a map of policy fields")
        return None
    if "compensate" in holder:
        for key in _DECIDED_BY_TARGET:
            if key in value:
                message = f"{key} may not stand beside compensate: its target decides it"
                findings.error(member(where, key), message)
    try:
        return parse_policy(value, pointer=where)
    except PolicyError as problem:
        findings.policy_errors(problem)
        return None


def _read_reversibility(holder: Mapping[str, Any], pointer: str, findings: Findings) -> str:
    if "reversibility" not in holder:
        return UNSPECIFIED
    try:
        return parse_reversibility(
            holder["reversibility"], pointer=member(pointer, "reversibility")
        )
    except PolicyError as problem:
        findings.policy_errors(problem)
        return UNSPECIFIED


def _either(
    holder: Mapping[str, Any], keys: tuple[str, str], pointer: str, findings: Findings
) -> str | None:
    """Read an expression that goes by two names, of which one may be used."""
    given = [key for key in keys if key in holder]
    if len(given) > 1:
        findings.error(member(pointer, given[1]), f"{given[1]} repeats {given[0]}; use one")
    return findings.expression(holder, given[0], pointer) if given else None
