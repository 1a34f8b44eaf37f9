"""Text to plain data with line numbers, within limits that hold before anything is built.

YAML is read as version 1.2, so that an unquoted `on:` stays text. The tree is composed, not
constructed: no tag can create an object, a repeated key is an error instead of a silent overwrite,
and every value keeps the line it was written on, found again by its JSON pointer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from cases.definitions.expressions import depth_exceeds
from cases.definitions.model import DefinitionError, DefinitionInvalid
from compensation.policy import escape_pointer

MAX_SOURCE_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
#: Values in the whole document with every alias written out: bounds what a few aliases can grow to.
MAX_VALUES: Final = 20_000
MAX_ALIASES: Final = 100

_TAG: Final = "tag:yaml.org,2002:"
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
#: Beyond it whole numbers are no longer exact everywhere (RFC 8785 §3.2.2.3, RFC 7493 §2.2).
_MAX_INTEGER: Final = 2**53 - 1
_MAX_DIGITS: Final = 18
_TOO_LARGE: Final = f"a whole number must be within ±{_MAX_INTEGER}; write it as text"
#: No jsonb column keeps a NUL, and half of a surrogate pair has no form in UTF-8.
_UNKEPT: Final = re.compile("[\x00\ud800-\udfff]")
_FRACTION: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data and, for YAML, the line of each value by JSON pointer.

    `errors` are those that leave the rest readable, such as a repeated key.
    """

    data: Any
    lines: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[DefinitionError, ...] = ()

    def line(self, pointer: str) -> int | None:
        """Return the line (from 1) of a value or of the nearest one around it; JSON has none."""
        while pointer not in self.lines:
            if not pointer:
                return None
            pointer = pointer.rpartition("/")[0]
        return self.lines[pointer]


