"""What works in a definition but may not do what its author thinks: each with a code that never
changes, a JSON pointer and a sentence. About definitions without errors only. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from cases.definitions.coverage import coverage_gaps, is_undone
from cases.definitions.flow import after, fires_again, unreachable
from cases.definitions.model import (
    FAULTING,
    STARTS,
    TELLING,
    Binding,
    CompiledDefinition,
    Milestone,
    Rule,
)
from cases.definitions.targets import (
    DOES_NO_WORK,
    JUDGMENT,
    CapabilityCall,
    HumanTask,
    SignalSent,
    SubCase,
)

#: A rule that holds, where it does, and what its sentence is told.
Held = Iterator[tuple[str, str, tuple[object, ...]]]

_OUTSIDE: Final = "is not registered here: "
#: By rule: the code that its warning has, and what it says.
RULES: Final = {
    "endless": ("endless", "neither goals nor completion: the case never ends by itself"),
    "unused_goal": ("unused_goal", "completion does not use {0!r}"),
    "unknown_capability": (
        "unknown_capability", f"{{0!r}} {_OUTSIDE}waits for an external result"
    ),
    "unknown_undo": (
        "unknown_capability",
        f"{{0!r}} {_OUTSIDE}the undo fails, and a person takes it over",
    ),
    "undeclared_capability": (
        "undeclared_capability",
        "{0!r} is not declared in spec.capabilities: no projection stands in for missing mappings",
    ),
    "unguarded": (
        "unguarded", "neither filter nor when: fires again at every change of context"
    ),
    "unnamed": ("unnamed", "no binding names {0!r} in compensate"),
    "idle": ("idle", "{0} has no effect: an undo step neither fires nor is undone itself"),
    "idle_word": (
        "idle", "{0} has no effect: it is about steps that fire, and an undo step does not"
    ),
    "undo_asks_nothing": (
        "not_executed", "{0} is not asked of an undo step: what else it says, and its policy, stand"
    ),
    "group_policy": (
        "not_executed",
        "{0} is not followed in a group: a member that fails is left out, or tried again by retry",
    ),
    "no_scope": ("not_executed", "{0} is kept, and nothing here is looked up by it"),
    "strategy": (
        "not_executed", "{0} is not asked of an undo step: what it says replaces what was there"
    ),
    "coverage_gap": (
        "coverage_gap",
        "coverage gap: nobody declared how {0!r} is undone, and a rollback leaves it as it is",
    ),
    "pivot_before": (
        "pivot_before",
        "steps after this pivot can be undone, and it cannot be passed by itself: {0}",
    ),
    "unreachable": ("unreachable", "its condition holds of no context: it never starts"),
    "waits_in_vain": (
        "unreachable",
        "no step that can start before writes {0}: it starts only if a case is opened with that",
    ),
    "repeats": (
        "repeats",
        "asks for nothing that its result changes: fires again after every result",
    ),
    "breach_policy": (
        "not_executed",
        "no breachPolicy but FAULT and NOTIFY is known: where {0!r} is late operators are told",
    ),
    "sla_start": (
        "not_executed", "no start but {1} is known: the time of {0!r} counts from the first of them"
    ),
    "unheard": ("unheard_signal", "no step hears the signal {0!r}: nothing comes of it"),
    "no_time": ("idle", "has no effect without a duration: {0!r} is never late"),
}  # fmt: skip
# What looks at what others have written since a step fired: an undo step fires for none of that.
_FORWARD: Final = frozenset({"FIRST_WRITER_WINS", "FAIL"})


def surprises(
    definition: CompiledDefinition,
    registered: Collection[str] | None,
    covered: Collection[str] = (),
) -> Iterator[tuple[str, str, str]]:
    """Find what may surprise. `registered`: the capabilities there are; None: nobody knows.
    `covered`: those that say themselves what becomes of them in a rollback."""
    known = None if registered is None else frozenset(registered)
    for held in (
        _of_ending(definition),
        _of_calls(definition, known),
        _of_steps(definition),
        _of_flow(definition),
        _of_undo(definition, frozenset(covered)),
    ):
        for rule, pointer, told in held:
            code, sentence = RULES[rule]
            yield code, pointer, sentence.format(*told)


def _of_ending(definition: CompiledDefinition) -> Held:
    used = {goal for _, rule in definition.completion for goal in _goals_of(rule)}
    if not definition.completion:
        yield "endless", "/spec", ()
    for index, goal in enumerate(definition.goals):
        if goal.name not in used:
            yield "unused_goal", f"/spec/goals/{index}", (goal.name,)
    for index, milestone in enumerate(definition.milestones):
        yield from _of_milestone(milestone, f"/spec/milestones/{index}")


def _of_milestone(milestone: Milestone, at: str) -> Held:
    if milestone.allowed is None and (milestone.sla or milestone.sla_start_from):
        word = "sla" if milestone.sla else "slaStartFrom"
        yield "no_time", f"{at}/{word}", (milestone.name,)
        return
    if milestone.breach_policy not in (*TELLING, *FAULTING):
        yield "breach_policy", f"{at}/sla/breachPolicy", (milestone.name,)
    if milestone.starts_from not in STARTS:
        own = milestone.sla is not None and milestone.sla.start_from
        told = milestone.name, ", ".join(STARTS)
        yield "sla_start", f"{at}/sla/startFrom" if own else f"{at}/slaStartFrom", told


def _of_calls(definition: CompiledDefinition, known: frozenset[str] | None) -> Held:
    """Yield what is said of programs: each that is not declared or not registered once."""
    called = {
        step.target.capability: f"/spec/bindings/{index}/capability"
        for index, step in reversed([*enumerate(definition.bindings)])
        if isinstance(step.target, CapabilityCall)
    }
    forward = {
        step.target.capability
        for step in definition.forward_bindings
        if isinstance(step.target, CapabilityCall)
    }
    declared = {
        each.name: f"/spec/capabilities/{index}/name"
        for index, each in enumerate(definition.capabilities)
    }
    called.pop(JUDGMENT, None)
    for name, at in called.items():
        if name not in declared:
            yield "undeclared_capability", at, (name,)
        if known is not None and name not in known:
            rule = "unknown_capability" if name in forward else "unknown_undo"
            yield rule, declared.get(name, at), (name,)
    for index, step in enumerate(definition.bindings):
        undo = step.policy.capability if step.policy else None
        if known is not None and undo is not None and undo not in known:
            yield "unknown_undo", f"/spec/bindings/{index}/compensation/capability", (undo,)


def _of_steps(definition: CompiledDefinition) -> Held:
    undone_by = {step.compensate for step in definition.bindings}
    for index, step in enumerate(definition.bindings):
        at = f"/spec/bindings/{index}"
        if not step.compensation_only:
            yield from _of_forward(step, at)
        else:
            if step.name not in undone_by:
                yield "unnamed", at, (step.name,)
            for word in ("when", "compensate"):
                if getattr(step, word) is not None:
                    yield "idle", f"{at}/{word}", (word,)
        yield from _of_words(step, at)
        if isinstance(step.target, HumanTask):
            yield from _of_task(step.target, at, undo=step.compensation_only)


def _of_forward(step: Binding, at: str) -> Held:
    if step.filter is None and step.when is None and not step.deaf:
        yield "unguarded", at, ()


def _of_flow(definition: CompiledDefinition) -> Held:
    places = {step.name: f"/spec/bindings/{n}" for n, step in enumerate(definition.bindings)}
    for name, keys in unreachable(definition):
        rule = "waits_in_vain" if keys else "unreachable"
        yield rule, places[name], (", ".join(f".{key}" for key in keys),)
    heard = {step.on_signal for step in definition.forward_bindings}
    for step in definition.forward_bindings:
        if fires_again(step):
            yield "repeats", places[step.name], ()
        if isinstance(step.target, SignalSent) and step.target.signal not in heard:
            yield "unheard", f"{places[step.name]}/signal/name", (step.target.signal,)


def _of_undo(definition: CompiledDefinition, covered: frozenset[str]) -> Held:
    following = after(definition)
    gaps = {step.name for step in coverage_gaps(definition, covered)}
    undone = {step.name for step in definition.forward_bindings if is_undone(definition, step)}
    for index, step in enumerate(definition.bindings):
        if step.compensation_only or isinstance(step.target, (SubCase, *DOES_NO_WORK)):
            continue
        at = f"/spec/bindings/{index}"
        if step.name in gaps:
            yield "coverage_gap", at, (step.name,)
        later = sorted(following[step.name] & undone)
        if step.reversibility == "pivot" and later:
            yield "pivot_before", f"{at}/reversibility", (", ".join(later),)


def _of_words(step: Binding, at: str) -> Held:
    if step.compensation_only:
        said = {
            "contextWrite": step.context_write,
            "outcomePolicy": step.outcome_policy,
            "compensationOrder": step.compensation_order is not None,
        }
        yield from (("idle_word", f"{at}/{word}", (word,)) for word, there in said.items() if there)
        if step.conflict_strategy in _FORWARD:
            yield "strategy", f"{at}/conflictResolverStrategy", (step.conflict_strategy,)
        return
    in_group = isinstance(step.target, SubCase) and step.target.group_id is not None
    if in_group and step.outcome_policy is not None and step.outcome_policy.reroutes:
        yield "group_policy", f"{at}/outcomePolicy", ("outcomePolicy",)


def _of_task(task: HumanTask, at: str, *, undo: bool) -> Held:
    asked = {
        "titleExpression": task.title_expression,
        "expiresInExpression": task.expires_in_expression,
        "expiresAtExpression": task.expires_at_expression,
        "candidateGroups": task.candidate_groups_expression,
        "candidateUsers": task.candidate_users_expression,
    }
    for word in [word for word, said in asked.items() if said and undo]:
        yield "undo_asks_nothing", f"{at}/humanTask/{word}", (word,)
    kept = {"scope": task.scope, "scopeExpression": task.scope_expression, "types": task.types}
    for word in [word for word, said in kept.items() if said]:
        yield "no_scope", f"{at}/humanTask/{word}", (word,)


def _goals_of(rule: Rule) -> Iterator[str]:
    for member in rule.members:
        yield from _goals_of(member) if isinstance(member, Rule) else (member,)
