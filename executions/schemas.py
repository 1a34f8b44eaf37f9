"""JSON Schema (draft 2020-12) on values that people and programs hand in.

The one place that checks values against schemas, and schemas themselves. A schema may refer within
itself only (`#` and `#/…`): nothing is fetched, whatever it says. Checking a value takes a bounded
number of steps, because it happens while the row is locked: schemas come from users.
"""

from __future__ import annotations

import functools
import json
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from compensation.policy import escape_pointer
from executions import patterns
from ledger.errors import FieldError

#: A value that breaks a rule in every row of a list would fill the answer.
MAX_ERRORS = 50
MAX_MESSAGE = 500
#: Steps in checking one value, of a few microseconds each.
MAX_STEPS = 100_000
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NOTHING_FETCHED: Registry[Any] = Registry()
_ONE_SCHEMA: Final = (
    *("additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"),
    *("propertyNames", "then"),
)
_LISTED: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED: Final = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
#: Applied to the very value their own schema is applied to.
_SAME_VALUE: Final = frozenset("allOf anyOf oneOf not if then else dependentSchemas".split())
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
_PATTERN_STEPS: Final = 10


class _TooMuch(Exception):
    """Checking takes more steps than one value may take."""


class _Meter(FormatChecker):
    """Counts steps. It is a checker of formats, and knows none, because that is what a validator
    hands on to every part of itself."""

    def __init__(self) -> None:
        super().__init__(())
        self.left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Take `steps` off. Raises _TooMuch when none are left."""
        self.left -= steps
        if self.left < 0:
            raise _TooMuch

    def spend_on_pattern(self, steps: int) -> None:
        """Take off the steps of an automaton, which are smaller."""
        self.spend(1 + steps // _PATTERN_STEPS)


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
    dialect = schema.get("$schema", DIALECT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
        return [FieldError(f"{pointer}/$schema", f"must be {DIALECT}")]
    try:
        wrong = _against_rules(schema, pointer)
        return [wrong] if wrong is not None else _Reading(schema, pointer).faults()[:MAX_ERRORS]
    except RecursionError:
        return [FieldError(pointer, "is too deep for a JSON Schema")]


def problems(schema: Mapping[str, Any], value: Any, pointer: str) -> list[FieldError]:
    """Return what `value` breaks of `schema`, by JSON pointer; pointers begin at `pointer`.

    At most MAX_ERRORS, each message at most MAX_MESSAGE characters. A value that cannot be checked
    has one problem, which says so.
    """
    found: list[FieldError] = []
    try:
        validator = _validator(json.dumps(schema, sort_keys=True)).evolve(format_checker=_Meter())
        for error in validator.iter_errors(value):
            found.append(_field_error(error, pointer))
            if len(found) == MAX_ERRORS:
                break
    except Unresolvable as error:
        return [FieldError(pointer, f"its schema refers to {error.ref!r}, which it does not hold")]
    except (_TooMuch, RecursionError):
        return [FieldError(pointer, "takes too long to check against its schema", "too_complex")]
    except (ArithmeticError, ValueError, TypeError) as error:
        message = f"cannot be checked against its schema: {error}"
        return [FieldError(pointer, message[:MAX_MESSAGE])]
    return sorted(found, key=lambda error: error.pointer)


def _against_rules(schema: Any, pointer: str) -> FieldError | None:
    try:
        # Without a checker of formats: patterns are read further down, by what will match them.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(()))
    except SchemaError as error:
        said = _field_error(error, pointer)
        return FieldError(said.pointer, f"not a valid JSON Schema: {error.message[:300]}")
    return None


class _Reading:
    """One walk over all that is applied as a schema, wherever a reference finds it."""

    def __init__(self, root: Mapping[str, Any], pointer: str) -> None:
        self._root = root
        self._pointer = pointer
        self._found: list[FieldError] = []
        self._seen: dict[int, str] = {}
        self._same_value: dict[int, list[int]] = {}
        self._targets: dict[int, tuple[Any, str]] = {}

    def faults(self) -> list[FieldError]:
        """Return what is wrong."""
        self._walk(self._root, self._pointer)
        while self._targets:
            _, (target, where) = self._targets.popitem()
            if id(target) in self._seen:
                continue
            # It stands where JSON Schema sees no schema, such as beneath `default`.
            wrong = _against_rules(target, where)
            if wrong is not None:
                self._found.append(wrong)
            else:
                self._walk(target, where)
        if not self._found:
            self._check_circles()
        return self._found

    def _walk(self, schema: Any, pointer: str) -> None:
        waiting = [(schema, pointer)]
        while waiting:
            node, where = waiting.pop()
            if not isinstance(node, Mapping) or id(node) in self._seen:
                continue
            self._seen[id(node)] = where
            self._check_words(node, where)
            same = self._same_value.setdefault(id(node), [])
            for keyword, child, at in _children(node, where):
                waiting.append((child, at))
                if keyword in _SAME_VALUE:
                    same.append(id(child))
            self._follow(node, where, same)

    def _check_words(self, node: Mapping[str, Any], where: str) -> None:
        for keyword in _REFUSED.keys() & node.keys():
            self._note(f"{where}/{keyword}", f"{keyword} {_REFUSED[keyword]}")
        for keyword in {"$id", "$schema"} & node.keys() if node is not self._root else ():
            self._note(f"{where}/{keyword}", f"{keyword} may stand at the top only")
        texts = [("pattern", node["pattern"])] if "pattern" in node else []
        texts += [
            (f"patternProperties/{escape_pointer(text)}", text)
            for text in node.get("patternProperties", ())
        ]
        for at, text in texts:
            try:
                patterns.compiled(text)
            except ValueError as problem:
                self._note(f"{where}/{at}", f"not a usable pattern: {problem}")

    def _follow(self, node: Mapping[str, Any], where: str, same: list[int]) -> None:
        reference = node.get("$ref")
        if reference is None:
            return
        at = f"{where}/$ref"
        if not reference.startswith("#"):
            self._note(at, f"the reference {reference!r} leaves the schema; only # is allowed")
            return
        try:
            target = _lookup(self._root, reference)
        except LookupError:
            self._note(at, f"the reference {reference!r} leads nowhere in the schema")
            return
        if isinstance(target, Mapping):
            same.append(id(target))
        self._targets[id(target)] = (target, at)

    def _check_circles(self) -> None:
        """Take away what leads on to nothing until nothing is left but circles."""
        left = {
            node: {child for child in children if child in self._same_value}
            for node, children in self._same_value.items()
        }
        before: dict[int, list[int]] = {node: [] for node in left}
        for node, children in left.items():
            for child in children:
                before[child].append(node)
        free = [node for node, children in left.items() if not children]
        while free:
            node = free.pop()
            del left[node]
            for earlier in before[node]:
                left[earlier].discard(node)
                if not left[earlier]:
                    free.append(earlier)
        if left:
            where = min(self._seen[node] for node in left)
            self._note(where, "leads back to itself without going into the value")

    def _note(self, pointer: str, message: str) -> None:
        self._found.append(FieldError(pointer, message[:MAX_MESSAGE]))


def _children(node: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any, str]]:
    """Yield (keyword, schema, pointer) of each schema that stands in a schema."""
    for keyword in _ONE_SCHEMA:
        if keyword in node:
            yield keyword, node[keyword], f"{where}/{keyword}"
    for keyword in _LISTED:
        for index, child in enumerate(node.get(keyword, ())):
            yield keyword, child, f"{where}/{keyword}/{index}"
    for keyword in _NAMED:
        for name, child in node.get(keyword, {}).items():
            yield keyword, child, f"{where}/{keyword}/{escape_pointer(name)}"


def _lookup(root: Any, reference: str) -> Any:
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
            break
    else:
        return node
    raise LookupError(reference)


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    meter = validator.format_checker
    if isinstance(instance, str) and not patterns.compiled(pattern).found_in(
        instance, spend=meter.spend_on_pattern
    ):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, named: Mapping[str, Any], instance: Any, _: Any
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for pattern, schema in named.items():
        for key, value in instance.items():
            if patterns.compiled(pattern).found_in(
                key, spend=validator.format_checker.spend_on_pattern
            ):
                yield from validator.descend(value, schema, path=key, schema_path=pattern)


def _additional_properties(
    validator: Any, further: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    known = schema.get("properties", {})
    named = [patterns.compiled(text) for text in schema.get("patternProperties", ())]
    spend = validator.format_checker.spend_on_pattern
    extra = [
        key
        for key in instance
        if key not in known and not any(each.found_in(key, spend=spend) for each in named)
    ]
    if further is False and extra:
        listed = ", ".join(repr(key) for key in extra[:MAX_ERRORS])
        yield ValidationError(f"Additional properties are not allowed ({listed} not expected)")
    elif further is not False:
        for key in extra:
            yield from validator.descend(instance[key], further, path=key)


def _unique_items(validator: Any, wanted: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    """Compare by written form: comparing each with each takes n² steps."""
    if not wanted or not isinstance(instance, list):
        return
    written = [_written(item) for item in instance]
    validator.format_checker.spend(sum(map(len, written)) // MAX_ERRORS)
    if len(set(written)) != len(written):
        yield ValidationError("has the same item twice")


def _written(value: Any) -> str:
    # 1 and 1.0 are one number (JSON Schema core §4.2.2), true is none.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(k)}:{_written(value[k])}' for k in sorted(value))}}}"
    return json.dumps(value)


Rule = Callable[..., Any]


def _counted(rule: Rule) -> Rule:
    """Return the rule, counting each time it is applied by what it has to look through."""

    def apply(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        meter = validator.format_checker
        meter.spend(1 + _size(value) + _size(instance))
        for error in rule(validator, value, instance, schema) or ():
            # The message quotes the value, and a rule of many parts keeps the messages of all.
            meter.spend(len(error.message) // 100)
            error.message = error.message[:MAX_MESSAGE]
            yield error

    return apply


def _size(value: Any) -> int:
    return len(value) // 10 if isinstance(value, dict | list) else 0


_OWN: Final[dict[str, Rule]] = {
    "additionalProperties": _additional_properties,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "uniqueItems": _unique_items,
}
_Validator: Final = extend(  # type: ignore[no-untyped-call]  # jsonschema is untyped here
    Draft202012Validator,
    {
        keyword: _counted(rule)
        for keyword, rule in {**Draft202012Validator.VALIDATORS, **_OWN}.items()
    },
)


@functools.lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    # Both would only lead away from this validator and this schema.
    held = {k: v for k, v in json.loads(schema).items() if k not in ("$id", "$schema")}
    return _Validator(held, registry=_NOTHING_FETCHED)


def _field_error(error: ValidationError | SchemaError, pointer: str) -> FieldError:
    path = "".join(f"/{escape_pointer(step)}" for step in error.absolute_path)
    return FieldError(f"{pointer}{path}", error.message[:MAX_MESSAGE], str(error.validator))
