"""JSON Schema (draft 2020-12) on values that people and programs hand in.

The one place that checks values against schemas, and schemas themselves. A schema may refer within
itself only (`#` and `#/…`): nothing is fetched, whatever it says. Schemas come from users and
values are checked while a row is locked, and nothing can interrupt the library that checks them: so
patterns are matched in linear time, and what a check may cost is reckoned up before it begins.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import graphlib
import itertools
import json
import math
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from jsonschema_rs import Draft202012Validator, ReferencingError, RegexOptions, ValidationError

from json_values.limits import TOLD_DEPTH
from json_values.pointers import MAX_GATHERED, FieldError, escape

#: What checking one value may cost, in tenths of one rule applied to one small value; and what
#: saying which rules it breaks may cost, for which the library keeps a copy of each part.
MAX_STEPS = 10_000_000
MAX_STEPS_TO_SAY = 1_000_000
#: Objects that are applied as a schema, in one schema: reading it takes time for each.
MAX_SCHEMAS = 2_000
MAX_PATTERN = 500
#: Different patterns in one schema; each may take PATTERN_BYTES of memory.
MAX_PATTERNS = 50
PATTERN_BYTES = 1_000_000
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ONE_SCHEMA: Final = (
    *("additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"),
    *("propertyNames", "then"),
)
_LISTED: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED: Final = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
#: Applied to the very value their own schema is applied to.
_SAME_VALUE: Final = frozenset("allOf anyOf oneOf not if then else dependentSchemas".split())
#: Only one of these is applied to any one part of a value.
_EITHER: Final = frozenset("properties additionalProperties prefixItems items".split())
_NOWHERE: Final = frozenset(("$defs", "definitions"))
_REFUSED: Final = {
    **dict.fromkeys(
        ("$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"),
        "is not supported; refer with $ref to # or #/…",
    ),
    **dict.fromkeys(
        ("unevaluatedItems", "unevaluatedProperties"),
        "is not supported; say additionalProperties or items",
    ),
}
_TOO_LONG: Final = "takes too long to check against its schema"
_TOO_LARGE: Final = "breaks its schema, and is too large to say where"
_ESCAPE: Final = r"\\(?:[dDwWsSnrtfv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[^0-9A-Za-z])"
# The library's engine knows more than ECMA-262 does, and no other reader of the schema would.
_PATTERN: Final = re.compile(
    rf"(?:{_ESCAPE}|\[(?:{_ESCAPE}|-(?!-)|[^\]\\-])*\]|\((?!\?)|\(\?:"
    r"|(?:[*+?]|\{[0-9,]+\})\??(?![*+?{])|[^\\(\[*+?{])*"
)


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise ValueError, with the rule it breaks, when `schema` is no JSON Schema."""
    found = faults(schema, "")
    if found:
        raise ValueError(f"not a JSON Schema at {found[0].pointer or '/'}: {found[0].message}")


def faults(schema: Any, pointer: str) -> list[FieldError]:
    """Return what keeps `schema` from being used, by JSON pointer; pointers begin at `pointer`.

    Beside the rules of JSON Schema: references stay within it and lead somewhere, no schema leads
    back to itself without going into the value, and patterns can be matched in linear time.
    """
    if not isinstance(schema, Mapping):
        return [FieldError(pointer, "must be a JSON Schema object")]
    try:
        found = _compiled(json.dumps(schema, allow_nan=False)).faults
    except RecursionError:
        return [FieldError(pointer, "is too deep for a JSON Schema")]
    except (TypeError, ValueError) as error:
        return [_fault(pointer, f"not a valid JSON Schema: {error}")]
    return [_fault(f"{pointer}{each.pointer}", each.message) for each in found[:MAX_GATHERED]]


def problems(schema: Mapping[str, Any], value: Any, pointer: str) -> list[FieldError]:
    """Return what `value` breaks of `schema`, by JSON pointer; pointers begin at `pointer`.

    At most MAX_GATHERED. A value that cannot be checked has one problem, which says so.
    """
    try:
        compiled = _compiled(json.dumps(schema, allow_nan=False))
        validator = compiled.validator()
        steps = compiled.steps(value)
        if steps > MAX_STEPS:
            return [FieldError(pointer, _TOO_LONG, "too_complex")]
        if validator.is_valid(value):
            return []
        if steps > MAX_STEPS_TO_SAY:
            return [FieldError(pointer, _TOO_LARGE, "too_complex")]
        broken = validator.iter_errors(value)
        found = [_field_error(error, pointer) for error in itertools.islice(broken, MAX_GATHERED)]
    except (ArithmeticError, RecursionError, TypeError, ValueError) as error:
        return [_fault(pointer, f"cannot be checked against its schema: {error}")]
    return sorted(found, key=lambda error: error.pointer)


@dataclasses.dataclass(slots=True)
class _Node:
    """One object that is applied as a schema: where it stands, what it costs, what it leads to."""

    where: str
    weight: float
    same: list[int] = dataclasses.field(default_factory=list)
    either: list[int] = dataclasses.field(default_factory=list)
    every: list[int] = dataclasses.field(default_factory=list)


