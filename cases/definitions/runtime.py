"""What a compiled definition says about a context: what fires, what ends, what changes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cases.definitions.model import Binding, CompiledDefinition, Milestone, Rule
from cases.definitions.targets import DOES_NO_WORK, CapabilityCall, SubCase, Target
from compensation.policy import CompensationPolicy
from compensation.remote import ASKS
from json_values.comparison import same
from json_values.jq.evaluation import ExpressionFailed, Json, evaluate, evaluate_many, is_true
from json_values.limits import GROWN_BYTES, GROWN_DEPTH, beyond_limits

#: How what a step states is laid into the context: returns what is stated then, or raises
#: ExpressionFailed.
Laying = Callable[[Mapping[str, Json], Mapping[str, Json]], Mapping[str, Json]]
#: What a task asks of the context when it is opened, beside its input.
ASKED = (
    "title_expression", "expires_in_expression", "expires_at_expression",
    "candidate_groups_expression", "candidate_users_expression",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Readiness:
    """Bindings to fire, in document order, and those whose conditions could not be evaluated."""

    fire: tuple[Binding, ...]
    failed: tuple[tuple[str, ExpressionFailed], ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """A milestone that was not reached, and whether it is looked for already."""

    milestone: Milestone
    active: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A milestone that is reached, or at least looked for from now on (`activated`)."""

    milestone: Milestone
    activated: bool
    reached: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a context means for a case: by its goals it has ended (`success` or `failure`) or not,
    or `problem` is why that cannot be said; what is ready to fire, and what is reached."""

    ended: str | None
    problem: ExpressionFailed | None
    ready: Readiness
    seen: tuple[Seen, ...] = ()
    arrived: tuple[bool | ExpressionFailed, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """A binding for which something has come, and the context as it sees that."""

    binding: Binding
    context: Mapping[str, Json]


def outlook(
    definition: CompiledDefinition,
    context: Mapping[str, Json],
    *,
    waiting: Collection[Binding],
    ahead: Sequence[Ahead] = (),
    arrived: Sequence[Arrived] = (),
) -> Outlook:
    """Ask all goals, all conditions of the bindings that wait to fire, those of the milestones
    `ahead`, and of what has come for bindings, in one exchange.

    A binding fires when its filter and its condition both hold; of what has come it is asked only
    for its condition, once for each. The case has ended by the first completion rule that holds.
    """
    goals = [(goal.condition, context) for goal in definition.goals]
    asked = [
        (each, text) for each in waiting for text in (each.filter, each.when) if text is not None
    ]
    looked_for = [
        text
        for each in ahead
        for text in (None if each.active else each.milestone.entry, each.milestone.condition)
        if text is not None
    ]
    texts = [*(text for _, text in asked), *looked_for]
    came = [(each.binding.when, each.context) for each in arrived if each.binding.when is not None]
    results = evaluate_many([*goals, *((text, context) for text in texts), *came])
    first = len(goals) + len(asked)
    ready = _ready(waiting, [each for each, _ in asked], results[len(goals) : first])
    seen = tuple(_seen(ahead, iter(results[first : first + len(looked_for)])))
    held = iter(results[first + len(looked_for) :])
    wanted = tuple(each.binding.when is None or _said(next(held)) for each in arrived)
    try:
        reached = {
            goal.name
            for goal, result in zip(definition.goals, results[: len(goals)], strict=True)
            if is_true(result)
        }
    except ExpressionFailed as problem:
        return Outlook(None, problem, ready, seen, wanted)
    ends = (kind for kind, rule in definition.completion if _holds(rule, reached))
    return Outlook(next(ends, None), None, ready, seen, wanted)


def _said(result: Json) -> bool | ExpressionFailed:
    """Return whether a condition holds, or why nobody knows."""
    try:
        return is_true(result)
    except ExpressionFailed as problem:
        return problem


def _seen(ahead: Sequence[Ahead], results: Iterator[Json]) -> Iterator[Seen]:
    """Yield what has become of milestones. A condition that cannot be evaluated does not hold:
    nothing waits for it."""
    for each in ahead:
        active = each.active or each.milestone.entry is None or _is_so(next(results))
        reached = _is_so(next(results)) and active
        if reached or active != each.active:
            yield Seen(each.milestone, activated=active != each.active, reached=reached)


def _is_so(result: Json) -> bool:
    return not isinstance(result, ExpressionFailed) and is_true(result)


def _ready(
    waiting: Collection[Binding], asked: Sequence[Binding], results: Sequence[Json]
) -> Readiness:
    held_back: set[str] = set()
    failed: dict[str, ExpressionFailed] = {}
    for binding, result in zip(asked, results, strict=True):
        try:
            if not is_true(result):
                held_back.add(binding.name)
        except ExpressionFailed as problem:
            failed.setdefault(binding.name, problem)
    fire = tuple(b for b in waiting if b.name not in held_back and b.name not in failed)
    # A binding that one condition already holds back is not in trouble because the other fails.
    trouble = tuple((name, why) for name, why in failed.items() if name not in held_back)
    return Readiness(fire=fire, failed=trouble)


def input_for(target: Target, value: Json) -> Json:
    """Return payload or input for a target: its mapping applied to `value`, or `value` itself.

    `value` is the context for a forward step; `docs/reference/case-definitions.md` says what it is
    for an undo. Raises `ExpressionFailed`.
    """
    return value if target.input_mapping is None else evaluate(target.input_mapping, value)


@dataclass(frozen=True, slots=True)
class Given:
    """What a target is given, and what else its task asks of the context, by the name of the
    expression; a failure is in its place."""

    value: Json | ExpressionFailed
    said: Mapping[str, Json | ExpressionFailed]


def given_to(targets: Sequence[Target], values: Sequence[Json]) -> list[Given]:
    """Return what several targets are given, each of its own context, in one exchange."""
    asked = [
        {name: text for name in ASKED if (text := getattr(target, name, None)) is not None}
        for target in targets
    ]
    inputs = [(target.input_mapping, value) for target, value in zip(targets, values, strict=True)]
    others = [
        (text, value) for each, value in zip(asked, values, strict=True) for text in each.values()
    ]
    found = iter(_mapped([*inputs, *others]))
    own = [next(found) for _ in targets]
    return [
        Given(mine, {name: next(found) for name in each})
        for mine, each in zip(own, asked, strict=True)
    ]


def _mapped(asked: Sequence[tuple[str | None, Json]]) -> list[Json | ExpressionFailed]:
    """Apply mappings; without one a value stays as it is."""
    found = iter(evaluate_many([(text, value) for text, value in asked if text is not None]))
    return [value if text is None else next(found) for text, value in asked]


@dataclass(frozen=True, slots=True)
class ContextChange:
    """A context after a step, and the keys that the step stated, whatever they held before."""

    after: dict[str, Json]
    stated: tuple[str, ...] = ()

    def changed(self, context: Mapping[str, Json]) -> list[str]:
        """Return the stated keys that hold another value than they did in `context`."""
        return [
            key
            for key in self.stated
            if key not in context or not same(self.after[key], context[key])
        ]


def context_after(
    context: Mapping[str, Json],
    result: Json,
    *,
    mapping: str | None,
    undo: bool = False,
    deep: bool = False,
) -> ContextChange:
    """Return the context after a step ended with `result`; the one given is not touched.

    The mapped result is an object whose top-level keys replace those of the context. Without a
    mapping a forward step merges its result as it is, and an undo changes nothing. `deep`: it is
    merged into what is there key by key.

    Raises `ExpressionFailed`: `not_an_object`, or the bound of a context that would be broken.
    """
    if mapping is None and undo:
        return ContextChange(dict(context))
    [change] = contexts_after(
        context, [(mapping, result)], laying={0: merged_deep if deep else None}
    )
    if isinstance(change, ExpressionFailed):
        raise change
    return change


def contexts_after(
    context: Mapping[str, Json],
    results: Sequence[tuple[str | None, Json]],
    *,
    laying: Mapping[int, Laying | None] | None = None,
) -> list[ContextChange | ExpressionFailed]:
    """Return the context after each of several steps, one upon the other, as (mapping, result).

    One that fails, as in `context_after`, changes nothing. All mappings are asked in one exchange.
    `laying`: how some of them, by place, are laid into what is there instead of replacing it.
    """
    changes: list[ContextChange | ExpressionFailed] = []
    for place, ((mapping, _), said) in enumerate(zip(results, _mapped(results), strict=True)):
        mapped = _laid_into(context, said, (laying or {}).get(place))
        change = _merged(context, mapped, mapping)
        if isinstance(change, ContextChange):
            context = change.after
        changes.append(change)
    return changes


def _laid_into(
    context: Mapping[str, Json], mapped: Json | ExpressionFailed, laying: Laying | None
) -> Any:
    """Return what a result states once it is laid into what the context holds of it."""
    if laying is None or not isinstance(mapped, Mapping):
        return mapped
    try:
        return laying(context, mapped)
    except ExpressionFailed as refused:
        return refused


def merged_deep(context: Mapping[str, Json], mapped: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return what a result states once it is merged key by key, however deep, into what is there:
    what is there and not said stays."""
    return {
        key: _deep(context[key], said) if key in context else said for key, said in mapped.items()
    }


