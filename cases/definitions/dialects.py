"""What definitions of other dialects say in other places, and what is no definition at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from cases.definitions.foreign_words import DEAD_DIALECT, TEMPLATE
from cases.definitions.model import Otherwise, Strategy
from cases.definitions.relations import maps_at
from cases.definitions.targets import Priority, is_by_agent
from cases.definitions.written import BINDINGS
from json_values.pointers import escape

_OF_STEP: Final = re.compile(r"(/spec/bindings/(\d+)/)(.*)")
#: What `foreign_parts` warns of, by code.
_SAID: Final = {
    "dialect": "dsl {0} is read as 0.1: what only that version has is ignored or refused by name",
    "no_dialect": "dsl is missing: read as 0.1",
    "schema_not_checked": "{0} as a JSON Schema is ignored: a projection is a jq text, and the "
    "values of a capability are checked by the schemas that it is registered with",
    "ignored": "{0} is ignored: the title is what is shown",
    "admin": "admin is read as write is: its groups may open cases, and decide nothing else",
    "unknown_value": "{0} {1!r} is not known here and is ignored; known are {2}",
}
#: Words to choose from, where another one is warned about and left out: what it means to other
#: engines nobody can tell, and without it the definition still means something.
_CHOICES: Final = {
    f"{BINDINGS}": {"conflictResolverStrategy": get_args(Strategy)},
    f"{BINDINGS}/outcomePolicy": dict.fromkeys(
        ("onDecline", "onFailure", "onExpired"), get_args(Otherwise)
    ),
    f"{BINDINGS}/subCase": {"onThresholdReached": ("KEEP", "CANCEL")},
    f"{BINDINGS}/humanTask": {"priority": get_args(Priority)},
    f"{BINDINGS}/judgment": {"priority": get_args(Priority)},
}
_PROJECTIONS: Final = ("inputSchema", "outputSchema", "inputProjection", "outputProjection")
_LANGUAGES: Final = frozenset({"jq", "mvel"})


def what_else(data: Any) -> str | None:
    """Return what a document is that is no definition of this kind, None where it may be one."""
    if not isinstance(data, dict) or "dsl" in data or {"spec", "namespace"} <= data.keys():
        return None
    if {"apiVersion", "kind", "metadata"} & data.keys():
        return DEAD_DIALECT
    return TEMPLATE if {"id", "trigger"} <= data.keys() else None


def foreign_parts(data: Any) -> Iterator[tuple[str, str, str]]:
    """Take away what is no projection, and yield it and the dialect: code, pointer, sentence."""
    if isinstance(data, dict):
        yield from _version(data.get("dsl"))
    yield from _choices(data)
    yield from _of_admin(data)
    for pointer, judgment in maps_at(data, f"{BINDINGS}/judgment"):
        for key in ("prompt", "promptExpression"):
            if judgment.get(key) and (judgment.get("title") or judgment.get("titleExpression")):
                yield "ignored", f"{pointer}/{key}", _SAID["ignored"].format(key)
        yield from _of_agent(pointer, judgment)
    for pointer, capability in maps_at(data, "/spec/capabilities/*"):
        for key in _PROJECTIONS:
            value = capability.get(key)
            if isinstance(value, dict) and not _LANGUAGES & value.keys():
                del capability[key]
                said = _SAID["schema_not_checked"].format(key)
                yield "schema_not_checked", f"{pointer}/{escape(key)}", said


def _of_admin(data: Any) -> Iterator[tuple[str, str, str]]:
    """Yield that nobody administers cases because a definition names their group."""
    for pointer, authorization in maps_at(data, "/spec/authorization"):
        if authorization.get("admin"):
            yield "not_executed", f"{pointer}/admin", _SAID["admin"]


#: What is said of a judgment and means nothing where an agent is called for it.
_FOR_PEOPLE: Final = (
    "human", "expiresIn", "expiresInExpression", "expiresAtExpression", "priority", "scope",
    "scopeExpression",
)  # fmt: skip


def _of_agent(pointer: str, judgment: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what is different where an agent is called for a judgment, and no person."""
    own = judgment.get("callerConfig")
    config = own if isinstance(own, dict) else {}
    kinds = [each for each in (judgment.get("caller"), config.get("type")) if isinstance(each, str)]
    if not is_by_agent(kinds):
        return
    for key in [key for key in _FOR_PEOPLE if judgment.get(key)]:
        said = f"{key} is not followed: an agent is called, and the step waits until it has judged"
        yield "not_executed", f"{pointer}/{key}", said
    if judgment.get("outcomes"):
        said = "outcomes are told to the agent that is called: which one it gives is not checked"
        yield "not_executed", f"{pointer}/outcomes", said
    if not any(config.get(word) for word in ("agent", "performer", "name")):
        said = "no agent is named in callerConfig: operators report what was judged"
        yield "not_executed", pointer, said


def _choices(data: Any) -> Iterator[tuple[str, str, str]]:
    """Read words to choose from however they are spelt, and take away those that nobody knows."""
    for place, words in _CHOICES.items():
        for pointer, holder in maps_at(data, place):
            for key, known in words.items():
                value = holder.get(key)
                if not isinstance(value, str):
                    continue
                plain = re.sub(r"[\s-]+|(?<=[a-z])(?=[A-Z])", "_", value.strip()).upper()
                if plain in known:
                    holder[key] = plain
                    continue
                del holder[key]
                said = _SAID["unknown_value"].format(key, value[:100], ", ".join(known))
                yield "unknown_value", f"{pointer}/{key}", said


def _version(dsl: object) -> Iterator[tuple[str, str, str]]:
    if dsl == "1.0.0":
        yield "dialect", "/dsl", _SAID["dialect"].format(dsl)
    if dsl is None:
        yield "dialect", "", _SAID["no_dialect"]


def as_written(pointer: str, data: Any) -> str:
    """Return the pointer of a part of a compiled definition by the words that its author chose."""
    found = _OF_STEP.fullmatch(pointer)
    steps = [step for _, step in maps_at(data, BINDINGS)] if found else []
    if not found or int(found[2]) >= len(steps):
        return pointer
    step, rest = steps[int(found[2])], found[3]
    if "judgment" in step:
        rest = re.sub(r"^humanTask/(candidate\w+|claimDeadlineHours)", r"judgment/human/\1", rest)
        rest = re.sub(r"^(humanTask|capability)\b", "judgment", rest)
        if "titleExpression" not in (step["judgment"] or {}):
            rest = re.sub(r"^judgment/titleExpression\b", "judgment/promptExpression", rest)
    if "compensatedBy" in step:
        rest = re.sub(r"^compensate\b", "compensatedBy", rest)
    if isinstance(step.get("on"), dict) and isinstance(step["on"].get("contextChange"), str):
        rest = re.sub(r"^on/contextChange/filter\b", "on/contextChange", rest)
    return found[1] + rest


def in_its_words(said: str, place: str, pointer: str) -> str:
    """Return what is said of a part of a compiled definition, by the word its author chose."""
    word, own = place.rpartition("/")[2], pointer.rpartition("/")[2]
    return own + said.removeprefix(word) if said.startswith(f"{word} ") else said
