"""What a schema declares of the parts of a value by `format`, for words that JSON Schema leaves to
whoever uses them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from json_values.json_schema import lookup
from json_values.pointers import escape

_NOTHING: Mapping[str, Any] = {}
# Deeper, wider or further round nobody reads a form or a page.
_DEPTH, _PARTS, _HOPS = 8, 1_000, 10


def expanded(schema: Any) -> Any:
    """Return a schema with what its references lead to in their place, down `properties` and
    `items`: for whoever goes through it part by part. What stands beside a reference counts more;
    what leads too far stays a reference."""
    return _expanded(schema, schema, _DEPTH, itertools.count())


def _expanded(root: Any, node: Any, depth: int, parts: Iterator[int]) -> Any:
    if not isinstance(node, Mapping):
        return node
    for _hop in range(_HOPS):
        target = _target(root, node)
        if target is None:
            break
        node = {**target, **{name: said for name, said in node.items() if name != "$ref"}}
    if depth == 0 or next(parts) >= _PARTS:
        return node
    inner = {}
    if isinstance(node.get("properties"), Mapping):
        inner["properties"] = {
            name: _expanded(root, each, depth - 1, parts)
            for name, each in node["properties"].items()
        }
    if isinstance(node.get("items"), Mapping):
        inner["items"] = _expanded(root, node["items"], depth - 1, parts)
    return {**node, **inner}


def _target(root: Any, node: Mapping[str, Any]) -> Mapping[str, Any] | None:
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return None
    try:
        found = lookup(root, reference)
    except LookupError:
        return None
    return found if isinstance(found, Mapping) else None


def texts_of_format(
    schema: Mapping[str, Any], value: Any, name: str, pointer: str = ""
) -> list[tuple[str, str]]:
    """Return (pointer, text) of each text in `value` that `schema` declares as `format: name`, by
    pointer; pointers begin at `pointer`.

    Found by `properties`, `additionalProperties`, `items`, `prefixItems`, `allOf` and `$ref`: what
    always holds. Of a value that has been checked against the schema, so that it takes no longer
    than that did.
    """
    found: dict[str, str] = {}
    waiting: list[tuple[Any, Any, str]] = [(schema, value, pointer)]
    seen = set()
    while waiting:
        rules, part, at = waiting.pop()
        if not isinstance(rules, Mapping) or (id(rules), at) in seen:
            continue
        seen.add((id(rules), at))
        if isinstance(part, str) and rules.get("format") == name:
            found[at] = part
        if "$ref" in rules:
            waiting.append((lookup(schema, rules["$ref"]), part, at))
        waiting += [(each, part, at) for each in rules.get("allOf", ())]
        waiting += [(inner, each, f"{at}/{step}") for step, inner, each in _inside(rules, part)]
    return sorted(found.items())


def _inside(rules: Mapping[str, Any], part: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield (step, schema, value) of what is right inside a value."""
    if isinstance(part, Mapping):
        own = rules.get("properties", _NOTHING)
        for key, each in part.items():
            yield escape(key), own.get(key, rules.get("additionalProperties")), each
    elif isinstance(part, list):
        first = rules.get("prefixItems", ())
        for index, each in enumerate(part):
            inner = first[index] if index < len(first) else rules.get("items")
            yield str(index), inner, each
