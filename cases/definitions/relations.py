"""What parts of a definition mean for each other: what may not stand together, and what surprises.

Errors are looked for in what was written, wrong parts and all, so that one answer tells everything.
Warnings are about a definition without errors, and have a code. Both are a JSON pointer and a
sentence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Literal

from cases.definitions.model import CapabilityCall, CompiledDefinition, HumanTask, Rule
from cases.definitions.task_answers import faults_of_form
from cases.definitions.task_deadlines import groups_in
from cases.definitions.written import BINDINGS
from compensation.planning import UNDO_OUTCOMES
from json_values import json_schema

Found = Iterator[tuple[str, str]]

#: Pairs of words that may not stand in one step, with where that is said, and why. `undo` stands
#: for `compensation: true`, `compensation/…` for a word of its map.
_APART: Final = {
    ("humanTask", "capability"): (
        "humanTask",
        "only one target is allowed: capability or humanTask",
    ),
    ("undo", "reversibility"): (
        "reversibility",
        "reversibility belongs to the step that is undone, not to its undo",
    ),
    **{
        ("humanTask", key): (key, f"{key} of a humanTask stands inside it")
        for key in ("inputMapping", "outputMapping", "inputProjectionOverride")
    },
    **{
        ("compensate", f"compensation/{key}"): (
            f"compensation/{key}",
            f"{key} may not stand beside compensate: its target decides it",
        )
        for key in ("mode", "capability", "performer", "candidate_groups", "candidate_users")
    },
}
#: Words of which a step needs one.
_NEEDED: Final = {
    ("on", "undo"): "on is required, such as on: {contextChange: {}}",
    ("capability", "humanTask"): "a target is required: capability or humanTask",
}
_ENDLESS: Final = "neither goals nor completion: the case never ends by itself"
_UNGUARDED: Final = "neither filter nor when: fires again at every change of context"
_UNNAMED: Final = "no binding names {!r} in compensate"
_IDLE: Final = "has no effect: an undo step neither fires nor is undone itself"
_ANSWERING: Final = "belongs to a forward task: whoever answers for that hears of its undo"
_EXCLUDING: Final = "belongs to a forward task; of an undo see performer: not_original_actor"
#: What only a forward task says, and what says it of an undo.
_NOT_OF_UNDO: Final = {
    **dict.fromkeys(("excludedUsers", "excludedGroups", "notCompletedBy"), _EXCLUDING),
    "requiredSkills": _EXCLUDING,
    **dict.fromkeys(("owner", "stakeholders"), _ANSWERING),
    "deadlines": "belongs to a forward task; of an undo see deadline of the policy that names it",
}
_NAMED: Final = {"capabilities": "capability", "bindings": "binding", "goals": "goal"}


def maps_at(data: Any, place: str, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each map at a place, a JSON pointer whose `*` is any item, with its own pointer."""
    step, _, rest = place.removeprefix("/").partition("/")
    if not step:
        yield from [(pointer, data)] if isinstance(data, dict) else ()
    elif step == "*":
        for index, item in enumerate(data if isinstance(data, list) else ()):
            yield from maps_at(item, rest, f"{pointer}/{index}")
    elif isinstance(data, dict) and step in data:
        yield from maps_at(data[step], rest, f"{pointer}/{step}")


def names_at(data: Any, place: str) -> set[str]:
    """Return the names of the maps at a place."""
    return {_text(item, "name") for _, item in maps_at(data, place)}


def contradictions(data: Any, unsure: Collection[str]) -> Found:
    """Find what breaks a rule between parts.

    In a map that is `unsure` nothing is missed: a word of a later version may stand for it.
    """
    for pointer, spec in maps_at(data, "/spec"):
        yield from _spec_rules(pointer, spec)
    for kind, word in _NAMED.items():
        seen: set[str] = set()
        for pointer, item in maps_at(data, f"/spec/{kind}/*"):
            name = _text(item, "name")
            if name and name in seen:
                yield f"{pointer}/name", f"the {word} {name!r} is declared twice"
            seen.add(name)
    declared = names_at(data, "/spec/capabilities/*")
    steps = {_text(step, "name"): step for _, step in maps_at(data, BINDINGS)}
    for pointer, step in maps_at(data, BINDINGS):
        yield from _word_rules(pointer, step, unsure)
        yield from _task_rules(pointer, step)
        for key, problem in _references(step, declared, steps).items():
            yield f"{pointer}/{key}", problem


