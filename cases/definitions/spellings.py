"""What authors write in other forms than the one that is read: put into that one, in place, before
anything else looks at it. Each change that means less or something else is told: a code, a JSON
pointer to what was written, a sentence.

A form whose meaning is the same is no news, and nothing is said of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from cases.definitions.relations import maps_at
from cases.definitions.times_written import other_times
from cases.definitions.written import BINDINGS
from json_values.pointers import escape

Told = Iterator[tuple[str, str, str]]

_KINDS: Final = ("success", "failure")
#: An own kind of completion that says one of these lets a case fail.
_FAILING: Final = frozenset({"FAULTED", "FAILED", "FAULT", "CANCELLED", "REJECTED", "ABORTED"})
_DIALECT: Final = re.compile(r"[01]\.[0-9]{1,3}(\.[0-9]{1,3})?")
_READ_DIALECTS: Final = frozenset({"0.1", "0.1.0", "1.0.0"})
_UNHEARD: Final = ("scopeActivated",)
#: The one field of a trigger, or of a signal that is sent, that may stand for the whole.
_ALONE: Final = {"signal": "name", "cloudEvent": "type", "event": "type", "schedule": "cron"}
_CANDIDATES: Final = ("candidateGroups", "candidateUsers")
_ASKS: Final = ("candidateGroups", "candidateUsers", "claimDeadlineHours", "templateRef")
# One name, or several with commas between them, in which there may be spaces then; anything else
# that is a text is an expression.
_ONE_NAME: Final = re.compile(r"[\w@+-][\w@+.:/-]*")
_A_NAME_OF_SEVERAL: Final = re.compile(r"[\w@+-][\w@+.:/ -]*")
_NOT_OF_OUTCOMES: Final = {
    "condition": "an outcome may be given whenever its when holds",
    "description": "nothing here shows or reads it",
}
_MAPPINGS: Final = ("inputMapping", "outputMapping", "inputProjectionOverride")
_LANGUAGES: Final = frozenset({"jq", "mvel"})
_TASKS: Final = (f"{BINDINGS}/humanTask", f"{BINDINGS}/judgment")


def other_spellings(data: Any) -> Told:
    """Change a document that was read, and yield what is to be said of it."""
    if not isinstance(data, dict):
        return
    for change in _CHANGES:
        yield from change(data)


def _dialect(data: dict[str, Any]) -> Told:
    dsl = str(data.get("dsl"))
    if dsl not in _READ_DIALECTS and _DIALECT.fullmatch(dsl):
        data["dsl"] = "0.1"
        said = f"dsl {dsl} is read as 0.1: what only that version has is ignored or refused by name"
        yield "dialect", "/dsl", said


def _names_alone(data: dict[str, Any]) -> Told:
    """A name may stand for the map that has no more than that."""
    for _, spec in maps_at(data, "/spec"):
        for part in ("capabilities", "milestones"):
            listed = spec.get(part)
            if isinstance(listed, list):
                spec[part] = [{"name": each} if isinstance(each, str) else each for each in listed]
    for _, step in maps_at(data, BINDINGS):
        child = step.get("subCase")
        if isinstance(child, str):
            namespace, _, name = child.rpartition("/")
            step["subCase"] = {"name": name, **({"namespace": namespace} if namespace else {})}
        called = step.get("capability")
        if isinstance(called, dict) and called.keys() == {"name"}:
            step["capability"] = called["name"]
    yield from ()


def _triggers(data: dict[str, Any]) -> Told:
    """What nobody hears yet starts nothing: the step stays, and its condition never holds."""
    for _, step in maps_at(data, BINDINGS):
        if step.get("on") == "contextChange":
            step["on"] = {"contextChange": {}}
        _said_alone(step, {"signal": "name"})
    for pointer, on in maps_at(data, f"{BINDINGS}/on"):
        if "contextChange" in on:
            # Saying only its name is saying nothing more about it.
            on["contextChange"] = {} if on["contextChange"] is None else on["contextChange"]
        _said_alone(on, _ALONE)
        unheard = [word for word in _UNHEARD if word in on]
        for word in unheard:
            del on[word]
            rest = "only its contextChange starts it" if on else "its step never starts"
            yield "not_executed", f"{pointer}/{word}", f"{word} is not heard yet: {rest}"
        if unheard and not on:
            on["contextChange"] = {"filter": "false"}


def _said_alone(holder: dict[str, Any], alone: Mapping[str, str]) -> None:
    """Let the one field that a part of a map is about stand for all of it."""
    for word, field in alone.items():
        if isinstance(holder.get(word), str):
            holder[word] = {field: holder[word]}


def _milestones(data: dict[str, Any]) -> Told:
    for pointer, milestone in maps_at(data, "/spec/milestones/*"):
        if isinstance(milestone.get("sla"), str):
            milestone["sla"] = {"duration": milestone["sla"]}
        if not {"condition", "when", "completionCriteria"} & milestone.keys():
            milestone["condition"] = "false"
            yield "ignored", pointer, "it has no condition: it is never reached"


def _goals(data: dict[str, Any]) -> Told:
    """Kinds of goals and of endings that are not ours end a case well or badly."""
    for pointer, spec in maps_at(data, "/spec"):
        goals = [(f"{where}", goal) for where, goal in maps_at(spec, "/goals/*", pointer)]
        strange = []
        for where, goal in goals:
            kind = goal.get("kind")
            if isinstance(kind, str) and kind.lower() in _KINDS:
                goal["kind"] = kind.lower()
            elif isinstance(kind, str) and re.fullmatch(r"[A-Za-z][\w-]*", kind):
                strange.append((where, goal, kind))
        if strange and spec.get("completion") is None:
            spec["completion"] = _by_kinds([goal for _, goal in goals])
            if spec["completion"] is None:
                # Left to themselves, goals end a case well.
                del spec["goals"]
        for where, goal, kind in strange:
            del goal["kind"]
            said = f"kind {kind[:100]!r} is not known here: what ends a case is said by completion"
            yield "unknown_value", f"{where}/kind", said
        _rules(spec)
        # What doneWhen adds goes around what is written, which has to be read before.
        yield from _own_kinds(f"{pointer}/completion", spec)
        yield from _done_when(pointer, spec)


def _rules(spec: dict[str, Any]) -> None:
    """One goal, or a list of goals, may stand for all of them; what is empty says nothing."""
    completion = spec.get("completion")
    if not isinstance(completion, dict):
        return
    written = list(completion)
    for kind in [kind for kind in _KINDS if kind in completion]:
        rule = completion[kind]
        if rule is None or rule == {}:
            del completion[kind]
            continue
        if isinstance(rule, str | list):
            completion[kind] = rule = {"allOf": [rule] if isinstance(rule, str) else rule}
        if isinstance(rule, dict) and rule and all(each == [] for each in rule.values()):
            del completion[kind]
    if not completion:
        del spec["completion"]
    elif "success" in written and "success" not in completion:
        ends_well = _ends_well(spec, json.dumps(completion, default=str))
        # Of two that hold the first that is written counts.
        rules = {kind: completion.get(kind) for kind in written} | {"success": ends_well}
        spec["completion"] = {kind: rule for kind, rule in rules.items() if rule is not None}


def _ends_well(spec: dict[str, Any], others: str) -> Any:
    """Return what ends a case well where what is said of that is empty: the goals that no other
    rule is about, as where nothing is said at all."""
    goals = [goal for _, goal in maps_at(spec, "/goals/*")]
    left = [goal for goal in goals if json.dumps(goal.get("name"), default=str) not in others]
    return (_by_kinds(left) or {}).get("success")


def _by_kinds(goals: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what ends a case where nothing says it, without the goals of other kinds: of these
    alone nothing does."""
    named: dict[str, list[Any]] = {kind: [] for kind in ("failure", "success")}
    for goal in goals:
        named.get(str(goal.get("kind") or "success"), []).append(goal.get("name"))
    rules = {"failure": {"anyOf": named["failure"]}, "success": {"allOf": named["success"]}}
    return {kind: rule for kind, rule in rules.items() if named[kind]} or None