def _deep(old: Json, new: Json) -> Json:
    """Return both, where both are objects: what the old one has and the new one does not say stays.
    Else the new one."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    shared = {key: _deep(old[key], said) if key in old else said for key, said in new.items()}
    return {**old, **shared}


def _merged(
    context: Mapping[str, Json], mapped: Json | ExpressionFailed, mapping: str | None
) -> ContextChange | ExpressionFailed:
    if isinstance(mapped, ExpressionFailed):
        return mapped
    if mapping is None and mapped is None:
        return ContextChange(dict(context))
    code, detail = "not_an_object", "what goes into the context must be an object"
    if isinstance(mapped, Mapping):
        changed: dict[str, Any] = {**context, **mapped}
        broken = beyond_limits(changed, "", limit=GROWN_BYTES, depth=GROWN_DEPTH)
        if broken is None:
            return ContextChange(changed, tuple(sorted(mapped)))
        code, detail = broken.code, f"the context {broken.message}"
    return ExpressionFailed(code, detail, expression=mapping or ".")


def undo_policy(definition: CompiledDefinition, binding: Binding) -> CompensationPolicy | None:
    """Return how undoing this binding's work was declared, or `None` if it was not.

    The target of `compensate` decides mode, capability and performer; the map beside it adds the
    rest. Defaults are not filled in, so that the result can be merged by precedence.
    """
    if binding.remote is not None:
        return CompensationPolicy.merge(ASKS, binding.policy)
    if binding.compensate is None:
        return binding.policy
    target = definition.binding(binding.compensate).target
    if isinstance(target, (SubCase, *DOES_NO_WORK)):
        # No definition that is read undoes anything so.
        return binding.policy
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