def surprises(
    definition: CompiledDefinition, registered: Collection[str] | None
) -> Iterator[tuple[str, str, str]]:
    """Find what works but may not do what its author thinks."""
    steps = definition.bindings
    known = None if registered is None else {None, *registered}
    undone_by = {step.compensate for step in steps}
    called = {step.target.capability for step in steps if isinstance(step.target, CapabilityCall)}
    used = {goal for _, rule in definition.completion for goal in _goals_of(rule)}
    rows = [(not definition.completion, "endless", "/spec", _ENDLESS)]
    for index, goal in enumerate(definition.goals):
        said = f"completion does not use {goal.name!r}"
        rows.append((goal.name not in used, "unused_goal", f"/spec/goals/{index}", said))
    for index, each in enumerate(definition.capabilities):
        strange = known is not None and each.name in called and each.name not in known
        said = f"{each.name!r} is not registered here: waits for an external result"
        rows.append((strange, "unknown_capability", f"/spec/capabilities/{index}/name", said))
    for index, step in enumerate(steps):
        at, undo = f"/spec/bindings/{index}", step.compensation_only
        capability = step.policy.capability if step.policy else None
        strange = known is not None and capability not in known
        said = f"{capability!r} is not registered here: the undo waits for an external result"
        rows += [
            (
                not undo and step.filter is None and step.when is None,
                "unguarded", at, _UNGUARDED,
            ),
            (undo and step.name not in undone_by, "unnamed", at, _UNNAMED.format(step.name)),
            (undo and step.when is not None, "idle", f"{at}/when", f"when {_IDLE}"),
            (
                undo and step.compensate is not None,
                "idle", f"{at}/compensate", f"compensate {_IDLE}",
            ),
            (strange, "unknown_capability", f"{at}/compensation/capability", said),
        ]  # fmt: skip
    yield from ((code, pointer, sentence) for holds, code, pointer, sentence in rows if holds)


def whom_it_names(
    definition: CompiledDefinition,
) -> Iterator[tuple[str, Literal["user", "group"], str]]:
    """Find everybody whom a definition asks to do something: where, whether a user or a group, and
    the name."""
    for index, capability in enumerate(definition.capabilities):
        if capability.performer is not None:
            yield f"/spec/capabilities/{index}/performer", "user", capability.performer
    for index, step in enumerate(definition.bindings):
        at = f"/spec/bindings/{index}"
        task = step.target if isinstance(step.target, HumanTask) else None
        undo = step.policy
        lists: tuple[tuple[str, Literal["user", "group"], Collection[str] | None], ...] = (
            ("humanTask/candidateUsers", "user", task.candidate_users if task else ()),
            ("humanTask/candidateGroups", "group", task.candidate_groups if task else ()),
            ("humanTask/stakeholders", "user", task.stakeholders if task else ()),
            ("humanTask/excludedUsers", "user", task.excluded_users if task else ()),
            ("humanTask/excludedGroups", "group", task.excluded_groups if task else ()),
            ("compensation/candidate_users", "user", undo.candidate_users if undo else ()),
            ("compensation/candidate_groups", "group", undo.candidate_groups if undo else ()),
        )
        if task is not None and task.owner is not None:
            yield f"{at}/humanTask/owner", "user", task.owner
        for place, kind, names in lists:
            for number, name in enumerate(names or ()):
                yield f"{at}/{place}/{number}", kind, name
        for place, name in groups_in(task.deadlines if task else None):
            yield f"{at}/humanTask/deadlines/{place}", "group", name


