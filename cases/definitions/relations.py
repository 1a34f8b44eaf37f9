"""What parts of a definition mean for each other: what may not stand together, and whom
they name.

Errors are looked for in what was written, wrong parts and all, so that one answer tells everything.
Each is a JSON pointer and a sentence.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Literal

from cases.definitions.model import CompiledDefinition
from cases.definitions.targets import JUDGMENT, CapabilityCall, HumanTask, Target, is_by_agent
from cases.definitions.task_answers import faults_of_form
from cases.definitions.task_deadlines import groups_in
from cases.definitions.written import BINDINGS
from compensation.planning import UNDO_OUTCOMES
from compensation.policy import CompensationPolicy
from json_values import json_schema

Found = Iterator[tuple[str, str]]

_TARGETS: Final = ("capability", "humanTask", "judgment", "subCase", "signal", "throw")
_ONE_OF: Final = "capability, humanTask, judgment, subCase, signal or throw"
_WITHOUT_WORK: Final = ("signal", "throw")
#: By the scope of a throw: the word that says which steps it is about.
_OF_SCOPE: Final = {"whole": None, "from_step": "step", "steps": "steps"}
_TRIGGERS: Final = ("contextChange", "signal", "cloudEvent", "event", "schedule")
#: Pairs of words that may not stand in one step, with where that is said, and why. `undo` stands
#: for `compensation: true`, `compensation/…` for a word of its map.
_APART: Final = {
    **{
        pair: (pair[1], f"only one target is allowed: {_ONE_OF}")
        for pair in itertools.combinations(_TARGETS, 2)
    },
    ("undo", "subCase"): ("subCase", "an undo step has a task or a capability, and no subCase"),
    **{
        (target, key): (key, f"{key} may not stand beside {target}, which does no work")
        for target in _WITHOUT_WORK
        for key in (
            "compensate",
            "compensation",
            "compensationOrder",
            "reversibility",
            "outcomePolicy",
            "conflictResolverStrategy",
            "remote",
        )
    },
    ("undo", "remote"): ("remote", "remote belongs to the step that is undone, not to its undo"),
    ("subCase", "remote"): ("remote", "remote may stand beside a task or a capability"),
    ("compensate", "remote"): (
        "remote",
        "remote may not stand beside compensate: the other organisation undoes it",
    ),
    **{
        ("remote", f"compensation/{key}"): (
            f"compensation/{key}",
            f"{key} may not stand beside remote: the other organisation decides it",
        )
        for key in ("mode", "capability", "performer", "candidate_groups", "candidate_users")
    },
    ("undo", "reversibility"): (
        "reversibility",
        "reversibility belongs to the step that is undone, not to its undo",
    ),
    **{
        (target, key): (key, f"{key} of a {target} stands inside it")
        for target in _TARGETS[1:]
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
    _TARGETS: f"a target is required: {_ONE_OF}",
}
_ANSWERING: Final = "belongs to a forward task: whoever answers for that hears of its undo"
_EXCLUDING: Final = "belongs to a forward task; of an undo see performer: not_original_actor"
#: What only a forward task says, and what says it of an undo.
_NOT_OF_UNDO: Final = {
    **dict.fromkeys(("excludedUsers", "excludedGroups", "notCompletedBy"), _EXCLUDING),
    "requiredSkills": _EXCLUDING,
    **dict.fromkeys(("owner", "stakeholders"), _ANSWERING),
    **dict.fromkeys(
        ("deadlines", "claimDeadlineHours"),
        "belongs to a forward task; of an undo see deadline of the policy that names it",
    ),
    "templateRef": "belongs to a forward task: an undo step says itself what is to be done",
}
_NAMED: Final = {
    "capabilities": "capability",
    "bindings": "binding",
    "goals": "goal",
    "milestones": "milestone",
}


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
    yield from impossible_groups(data)
    steps = {_text(step, "name"): step for _, step in maps_at(data, BINDINGS)}
    for pointer, step in maps_at(data, BINDINGS):
        yield from _word_rules(pointer, step, unsure)
        yield from _task_rules(pointer, step)
        yield from _judge_rules(pointer, step)
        for key, problem in _references(step, steps).items():
            yield f"{pointer}/{key}", problem


def impossible_groups(data: Any) -> Found:
    """Find groups of sub-cases that ask for more than there are, where the first of their steps
    says so: the case could only fail as the first of them fires."""
    groups: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for pointer, target in maps_at(data, f"{BINDINGS}/subCase"):
        if name := _text(target, "groupId"):
            groups.setdefault(name, []).append((pointer, target))
    for name, members in groups.items():
        _at, total = next(_counts(members, "totalInGroup"), ("", len(members)))
        at, required = next(_counts(members, "requiredCount"), ("", total))
        if required > total:
            yield at, f"group {name!r} asks for {required} of {total}: it can never be met"


def _counts(
    members: Collection[tuple[str, Mapping[str, Any]]], word: str
) -> Iterator[tuple[str, int]]:
    """Yield the counts that members of a group say, and where; what is no number says nothing."""
    for pointer, target in members:
        said = target.get(word)
        if type(said) is int and said > 0:
            yield f"{pointer}/{word}", said


def whom_it_names(
    definition: CompiledDefinition,
) -> Iterator[tuple[str, Literal["user", "group", "template"], str]]:
    """Find everybody whom a definition asks to do something, and the templates of that: where,
    whether a user, a group or a template, and the name."""
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
        yield from _others_named(step.target, at)
        yield from _who_agrees(undo, f"{at}/compensation")
        for place, kind, names in lists:
            for number, name in enumerate(names or ()):
                yield f"{at}/{place}/{number}", kind, name
        for place, name in groups_in(task.deadlines if task else None):
            yield f"{at}/humanTask/deadlines/{place}", "group", name


def _who_agrees(
    undo: CompensationPolicy | None, at: str
) -> Iterator[tuple[str, Literal["user", "group"], str]]:
    """Find who has to agree to an undo before it begins."""
    steps = undo.approval if undo is not None and isinstance(undo.approval, tuple) else ()
    for number, step in enumerate(steps):
        for place, name in enumerate(step.users):
            yield f"{at}/approval/{number}/users/{place}", "user", name
        for place, name in enumerate(step.groups):
            yield f"{at}/approval/{number}/groups/{place}", "group", name


def _others_named(
    target: Target, at: str
) -> Iterator[tuple[str, Literal["user", "template"], str]]:
    if isinstance(target, HumanTask) and target.owner is not None:
        yield f"{at}/humanTask/owner", "user", target.owner
    if isinstance(target, HumanTask) and target.template_ref is not None:
        yield f"{at}/humanTask/templateRef", "template", target.template_ref
    if isinstance(target, CapabilityCall) and target.capability == JUDGMENT and target.performer:
        yield f"{at}/judgment/callerConfig/agent", "user", target.performer


def _word_rules(pointer: str, step: Mapping[str, Any], unsure: Collection[str]) -> Found:
    said = {key for key, value in step.items() if value is not None}
    said |= {
        f"compensation/{key}" for _, policy in maps_at(step, "/compensation") for key in policy
    }
    said |= {"undo"} if step.get("compensation") is True else set()
    said |= {"compensate"} if step.get("compensatedBy") is not None else set()
    for pair, (where, message) in _APART.items():
        if said.issuperset(pair):
            yield f"{pointer}/{where}", message
    for words, message in _NEEDED.items():
        if pointer not in unsure and said.isdisjoint(words):
            yield pointer, message
    for where, trigger in maps_at(step, "/on", pointer):
        if all(trigger.get(word) is None for word in _TRIGGERS) and where not in unsure:
            yield where, "on needs one of contextChange, signal, cloudEvent or schedule"


def _spec_rules(pointer: str, spec: Mapping[str, Any]) -> Found:
    if not spec.get("bindings"):
        yield pointer, "bindings is required: a case without any never does anything"
    for where, schema in maps_at(spec, "/inputSchema", pointer):
        faults = json_schema.faults(schema, where)
        yield from ((fault.pointer, fault.message) for fault in faults)
        if not faults and schema.get("type") != "object":
            yield where, "inputSchema needs type: object, because a context is one"


def _task_rules(pointer: str, step: Mapping[str, Any]) -> Found:
    for where, task in itertools.chain(
        maps_at(step, "/humanTask", pointer), maps_at(step, "/judgment", pointer)
    ):
        schema, outcomes = task.get("resolutionSchema"), task.get("outcomes")
        if "resolutionSchema" in task and isinstance(schema, dict | None):
            faults = json_schema.faults(schema, f"{where}/resolutionSchema")
            yield from ((fault.pointer, fault.message) for fault in faults)
        yield from faults_of_form(task.get("form"), schema, f"{where}/form")
        if step.get("compensation") is True:
            yield from _forward_words(where, task)
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


def _forward_words(pointer: str, task: dict[str, Any]) -> Found:
    """Find what only a forward task says, in an undo task and in whom it asks."""
    for at, holder in [(pointer, task), *maps_at(task, "/human", pointer)]:
        yield from ((f"{at}/{key}", said) for key, said in _NOT_OF_UNDO.items() if holder.get(key))


def _judge_rules(pointer: str, step: Mapping[str, Any]) -> Found:
    for where, judgment in maps_at(step, "/judgment", pointer):
        configs = [(f"{at}/type", each) for at, each in maps_at(judgment, "/callerConfig", where)]
        for at, holder in [(f"{where}/caller", judgment), *configs]:
            said = _text(holder, at.rpartition("/")[2])
            if said and said.lower() != "human" and not is_by_agent([said]):
                yield at, f"a judgment by {said!r} is not supported: only by human or agent"
            elif is_by_agent([said]) and step.get("compensation") is True:
                yield at, "an undo step is judged by people"


def _references(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what is wrong with the names that a step calls others by."""
    found: dict[str, str] = {}
    name, (word, undo) = _text(step, "name"), _undo_of(step)
    path, following = {name: None}, undo  # ordered
    while following in steps and following not in path:
        path[following] = None
        following = _undo_of(steps[following])[1]
    if undo and undo not in steps:
        found[word] = f"{word} names {undo!r}, but there is no such binding"
    elif undo and undo == name:
        found[word] = "a binding cannot compensate itself"
    elif name and following == name:
        found[word] = f"{word} forms a cycle: {' → '.join([*path, name])}"
    elif undo and steps[undo].get("compensation") is not True:
        found[word] = f"{word} names {undo!r}, which lacks compensation: true"
    return {**found, **_other_eyes(step, steps), **_thrown(step, steps)}


