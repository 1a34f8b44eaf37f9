"""Small case definitions for tests."""

from __future__ import annotations

from typing import Any


def human(name: str, when: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a binding that becomes a task for anybody; its result lands under its own name."""
    key = name.replace("-", "_")
    binding: dict[str, Any] = {
        "name": name,
        "on": {"contextChange": {}},
        "when": when or f".{key} == null",
        "humanTask": {"title": f"Do {name}", "outputMapping": f"{{{key}: .}}"},
        "compensation": {"mode": "human"},
    }
    binding.update(more)
    return {key: value for key, value in binding.items() if value is not None}


def automated(name: str, capability: str, when: str, value: str, **more: Any) -> dict[str, Any]:
    """Return a binding that becomes an execution of `capability` with the jq input `value`."""
    key = name.replace("-", "_")
    return {
        "name": name,
        "on": {"contextChange": {}},
        "when": f"({when}) and .{key} == null",
        "capability": capability,
        "inputMapping": value,
        "outputMapping": f"{{{key}: .}}",
        **more,
    }


def definition(
    name: str, *bindings: dict[str, Any], success: str | None = None, failure: str | None = None
) -> dict[str, Any]:
    """Return a definition in namespace `tests`; it ends when the condition `success` holds."""
    goals, completion = [], {}
    for kind, condition in (("success", success), ("failure", failure)):
        if condition is not None:
            goals.append({"name": kind, "kind": kind, "condition": condition})
            completion[kind] = {"allOf": [kind]}
    spec: dict[str, Any] = {"bindings": list(bindings)}
    names = sorted({each["capability"] for each in bindings if "capability" in each})
    if names:
        spec["capabilities"] = [{"name": each} for each in names]
    if goals:
        spec |= {"goals": goals, "completion": completion}
    return {
        "dsl": "0.1",
        "namespace": "tests",
        "name": name,
        "version": "1.0.0",
        "title": name.replace("-", " ").capitalize(),
        "spec": spec,
    }
