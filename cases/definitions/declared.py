"""What a definition declares of the values that its cases know and its steps are given, as JSON
Schemas for whoever shows them. Pure; nothing is evaluated.

A mapping is followed where it only picks: `.`, or an object of names and paths, such as
`{applicant, value: .valuation.value}`. What is computed otherwise is declared by nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cases.definitions.model import Binding, CompiledDefinition
from cases.definitions.targets import CapabilityCall, HumanTask
from json_values.declarations import expanded

Schema = Mapping[str, Any]

_NOTHING: Final[Schema] = {}
_MEMBER: Final = re.compile(r"(?s)\s*(?P<name>[A-Za-z_]\w*)\s*(?::\s*(?P<value>.*\S))?\s*")
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<open>[({\[])|(?P<close>[)}\]])|(?P<comma>,)')
# Comments, and texts with expressions in them, are not told apart.
_UNREAD: Final = re.compile(r"#|\\\(")
_PATH: Final = re.compile(r"\.|(?:\.[A-Za-z_]\w*)+")
_PERSON: Final = {"type": "string", "format": "person"}


def context_schema(definition: CompiledDefinition, outputs: Mapping[str, Schema]) -> Schema:
    """Return what is declared of the context: by the input schema, and by what steps make of their
    results. `outputs` are the schemas of what programs give, by capability."""
    asked = expanded(definition.input_schema or _NOTHING)
    own = dict(_members(asked))
    for binding in definition.bindings:
        result = _result(binding, outputs)
        mapping = binding.target.output_mapping
        if mapping is None:
            made = _NOTHING if binding.compensation_only else result
        else:
            made = mapped(mapping, result)
        for name, schema in _members(made).items():
            known = own.get(name, schema)
            # Of what is one thing here and another there, only the name is sure.
            same = known == schema
            own[name] = schema if same else {"title": _mapping(known).get("title", "")}
    return {**asked, "properties": own}


def given_schema(
    definition: CompiledDefinition, name: str, outputs: Mapping[str, Schema]
) -> Schema:
    """Return what is declared of the payload or input of a step, by the name of its binding."""
    binding = next((each for each in definition.bindings if each.name == name), None)
    if binding is None:
        return _NOTHING
    seen = context_schema(definition, outputs)
    if binding.compensation_only:
        undone = [each for each in definition.bindings if each.compensate == name]
        original = _original(definition, undone[0], outputs) if len(undone) == 1 else _NOTHING
        seen = _object(context=seen, original=original)
    mapping = binding.target.input_mapping
    return seen if mapping is None else mapped(mapping, seen)


def mapped(mapping: str, schema: Schema) -> Schema:
    """Return what is declared of what a mapping picks of a value of `schema`."""
    text = mapping.strip()
    if _PATH.fullmatch(text):
        return _at(schema, text)
    found: dict[str, Schema] = {}
    for part in _written(text):
        member = _MEMBER.fullmatch(part)
        if member is None:
            # A name that is computed may be any of the others.
            return _NOTHING
        path = f".{member['name']}" if member["value"] is None else member["value"]
        found[member["name"]] = _at(schema, path) if _PATH.fullmatch(path) else _NOTHING
    return _object(**found) if found else _NOTHING


def _written(mapping: str) -> list[str]:
    """Return the members of an object as they are written; none where it is no object alone."""
    if not mapping.startswith("{") or _UNREAD.search(mapping):
        return []
    depth, start, parts = 0, 1, []
    for token in _TOKEN.finditer(mapping):
        depth += bool(token["open"]) - bool(token["close"])
        ends = depth == 0
        if ends or (token["comma"] and depth == 1):
            parts.append(mapping[start : token.start()])
            start = token.end()
        if ends:
            break
    return [] if depth or mapping[start:].strip() else parts


def _result(binding: Binding, outputs: Mapping[str, Schema]) -> Schema:
    """Return what is declared of what a step hands to its output mapping."""
    target = binding.target
    if isinstance(target, CapabilityCall):
        return _mapping(expanded(outputs.get(target.capability)))
    if not isinstance(target, HumanTask):
        return _NOTHING
    own = expanded(target.resolution_schema or _NOTHING)
    return _object(**_members(own), resolution=own, outcome=_NOTHING, completed_by=_PERSON)


def _original(
    definition: CompiledDefinition, binding: Binding, outputs: Mapping[str, Schema]
) -> Schema:
    """Return what is declared of the `original` that an undo binding sees."""
    target, given = binding.target, given_schema(definition, binding.name, outputs)
    if isinstance(target, HumanTask):
        return _object(payload=given, resolution=expanded(target.resolution_schema or _NOTHING))
    output = outputs.get(target.capability) if isinstance(target, CapabilityCall) else _NOTHING
    return _object(input=given, output=expanded(output))


def _at(schema: Schema, path: str) -> Schema:
    for name in filter(None, path.split(".")):
        schema = _mapping(_members(schema).get(name))
    return schema


def _object(**members: Any) -> Schema:
    return {"type": "object", "properties": members}


def _members(schema: Schema) -> Mapping[str, Any]:
    return _mapping(schema.get("properties"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _NOTHING


def _names(definition: CompiledDefinition) -> Iterator[str]:
    for binding in definition.bindings:
        if isinstance(binding.target, CapabilityCall):
            yield binding.target.capability


def capabilities_of(definition: CompiledDefinition) -> frozenset[str]:
    """Return the programs that a definition calls."""
    return frozenset(_names(definition))
