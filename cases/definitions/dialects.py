"""What definitions of other dialects say in other places, and what is no definition at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from cases.definitions.foreign_words import DEAD_DIALECT, TEMPLATE
from cases.definitions.relations import maps_at
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
    for pointer, judgment in maps_at(data, f"{BINDINGS}/judgment"):
        for key in ("prompt", "promptExpression"):
            if judgment.get(key) and (judgment.get("title") or judgment.get("titleExpression")):
                yield "ignored", f"{pointer}/{key}", _SAID["ignored"].format(key)
    for pointer, capability in maps_at(data, "/spec/capabilities/*"):
        for key in _PROJECTIONS:
            value = capability.get(key)
            if isinstance(value, dict) and not _LANGUAGES & value.keys():
                del capability[key]
                said = _SAID["schema_not_checked"].format(key)
                yield "schema_not_checked", f"{pointer}/{escape(key)}", said


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
        rest = re.sub(r"^humanTask\b", "judgment", rest)
    if "compensatedBy" in step:
        rest = re.sub(r"^compensate\b", "compensatedBy", rest)
    if isinstance(step.get("on"), dict) and isinstance(step["on"].get("contextChange"), str):
        rest = re.sub(r"^on/contextChange/filter\b", "on/contextChange", rest)
    return found[1] + rest
