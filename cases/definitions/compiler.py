"""Source to `CompiledDefinition`: the document, goals and completion, how bindings relate."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from cases.definitions.bindings import read_bindings, read_capabilities
from cases.definitions.findings import Findings, key_set, member
from cases.definitions.model import (
    KINDS,
    Binding,
    Capability,
    CapabilityCall,
    CompiledDefinition,
    Goal,
    Rule,
)
from cases.definitions.parser import read_document

DSL: Final = "0.1"

_TOP: Final = key_set("dsl namespace name version title summary spec expressionLang")
_TOP_IGNORED: Final = key_set("context contextType episodic labels semanticData types")
_TOP_UNSUPPORTED: Final = key_set("inboundMappings labelRules layers milestones signals use")
_SPEC: Final = key_set("capabilities bindings goals completion")
_SPEC_IGNORED: Final = key_set("cbrConfig episodic labels routing semanticData types")
_SPEC_UNSUPPORTED: Final = key_set("authorization compounds milestones signals stages workers")
_OPERATORS: Final = {"allOf": "all", "anyOf": "any"}
#: The grammar of semver.org 2.0.0, §9-§10 included.
_SEMVER: Final = re.compile(
    r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})"
    r"(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)


def compile_definition(
    source: str | Mapping[str, object], *, capabilities: Collection[str] | None
) -> CompiledDefinition:
    """Check a definition and return its compiled form.

    `source` is YAML text or a JSON object. `capabilities` are the names registered in this
    deployment, used for warnings only; `None` leaves them out.

    Raises `DefinitionInvalid` with every error found, by line.
    """
    document = read_document(source)
    findings = Findings(document)
    top = findings.map_at(document.data, "")
    findings.keys(top, "", known=_TOP, ignored=_TOP_IGNORED, unsupported=_TOP_UNSUPPORTED)
    _check_dialect(top, findings)
    spec = findings.map_at(top["spec"], "/spec") if "spec" in top else {}
    if "spec" not in top:
        findings.error("", "spec is required")
    findings.keys(spec, "/spec", known=_SPEC, ignored=_SPEC_IGNORED, unsupported=_SPEC_UNSUPPORTED)
    declared = read_capabilities(spec, findings)
    bindings = read_bindings(spec, declared, findings) if "spec" in top else ()
    _check_compensation(bindings, findings)
    _warn_of_unregistered(declared, bindings, capabilities, findings)
    goals = _read_goals(spec, findings)
    completion = _read_completion(spec, goals, findings)
    name = findings.name(top, "name", "")
    namespace = findings.name(top, "namespace", "")
    title = findings.text(top, "title", "") or name
    summary = findings.text(top, "summary", "") or ""
    version = _read_version(top, findings)
    return CompiledDefinition(
        namespace=namespace,
        name=name,
        version=version,
        title=title,
        summary=summary,
        capabilities=declared,
        bindings=bindings,
        goals=goals,
        completion=completion,
        warnings=findings.conclude(),
    )


def _check_dialect(top: Mapping[str, Any], findings: Findings) -> None:
    if "dsl" not in top:
        findings.error("", f'dsl is required: dsl: "{DSL}"')
    elif str(top["dsl"]) != DSL:
        findings.error("/dsl", f'dsl must be "{DSL}"')
    if top.get("expressionLang", "jq") not in ("jq", "JQ"):
        findings.error("/expressionLang", "expressionLang must be jq")


def _read_version(top: Mapping[str, Any], findings: Findings) -> str:
    version = findings.text(top, "version", "", required=True) or ""
    if version and (len(version) > 100 or not _SEMVER.fullmatch(version)):  # noqa: PLR2004  -- long
        findings.error("/version", f"version {version[:100]!r} is not semantic, such as 1.0.0")
    return version


def _check_compensation(bindings: tuple[Binding, ...], findings: Findings) -> None:
    """Check what `compensate` names: it exists, only undoes, is not oneself, and no circle."""
    by_name = {binding.name: binding for binding in bindings}
    targets = {binding.compensate for binding in bindings}
    for index, binding in enumerate(bindings):
        pointer = f"/spec/bindings/{index}"
        if binding.compensation_only and binding.name not in targets:
            findings.warn(pointer, f"no binding names {binding.name!r} in compensate")
        if binding.compensate is None:
            continue
        problem = _target_problem(binding, by_name)
        if problem:
            findings.error(member(pointer, "compensate"), problem)


def _target_problem(binding: Binding, by_name: Mapping[str, Binding]) -> str | None:
    target = by_name.get(binding.compensate or "")
    if target is None:
        return f"compensate names {binding.compensate!r}, but there is no such binding"
    if target.name == binding.name:
        return "a binding cannot compensate itself"
    path = [binding.name]
    following: Binding | None = target
    while following is not None and following.name not in path:
        path.append(following.name)
        following = by_name.get(following.compensate or "")
    if following is not None and following.name == binding.name:
        return f"compensate forms a cycle: {' → '.join([*path, binding.name])}"
    if not target.compensation_only:
        return f"compensate names {target.name!r}, which lacks compensation: true"
    return None


def _warn_of_unregistered(
    declared: tuple[Capability, ...],
    bindings: tuple[Binding, ...],
    registered: Collection[str] | None,
    findings: Findings,
) -> None:
    if registered is None:
        return
    called = {b.target.capability for b in bindings if isinstance(b.target, CapabilityCall)}
    for index, capability in enumerate(declared):
        if capability.name in called and capability.name not in registered:
            message = f"{capability.name!r} is not registered here: waits for an external result"
            findings.warn(f"/spec/capabilities/{index}/name", message)
    for index, binding in enumerate(bindings):
        undo = binding.policy.capability if binding.policy else None
        if undo is not None and undo not in registered:
            message = f"{undo!r} is not registered here: the undo waits for an external result"
            findings.warn(f"/spec/bindings/{index}/compensation/capability", message)


def _read_goals(spec: Mapping[str, Any], findings: Findings) -> tuple[Goal, ...]:
    read: list[Goal] = []
    for pointer, item in findings.list_at(spec, "goals", "/spec"):
        holder = findings.map_at(item, pointer)
        findings.keys(
            holder, pointer, known=("name", "kind", "condition"), ignored=("description", "title")
        )
        name = findings.name(holder, "name", pointer)
        if name and name in {goal.name for goal in read}:
            findings.error(member(pointer, "name"), f"the goal {name!r} is declared twice")
        kind = findings.text(holder, "kind", pointer, required=True) or ""
        if kind == "custom":
            findings.error(member(pointer, "kind"), "kind: custom is not supported yet")
        elif kind and kind not in KINDS:
            findings.error(member(pointer, "kind"), f"kind must be one of {', '.join(KINDS)}")
        condition = findings.expression(holder, "condition", pointer, required=True) or ""
        read.append(Goal(name=name, kind=kind, condition=condition))
    return tuple(read)


def _read_completion(
    spec: Mapping[str, Any], goals: tuple[Goal, ...], findings: Findings
) -> tuple[tuple[str, Rule], ...]:
    """Read `completion` in document order, or derive it from the goals where it is absent."""
    if "completion" not in spec:
        return _completion_from(goals, findings)
    pointer = "/spec/completion"
    holder = findings.map_at(spec["completion"], pointer)
    findings.keys(holder, pointer, known=KINDS, unsupported=("doneWhen",))
    if not any(kind in holder for kind in KINDS):
        findings.error(pointer, "completion needs success or failure")
    read: list[tuple[str, Rule]] = []
    used: set[str] = set()
    for kind in holder:
        if kind in KINDS:
            where = member(pointer, kind)
            read.append((kind, _read_rule(holder[kind], where, goals, findings, used)))
    for index, goal in enumerate(goals):
        if goal.name not in used:
            findings.warn(f"/spec/goals/{index}", f"completion does not use {goal.name!r}")
    return tuple(read)


def _completion_from(goals: tuple[Goal, ...], findings: Findings) -> tuple[tuple[str, Rule], ...]:
    """Any failure goal ends the case as failed, all success goals together as succeeded."""
    found = []
    for kind, operator in (("failure", "any"), ("success", "all")):
        members = tuple(goal.name for goal in goals if goal.kind == kind)
        if members:
            found.append((kind, Rule(operator=operator, members=members)))
    if not found:
        findings.warn("/spec", "neither goals nor completion: the case never ends by itself")
    return tuple(found)


def _read_rule(
    value: Any, pointer: str, goals: tuple[Goal, ...], findings: Findings, used: set[str]
) -> Rule:
    holder = findings.map_at(value, pointer)
    findings.keys(holder, pointer, known=tuple(_OPERATORS))
    named = [key for key in _OPERATORS if key in holder]
    if len(named) != 1:
        findings.error(pointer, "exactly one of allOf and anyOf is required")
        return Rule(operator="all", members=())
    members: list[str | Rule] = []
    known = {goal.name for goal in goals}
    for where, item in findings.list_at(holder, named[0], pointer):
        if isinstance(item, Mapping):
            members.append(_read_rule(item, where, goals, findings, used))
        elif isinstance(item, str) and item in known:
            members.append(item)
            used.add(item)
        else:
            findings.error(where, f"there is no goal {item!r}")
    if not members:
        findings.error(pointer, f"{named[0]} must name at least one goal")
    return Rule(operator=_OPERATORS[named[0]], members=tuple(members))