def _done_when(pointer: str, spec: dict[str, Any]) -> Told:
    for where, completion in maps_at(spec, "/completion", pointer):
        if completion.get("doneWhen") is None:
            continue
        condition = completion.pop("doneWhen")
        goals = spec.setdefault("goals", [])
        if not isinstance(goals, list):
            continue
        # In a list: what is called by something else than a text is an error that is told later.
        taken = [goal.get("name") for goal in goals if isinstance(goal, dict)]
        name = next(
            each for n in range(len(taken) + 1) if (each := f"doneWhen{n or ''}") not in taken
        )
        goals.append({"name": name, "condition": condition})
        _also(completion, "success", {"anyOf": [name]})
        said = "doneWhen is read as one goal more: once it holds the case is completed"
        yield "dialect", f"{where}/doneWhen", said


def _own_kinds(pointer: str, spec: dict[str, Any]) -> Told:
    for _, completion in maps_at(spec, "/completion"):
        for kind, rule in list(completion.items()):
            if not isinstance(rule, dict) or (kind not in _KINDS and not rule.keys() & _RULES):
                continue
            status = str(rule.pop("status", "")).upper()
            if kind in _KINDS:
                if status and (status in _FAILING) is not (kind == "failure"):
                    said = (
                        f"status {status[:100]} is ignored: {kind} ends the case as its name says"
                    )
                    yield "unknown_value", f"{pointer}/{kind}/status", said
                continue
            del completion[kind]
            fails = status in _FAILING or kind.upper() in _FAILING
            _also(completion, "failure" if fails else "success", rule)
            how = "failed" if fails else "completed"
            said = f"{kind[:100]} is no ending of its own here: the case ends as {how}"
            yield "unknown_value", f"{pointer}/{escape(kind[:100])}", said