def _word_rules(pointer: str, step: Mapping[str, Any], unsure: Collection[str]) -> Found:
    said = {key for key, value in step.items() if value is not None}
    said |= {
        f"compensation/{key}" for _, policy in maps_at(step, "/compensation") for key in policy
    }
    said |= {"undo"} if step.get("compensation") is True else set()
    for pair, (where, message) in _APART.items():
        if said.issuperset(pair):
            yield f"{pointer}/{where}", message
    for words, message in _NEEDED.items():
        if pointer not in unsure and said.isdisjoint(words):
            yield pointer, message
    for where, trigger in maps_at(step, "/on", pointer):
        if trigger.get("contextChange") is None and where not in unsure:
            yield where, "on needs contextChange"


def _spec_rules(pointer: str, spec: Mapping[str, Any]) -> Found:
    if not spec.get("bindings"):
        yield pointer, "bindings is required: a case without any never does anything"
    for where, schema in maps_at(spec, "/inputSchema", pointer):
        faults = json_schema.faults(schema, where)
        yield from ((fault.pointer, fault.message) for fault in faults)
        if not faults and schema.get("type") != "object":
            yield where, "inputSchema needs type: object, because a context is one"


def _task_rules(pointer: str, step: Mapping[str, Any]) -> Found:
    for where, task in maps_at(step, "/humanTask", pointer):
        schema, outcomes = task.get("resolutionSchema"), task.get("outcomes")
        if "resolutionSchema" in task and isinstance(schema, dict | None):
            faults = json_schema.faults(schema, f"{where}/resolutionSchema")
            yield from ((fault.pointer, fault.message) for fault in faults)
        yield from faults_of_form(task.get("form"), schema, f"{where}/form")
        if step.get("compensation") is True:
            yield from ((f"{where}/{k}", said) for k, said in _NOT_OF_UNDO.items() if task.get(k))
        if step.get("compensation") is not True or not isinstance(outcomes, list) or not outcomes:
            continue
        # An undo task may narrow how it ends, but must be able to succeed.
        for strange in (each for each in outcomes if each not in UNDO_OUTCOMES):
            said = f"an undo task cannot end in {strange!r}; only in {', '.join(UNDO_OUTCOMES)}"
            if isinstance(strange, Mapping):
                said = "an undo task calls its outcomes by their own names, on no condition"
            yield f"{where}/outcomes", said
        if "REVERSED" not in outcomes and "CORRECTED" not in outcomes:
            yield f"{where}/outcomes", "an undo task must permit REVERSED or CORRECTED"


def _references(
    step: Mapping[str, Any], declared: Collection[str], steps: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Return what is wrong with the names that a step calls others by."""
    found: dict[str, str] = {}
    name, called, undo = (_text(step, key) for key in ("name", "capability", "compensate"))
    if called and called not in declared and "humanTask" not in step:
        found["capability"] = f"the capability {called!r} is not declared in spec.capabilities"
    path, following = {name: None}, undo  # ordered
    while following in steps and following not in path:
        path[following] = None
        following = _text(steps[following], "compensate")
    if undo and undo not in steps:
        found["compensate"] = f"compensate names {undo!r}, but there is no such binding"
    elif undo and undo == name:
        found["compensate"] = "a binding cannot compensate itself"
    elif name and following == name:
        found["compensate"] = f"compensate forms a cycle: {' → '.join([*path, name])}"
    elif undo and steps[undo].get("compensation") is not True:
        found["compensate"] = f"compensate names {undo!r}, which lacks compensation: true"
    return {**found, **_other_eyes(step, steps)}


def _other_eyes(step: Mapping[str, Any], steps: Collection[str]) -> dict[str, str]:
    return {
        f"humanTask/notCompletedBy/{number}": f"there is no binding {other!r}"
        for _, task in maps_at(step, "/humanTask")
        for number, other in enumerate(_list(task, "notCompletedBy"))
        if isinstance(other, str) and other not in steps
    }


def _goals_of(rule: Rule) -> Iterator[str]:
    for member in rule.members:
        yield from _goals_of(member) if isinstance(member, Rule) else (member,)


def _list(holder: Mapping[str, Any], key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _text(holder: Mapping[str, Any], key: str) -> str:
    value = holder.get(key)
    return value.strip() if isinstance(value, str) else ""