_NOTHING: Final = _Node("", 0)


class _Compiled:
    """A schema, read once: all that is applied as a schema, wherever a reference finds it."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.faults: list[FieldError] = []
        self._validator: Draft202012Validator | None = None
        self._nodes: dict[int, _Node] = {}
        self._costs: list[float] = []
        self._names_checked = False
        self._patterns: set[str] = set()
        self._targets: dict[int, tuple[Any, str]] = {}
        dialect = root.get("$schema", DIALECT)
        # Both would only lead away from this validator and this schema.
        self._root = {key: each for key, each in root.items() if key not in ("$id", "$schema")}
        if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
            self._note("/$schema", f"must be {DIALECT}")
        elif self._keeps_rules(root, ""):
            self._read()

    def validator(self) -> Draft202012Validator:
        """Return what checks values. Raises ValueError when the schema has faults."""
        if self._validator is None:
            raise ValueError(f"at {self.faults[0].pointer or '/'}: {self.faults[0].message}")
        return self._validator

    def steps(self, value: Any) -> float:
        """Return at least what checking `value` costs, as MAX_STEPS counts."""
        levels = _levels(value, names_checked=self._names_checked)
        if len(levels) > TOLD_DEPTH + 1:
            return math.inf
        return sum((size * cost for size, cost in zip(levels, self._costs, strict=False)), 0.0)

    def _keeps_rules(self, schema: Any, where: str) -> bool:
        try:
            _RULES.validate(schema)
        except ValidationError as error:
            said = _field_error(error, where)
            self._note(said.pointer, f"not a valid JSON Schema: {said.message[:300]}")
            return False
        return True

    def _read(self) -> None:
        self._walk(self._root, "")
        while self._targets and not self.faults:
            _, (target, where) = self._targets.popitem()
            # It may stand where JSON Schema sees no schema, such as beneath `default`.
            if id(target) not in self._nodes and self._keeps_rules(target, where):
                self._walk(target, where)
        if not self.faults:
            try:
                self._costs = self._costs_by_depth()
            except graphlib.CycleError as error:
                where = min(self._nodes[key].where for key in error.args[1])
                self._note(where, "leads back to itself without going into the value")
        if not self.faults:
            try:
                self._validator = _built(self._root)
            except (ReferencingError, ValueError) as error:
                self._note("", f"not a valid JSON Schema: {error}")

    def _walk(self, schema: Any, pointer: str) -> None:
        waiting = [(schema, pointer)]
        while waiting and len(self.faults) < MAX_GATHERED:
            schema, where = waiting.pop()
            if not isinstance(schema, dict) or id(schema) in self._nodes:
                continue
            if len(self._nodes) == MAX_SCHEMAS:
                self._note(where, f"a schema may hold at most {MAX_SCHEMAS} schemas")
                return
            node = self._nodes[id(schema)] = _Node(where, _weight(schema))
            self._names_checked |= "propertyNames" in schema
            self._check_words(schema, where)
            self._follow(schema, node)
            for keyword, child, at in _children(schema, where):
                waiting.append((child, at))
                if keyword in _SAME_VALUE:
                    node.same.append(id(child))
                elif keyword not in _NOWHERE:
                    (node.either if keyword in _EITHER else node.every).append(id(child))

    def _check_words(self, schema: Mapping[str, Any], where: str) -> None:
        for keyword in _REFUSED.keys() & schema.keys():
            self._note(f"{where}/{keyword}", f"{keyword} {_REFUSED[keyword]}")
        for keyword in {"$id", "$schema"} & schema.keys():
            self._note(f"{where}/{keyword}", f"{keyword} may stand at the top only")
        texts = [(f"patternProperties/{escape(t)}", t) for t in schema.get("patternProperties", ())]
        if "pattern" in schema:
            texts.append(("pattern", schema["pattern"]))
        for at, text in texts:
            self._patterns.add(text)
            if len(self._patterns) > MAX_PATTERNS:
                said = f"a schema may have at most {MAX_PATTERNS} of them"
                self._note(f"{where}/{at}", f"not a usable pattern: {said}")
                return
            wrong = _wrong_with(text)
            if wrong:
                self._note(f"{where}/{at}", f"not a usable pattern: {wrong}")

    def _follow(self, schema: Mapping[str, Any], node: _Node) -> None:
        reference = schema.get("$ref")
        if reference is None:
            return
        at = f"{node.where}/$ref"
        if not reference.startswith("#"):
            self._note(at, f"the reference {reference!r} leaves the schema; only # is allowed")
            return
        try:
            target = lookup(self._root, reference)
        except LookupError:
            self._note(at, f"the reference {reference!r} leads nowhere in the schema")
            return
        node.same.append(id(target))
        self._targets[id(target)] = (target, at)

    def _costs_by_depth(self) -> list[float]:
        """Return what the schema costs on one part of the value at each depth in it. Raises
        CycleError when it leads back to itself without going into the value."""
        same_value = {key: node.same for key, node in self._nodes.items()}
        order = list(graphlib.TopologicalSorter(same_value).static_order())
        found: list[float] = []
        inside: dict[int, float] = {}
        for depth in range(TOLD_DEPTH + 1):
            costs: dict[int, float] = collections.defaultdict(float)
            for key in order:
                node = self._nodes.get(key, _NOTHING)
                here = 0.0 if depth else node.weight
                if depth:
                    here += max((inside[each] for each in node.either), default=0)
                    here += sum(inside[each] for each in node.every)
                costs[key] = here + sum(costs[each] for each in node.same)
            found.append(costs[id(self._root)])
            if not any(costs.values()):
                break
            inside = costs
        return found

    def _note(self, pointer: str, message: str) -> None:
        self.faults.append(FieldError(pointer, message))


def _children(schema: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any, str]]:
    """Yield (keyword, schema, pointer) of each schema that stands in a schema."""
    for keyword in _ONE_SCHEMA:
        if keyword in schema:
            yield keyword, schema[keyword], f"{where}/{keyword}"
    for keyword in _LISTED:
        for index, child in enumerate(schema.get(keyword, ())):
            yield keyword, child, f"{where}/{keyword}/{index}"
    for keyword in _NAMED:
        for name, child in schema.get(keyword, {}).items():
            yield keyword, child, f"{where}/{keyword}/{escape(name)}"


def _weight(schema: Mapping[str, Any]) -> float:
    parts = sum(len(schema[key]) for key in (*_LISTED, *_NAMED) if key in schema)
    quoted = sum(len(json.dumps(schema[key])) / 8 for key in ("const", "enum") if key in schema)
    # Each name that is missing is a broken rule of its own.
    required = [schema.get("required", ()), *schema.get("dependentRequired", {}).values()]
    return 10 + parts + quoted + 10 * sum(map(len, required))


def _levels(value: Any, *, names_checked: bool) -> list[float]:
    """Return how much there is at each depth of a value: its parts, a little for long texts, and a
    tenth of all that is below them, because messages copy it."""
    found: list[float] = []
    level, names = [value], 0.0
    while level and len(found) < TOLD_DEPTH + 2:
        texts = sum(len(each) for each in level if isinstance(each, str))
        found.append(len(level) + names + texts / 100)
        objects = [each for each in level if isinstance(each, dict)]
        names = sum(len(name) for each in objects for name in each) / 100
        if names_checked:
            # A message about a name copies the object that has it.
            names += sum(len(each) ** 2 for each in objects) / 20
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    below = 0.0
    for depth in reversed(range(len(found))):
        found[depth], below = found[depth] + below / 10, below + found[depth]
    return found


def lookup(root: Any, reference: str) -> Any:
    """Return what `#` or `#/…` refers to. Raises LookupError."""
    steps = urllib.parse.unquote(reference[1:]).split("/")
    if steps[0]:
        raise LookupError(reference)
    node = root
    for step in steps[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isascii() and key.isdecimal():
            node = node[int(key[:9])]
        else:
            raise LookupError(reference)
    return node


@functools.lru_cache(maxsize=512)
def _wrong_with(pattern: str) -> str:
    """Return why a pattern cannot be used; nothing when it can."""
    if len(pattern) > MAX_PATTERN:
        return f"a pattern may have at most {MAX_PATTERN} characters"
    if not _PATTERN.fullmatch(pattern):
        return (
            "it holds looking ahead or behind, a flag, a named group, a quantifier behind a"
            " quantifier, '--' in a set, or an escape that is not supported"
        )
    try:
        _built({"pattern": pattern})
    except ValueError:
        return "it is no regular expression, or its repetitions, written out, are too many"
    return ""


def _refuse_to_fetch(uri: str) -> NoReturn:
    raise ValueError(f"nothing is fetched, and {uri!r} is not here")


def _built(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        schema,
        validate_formats=False,
        retriever=_refuse_to_fetch,
        pattern_options=RegexOptions(size_limit=PATTERN_BYTES, dfa_size_limit=PATTERN_BYTES),
    )


# Without formats: patterns are read by what will match them.
_RULES: Final = _built({"$ref": DIALECT})


@functools.lru_cache(maxsize=64)
def _compiled(schema: str) -> _Compiled:
    return _Compiled(json.loads(schema))


def _fault(pointer: str, message: str) -> FieldError:
    return FieldError(pointer, message).shortened()


def _field_error(error: ValidationError, pointer: str) -> FieldError:
    path = "".join(f"/{escape(step)}" for step in error.instance_path)
    code, message = error.kind.name, error.message
    if code == "falseSchema" and error.schema_path[-1:] == ["additionalProperties"]:
        code, message = "additionalProperties", "Additional properties are not allowed"
    return FieldError(f"{pointer}{path}", message, code).shortened()