def read_document(source: str | Mapping[str, object]) -> Document:
    """Read YAML text or accept a JSON object; raises `DefinitionInvalid`."""
    if isinstance(source, str):
        return _read_yaml(source)
    try:
        size = len(json.dumps(source, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError) as problem:
        raise _invalid(None, "", f"not a JSON object: {problem}") from problem
    if size > MAX_SOURCE_BYTES:
        raise _invalid(None, "", f"the definition has more than {MAX_SOURCE_BYTES} bytes")
    if depth_exceeds(source, MAX_DEPTH):
        raise _invalid(None, "", f"nested deeper than {MAX_DEPTH} levels")
    document = Document(source)
    _check_kept(document)
    return document


def _read_yaml(text: str) -> Document:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as problem:
        raise _invalid(1, "", "the text holds characters that UTF-8 cannot express") from problem
    if size > MAX_SOURCE_BYTES:
        raise _invalid(1, "", f"the definition has more than {MAX_SOURCE_BYTES} bytes")
    try:
        _check_shape(text)
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        raise _invalid(line, "", f"not valid YAML: {problem.problem or problem}") from problem
    except YAMLError as problem:
        reason = str(problem).partition("\n")[0]
        raise _invalid(1, "", f"not valid YAML: {reason}") from problem
    except DefinitionInvalid:
        raise
    except (ValueError, IndexError, KeyError, AttributeError, OverflowError) as problem:
        # The scanner trips over some malformed escapes and directives with plain exceptions.
        raise _invalid(1, "", "not valid YAML: malformed escape or directive") from problem
    if root is None:
        raise _invalid(1, "", "the document is empty")
    builder = _Builder()
    data = builder.build(root, "", root.start_mark.line + 1)
    document = Document(data, builder.lines, tuple(builder.errors))
    _check_kept(document)
    return document


def _check_kept(document: Document) -> None:
    """Raise `DefinitionInvalid` for each text or number that cannot be stored as it stands."""
    found: list[DefinitionError] = []
    waiting: list[tuple[Any, str]] = [(document.data, "")]
    while waiting:
        value, pointer = waiting.pop()
        problem = _problem_of(value)
        if isinstance(value, Mapping):
            # Such a key is not named: its pointer could be neither stored nor sent.
            kept = [key for key in value if _problem_of(key) is None]
            problem = None if len(kept) == len(value) else "a key holds NUL or half a character"
            waiting += [(value[key], f"{pointer}/{escape_pointer(key)}") for key in kept]
        elif isinstance(value, list):
            waiting += [(item, f"{pointer}/{index}") for index, item in enumerate(value)]
        if problem is not None:
            found.append(DefinitionError(document.line(pointer), pointer, problem))
    if found:
        raise DefinitionInvalid([*document.errors, *found])


def _problem_of(value: Any) -> str | None:
    if isinstance(value, str) and _UNKEPT.search(value):
        return "must not hold NUL or half a character (a lone surrogate)"
    if isinstance(value, float) and not math.isfinite(value):
        return "is beyond what a number can be; write it as text"
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        return _TOO_LARGE
    return None


def _check_shape(text: str) -> None:
    """Measure nesting on the flat stream of events, before anything recursive sees the text."""
    depth = aliases = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            depth += 1
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            depth -= 1
        elif isinstance(event, AliasEvent):
            aliases += 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1
            raise _invalid(line, "", f"nested deeper than {MAX_DEPTH} levels")
        if aliases > MAX_ALIASES:
            line = event.start_mark.line + 1
            raise _invalid(line, "", f"more than {MAX_ALIASES} aliases")


class _Builder:
    """Turns a composed tree into plain data, noting lines and problems by JSON pointer."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.errors: list[DefinitionError] = []
        self._values = 0
        self._open: set[int] = set()

    def build(self, node: Any, pointer: str, line: int) -> Any:
        """Return the plain value of a node; problems go to `errors`, never into the result."""
        self.lines[pointer] = line
        self._values += 1
        if self._values > MAX_VALUES:
            raise _invalid(line, pointer, f"more than {MAX_VALUES} values, aliases written out")
        if id(node) in self._open:
            raise _invalid(line, pointer, "an alias may not contain itself")
        if pointer.count("/") > MAX_DEPTH:
            raise _invalid(line, pointer, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(node, ScalarNode):
            return self._scalar(node, pointer, line)
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                return [
                    self.build(item, f"{pointer}/{index}", max(line, item.start_mark.line + 1))
                    for index, item in enumerate(node.value)
                ]
            return self._mapping(node, pointer, line)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: MappingNode, pointer: str, around: int) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            # What an alias repeats was written further up; here it stands on the alias's line.
            line = max(around, key_node.start_mark.line + 1)
            if key_node.tag == f"{_TAG}merge":
                self._error(line, pointer, "merge keys (<<) are not supported")
                continue
            if not isinstance(key_node, ScalarNode):
                self._error(line, pointer, "a key must be text")
                continue
            if key_node.tag != f"{_TAG}str":
                self._error(line, pointer, f"a key must be text, not {key_node.value!r}")
                continue
            key = key_node.value
            where = f"{pointer}/{escape_pointer(key)}"
            if key in built:
                first = self.lines[where]
                self._error(line, where, f"the key {key[:100]!r} was already used on line {first}")
                continue
            built[key] = self.build(value_node, where, line)
        return built

    def _scalar(self, node: ScalarNode, pointer: str, line: int) -> Any:
        kind, text = (node.tag or "").removeprefix(_TAG), node.value
        if kind in ("str", "timestamp", "value"):
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and _DECIMAL.fullmatch(text):
            return self._integer(text, pointer, line)
        if kind in ("int", "float") and _FRACTION.fullmatch(text):
            return float(text)
        if kind in ("int", "float"):
            self._error(
                line, pointer, f"{text[:100]!r} is not a plain decimal number; quote it as text"
            )
        else:
            self._error(line, pointer, f"the tag {node.tag!r} is not supported")
        return None

    def _integer(self, text: str, pointer: str, line: int) -> int:
        # Thousands of digits make no number at all: Python refuses to read them.
        if len(text) <= _MAX_DIGITS:
            return int(text)
        self._error(line, pointer, _TOO_LARGE)
        return 0

    def _error(self, line: int, pointer: str, message: str) -> None:
        self.errors.append(DefinitionError(line, pointer, message))


def _invalid(line: int | None, pointer: str, message: str) -> DefinitionInvalid:
    return DefinitionInvalid([DefinitionError(line, pointer, message)])
