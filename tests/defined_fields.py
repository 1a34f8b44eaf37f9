"""A definition that has something of everything, and what becomes of one more field in it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cases.definitions import (
    CapabilityCall,
    CompiledDefinition,
    DefinitionInvalid,
    HumanTask,
    SubCase,
    compile_definition,
)

BASE: dict[str, Any] = {
    "dsl": "0.1",
    "namespace": "tests",
    "name": "fields",
    "version": "1.0.0",
    "spec": {
        "capabilities": [{"name": "act"}],
        "goals": [{"name": "done", "kind": "success", "condition": ".done"}],
        "milestones": [{"name": "seen", "condition": ".seen"}],
        "bindings": [
            {
                "name": "task", "on": {"contextChange": {}}, "when": ".a == null",
                "humanTask": {"title": "T"}, "compensation": {"mode": "human"},
            },
            {
                "name": "call", "on": {"contextChange": {}}, "when": ".b == null",
                "capability": "act", "compensation": {"mode": "human"},
            },
            {
                "name": "child", "on": {"contextChange": {}}, "when": ".c == null",
                "subCase": {"name": "other"}, "compensation": {"mode": "human"},
            },
            {
                "name": "judge", "on": {"contextChange": {}}, "when": ".d == null",
                "judgment": {"prompt": "Is it so?"}, "compensation": {"mode": "human"},
            },
        ],
    },
}  # fmt: skip
ALWAYS: set[tuple[str, str]] = set()
#: Whether a step asks for what it writes is no matter of single fields.
REPEATS = "repeats"
TASK = "/spec/bindings/0/humanTask"
CALL = "/spec/bindings/1"
CHILD = "/spec/bindings/2/subCase"
JUDGE = "/spec/bindings/3/judgment"


def having(pointer: str, value: Any, without: str = "") -> dict[str, Any]:
    """Return the definition with one more field, and perhaps one less beside it."""
    source = copy.deepcopy(BASE)
    holder: Any = source
    *path, key = pointer.removeprefix("/").split("/")
    for step in path:
        holder = holder[int(step)] if isinstance(holder, list) else holder.setdefault(step, {})
    holder.pop(without, None)
    holder[key] = value
    return source


def read(pointer: str, value: Any, without: str = "") -> CompiledDefinition:
    """Return it compiled; nothing but what is always said is said."""
    found = compile_definition(having(pointer, value, without), capabilities=None)
    said = {(each.code, each.pointer) for each in found.warnings if each.code != REPEATS}
    assert said - ALWAYS == set()
    return found


def warned(pointer: str, value: Any, without: str = "") -> list[tuple[str, str, str]]:
    found = compile_definition(having(pointer, value, without), capabilities=None)
    said = [(each.code, each.pointer, each.message) for each in found.warnings]
    return [each for each in said if each[:2] not in ALWAYS]


def task(found: CompiledDefinition, number: int = 0) -> HumanTask:
    target = found.bindings[number].target
    assert isinstance(target, HumanTask)
    return target


def child(found: CompiledDefinition) -> SubCase:
    target = found.bindings[2].target
    assert isinstance(target, SubCase)
    return target


def called(found: CompiledDefinition) -> CapabilityCall:
    target = found.bindings[1].target
    assert isinstance(target, CapabilityCall)
    return target


def refused(source: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionInvalid) as refusal:
        compile_definition(source, capabilities=None)
    return [(each.pointer, each.message) for each in refusal.value.errors]
