"""What a compiled definition says about a context: what fires, what ends, what changes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cases.definitions.model import Binding, CapabilityCall, CompiledDefinition, HumanTask, Rule
from compensation.policy import CompensationPolicy
from json_values.comparison import same
from json_values.jq.evaluation import ExpressionFailed, Json, evaluate, evaluate_many, is_true
from json_values.limits import GROWN_BYTES, GROWN_DEPTH, beyond_limits


@dataclass(frozen=True, slots=True)
class Readiness:
    """Bindings to fire, in document order, and those whose conditions could not be evaluated."""

    fire: tuple[Binding, ...]
    failed: tuple[tuple[str, ExpressionFailed], ...]


def ready_bindings(
    definition: CompiledDefinition, context: Mapping[str, Json], *, open_bindings: Collection[str]
) -> Readiness:
    """Return which bindings a change to this context fires.

    A binding fires when its filter and its condition both hold and it has no open plan item
    (`open_bindings` are the names of those that have). Undo bindings never fire.
    """
    waiting = [b for b in definition.forward_bindings if b.name not in open_bindings]
    asked = [(b, text) for b in waiting for text in (b.filter, b.when) if text is not None]
    results = evaluate_many([(text, context) for _, text in asked])
    held_back: set[str] = set()
    failed: dict[str, ExpressionFailed] = {}
    for (binding, _), result in zip(asked, results, strict=True):
        try:
            if not is_true(result):
                held_back.add(binding.name)
        except ExpressionFailed as problem:
            failed.setdefault(binding.name, problem)
    fire = tuple(b for b in waiting if b.name not in held_back and b.name not in failed)
    # A binding that one condition already holds back is not in trouble because the other fails.
    trouble = tuple((name, why) for name, why in failed.items() if name not in held_back)
    return Readiness(fire=fire, failed=trouble)


def evaluate_completion(definition: CompiledDefinition, context: Mapping[str, Json]) -> str | None:
    """Return `success` or `failure` by the first completion rule that holds, else `None`.

    Raises `ExpressionFailed` if a goal's condition cannot be evaluated.
    """
    goals = definition.goals
    results = evaluate_many([(goal.condition, context) for goal in goals])
    reached = {g.name for g, result in zip(goals, results, strict=True) if is_true(result)}
    for kind, rule in definition.completion:
        if _holds(rule, reached):
            return kind
    return None


def input_for(target: HumanTask | CapabilityCall, value: Json) -> Json:
    """Return payload or input for a target: its mapping applied to `value`, or `value` itself.

    `value` is the context for a forward step; `docs/reference/case-definitions.md` says what it is
    for an undo. Raises `ExpressionFailed`.
    """
    return value if target.input_mapping is None else evaluate(target.input_mapping, value)


@dataclass(frozen=True, slots=True)
class ContextChange:
    """A context after a step, and the keys that the step stated, whatever they held before."""

    after: dict[str, Json]
    stated: tuple[str, ...] = ()

    def differs(self, context: Mapping[str, Json]) -> bool:
        """Return whether a stated key holds another value than it did in `context`."""
        return any(
            key not in context or not same(self.after[key], context[key]) for key in self.stated
        )


def context_after(
    context: Mapping[str, Json], result: Json, *, mapping: str | None, undo: bool = False
) -> ContextChange:
    """Return the context after a step ended with `result`; the one given is not touched.

    The mapped result is an object whose top-level keys replace those of the context. Without a
    mapping a forward step merges its result as it is, and an undo changes nothing.

    Raises `ExpressionFailed`: `not_an_object`, or the bound of a context that would be broken.
    """
    if mapping is None and (undo or result is None):
        return ContextChange(dict(context))
    mapped = result if mapping is None else evaluate(mapping, result)
    code, detail = "not_an_object", "what goes into the context must be an object"
    if isinstance(mapped, Mapping):
        changed: dict[str, Any] = {**context, **mapped}
        broken = beyond_limits(changed, "", limit=GROWN_BYTES, depth=GROWN_DEPTH)
        if broken is None:
            return ContextChange(changed, tuple(sorted(mapped)))
        code, detail = broken.code, f"the context {broken.message}"
    raise ExpressionFailed(code, detail, expression=mapping or ".")


def undo_policy(definition: CompiledDefinition, binding: Binding) -> CompensationPolicy | None:
    """Return how undoing this binding's work was declared, or `None` if it was not.

    The target of `compensate` decides mode, capability and performer; the map beside it adds the
    rest. Defaults are not filled in, so that the result can be merged by precedence.
    """
    if binding.compensate is None:
        return binding.policy
    target = definition.binding(binding.compensate).target
    if isinstance(target, CapabilityCall):
        decided = CompensationPolicy(mode="automated", capability=target.capability)
    else:
        decided = CompensationPolicy(
            mode="human",
            performer="groups" if target.candidate_groups or target.candidate_users else None,
            candidate_groups=target.candidate_groups or None,
            candidate_users=target.candidate_users or None,
        )
    return CompensationPolicy.merge(decided, binding.policy)


def _holds(rule: Rule, reached: Collection[str]) -> bool:
    """Return whether a rule holds for the goals reached."""
    each = (m in reached if isinstance(m, str) else _holds(m, reached) for m in rule.members)
    return all(each) if rule.operator == "all" else any(each)