def _thrown(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what is wrong with the steps that a throw is about."""
    found: dict[str, str] = {}
    for _, throw in maps_at(step, "/throw"):
        scope = _text(throw, "scope")
        needed = _OF_SCOPE.get(scope)
        said = [word for word in ("step", "steps") if throw.get(word)]
        for word in said:
            if word != needed and scope in _OF_SCOPE:
                found[f"throw/{word}"] = f"{word} means nothing for scope {scope}"
        if needed is not None and needed not in said:
            found["throw"] = f"scope {scope} needs {needed}"
        places: dict[str, Any] = {"throw/step": _text(throw, "step")}
        places |= {f"throw/steps/{n}": each for n, each in enumerate(_list(throw, "steps"))}
        for place, name in places.items():
            if isinstance(name, str) and name and not _does_work(name, steps):
                found.setdefault(place, f"there is no step {name!r} that does any work")
    return found


def _does_work(name: str, steps: Mapping[str, Mapping[str, Any]]) -> bool:
    step = steps.get(name.strip())
    if step is None or step.get("compensation") is True:
        return False
    return not any(step.get(word) for word in _WITHOUT_WORK)


def _undo_of(step: Mapping[str, Any]) -> tuple[str, str]:
    """Return the word by which a step names its undo, and the name."""
    word = "compensatedBy" if "compensatedBy" in step else "compensate"
    return word, _text(step, word)


def _other_eyes(step: Mapping[str, Any], steps: Collection[str]) -> dict[str, str]:
    return {
        f"humanTask/notCompletedBy/{number}": f"there is no binding {other!r}"
        for _, task in maps_at(step, "/humanTask")
        for number, other in enumerate(_list(task, "notCompletedBy"))
        if isinstance(other, str) and other not in steps
    }


def _list(holder: Mapping[str, Any], key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _text(holder: Mapping[str, Any], key: str) -> str:
    value = holder.get(key)
    return value.strip() if isinstance(value, str) else ""