_RULES: Final = frozenset({"allOf", "anyOf"})


def _also(completion: dict[str, Any], kind: str, rule: dict[str, Any]) -> None:
    """Let a rule count beside the one there is."""
    there = completion.get(kind)
    completion[kind] = rule if there is None else {"anyOf": [there, rule]}


def _tasks(data: dict[str, Any]) -> Told:
    for place in _TASKS:
        for _, task in maps_at(data, place):
            for _, holder in [*maps_at(task, "/human"), ("", task)]:
                _candidates(holder)
                _hours(holder)
            if isinstance(task.get("title"), str):
                # A text that is folded, or a block, is one line here.
                task["title"] = " ".join(task["title"].split("\n"))
        for pointer, outcome in maps_at(data, f"{place}/outcomes/*"):
            yield from _outcome(pointer, outcome)
    for _, judgment in maps_at(data, f"{BINDINGS}/judgment"):
        _judgment(judgment)


def _outcome(pointer: str, outcome: dict[str, Any]) -> Told:
    if "displayName" in outcome:
        outcome.setdefault("label", outcome.pop("displayName"))
    for word, why in _NOT_OF_OUTCOMES.items():
        if outcome.pop(word, None) is not None:
            yield "ignored", f"{pointer}/{word}", f"{word} is ignored: {why}"


def _judgment(judgment: dict[str, Any]) -> None:
    """Whom it asks may stand in it, and what kind of caller it has in its caller."""
    if isinstance(judgment.get("caller"), dict):
        judgment.setdefault("callerConfig", judgment.pop("caller"))
    human = {} if judgment.get("human") is None else judgment["human"]
    if not isinstance(human, dict):
        return
    for word in [word for word in (*_ASKS, *map(_asked, _CANDIDATES)) if word in judgment]:
        human.setdefault(word, judgment.pop(word))
    if human:
        judgment["human"] = human


def _candidates(holder: dict[str, Any]) -> None:
    """One name may stand for a list of it, and an expression for what it gives."""
    for word in _CANDIDATES:
        said = holder.get(word)
        if isinstance(said, str) and (names := _names_in(said)):
            holder[word] = names
        elif isinstance(said, str) or (isinstance(said, dict) and said.keys() & _LANGUAGES):
            holder[_asked(word)] = holder.pop(word)


def _names_in(text: str) -> list[str]:
    """Return the names that a text lists, none where it is something else."""
    if _ONE_NAME.fullmatch(text.strip()):
        return [text.strip()]
    names = list(dict.fromkeys(name for each in text.split(",") if (name := each.strip())))
    several = "," in text and all(_A_NAME_OF_SEVERAL.fullmatch(name) for name in names)
    return names if several else []


def _hours(holder: dict[str, Any]) -> None:
    said = holder.get("claimDeadlineHours")
    if isinstance(said, str) and re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})?", said.strip()):
        holder["claimDeadlineHours"] = float(said)


def _asked(word: str) -> str:
    return f"{word}Expression"


def _mappings(data: dict[str, Any]) -> Told:
    """A map of expressions may stand for the expression that makes it."""
    for place in (BINDINGS, f"{BINDINGS}/subCase", f"{BINDINGS}/signal", *_TASKS):
        for _, holder in maps_at(data, place):
            for word in _MAPPINGS:
                said = holder.get(word)
                if isinstance(said, dict) and said and not said.keys() & _LANGUAGES:
                    holder[word] = _expression(said)
    yield from ()


def _expression(said: Any) -> str:
    """Return the expression that makes what is written: texts are expressions, all else is itself.

    A line of its own for what ends an expression, which may end in a remark.
    """
    if isinstance(said, dict):
        return (
            f"{{{', '.join(f'{_quoted(key)}: {_expression(each)}' for key, each in said.items())}}}"
        )
    if isinstance(said, list):
        return f"[{', '.join(map(_expression, said))}]"
    return (
        f"({said}{chr(10) if '#' in said else ''})" if isinstance(said, str) else json.dumps(said)
    )


def _quoted(key: str) -> str:
    if re.fullmatch(r"[A-Za-z_]\w*", key):
        return key
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


_CHANGES: Final[tuple[Callable[[dict[str, Any]], Told], ...]] = (
    _dialect, _names_alone, _triggers, _milestones, _goals, _tasks, _mappings, other_times,
)  # fmt: skip
