"""Text to plain data with line numbers, within limits that hold before anything is built.

YAML is read as version 1.2, so that an unquoted `on:` stays text. The tree is composed, not
constructed: no tag can create an object, a repeated key is an error instead of a silent overwrite,
and every value keeps the line it was written on, found again by its JSON pointer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.parser import Parser
from typing_extensions import override

from cases.definitions.model import DefinitionError, DefinitionInvalid
from json_values.limits import depth_exceeds, too_many_values
from json_values.pointers import MAX_GATHERED, escape

MAX_SOURCE_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 32
#: Values in the whole document with every alias written out: bounds what a few aliases can grow to.
MAX_VALUES: Final = 4_000
#: Keys and values as they are written: each takes time to read.
MAX_WRITTEN: Final = 3_000
MAX_ALIASES: Final = 100
#: Of a tag, which is not read in any case: a directive may make each of many a long one.
MAX_TAG: Final = 200

_REASON: Final = 300
_TAG: Final = "tag:yaml.org,2002:"
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
#: Beyond it whole numbers are no longer exact everywhere (RFC 8785 §3.2.2.3, RFC 7493 §2.2).
_MAX_INTEGER: Final = 2**53 - 1
_MAX_DIGITS: Final = 18
_TOO_LARGE: Final = f"a whole number must be within ±{_MAX_INTEGER}; write it as text"
#: No jsonb column keeps a NUL, and half of a surrogate pair has no form in UTF-8.
_UNKEPT: Final = re.compile("[\x00\ud800-\udfff]")
#: Numbers to YAML, texts to everybody who writes them: `version: 1.10` is not 1.1.
_TEXTS: Final = re.compile(r"/(dsl|version|(spec/)?bindings/\d+/subCase/version)")
_FRACTION: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data and, for YAML, the line and column of each value by JSON pointer.

    `errors` are those that leave the rest readable, such as a repeated key.
    """

    data: Any
    lines: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[DefinitionError, ...] = ()

    def line(self, pointer: str) -> int | None:
        """Return the line (from 1) of a value or of the nearest one around it; JSON has none."""
        return self.lines.get(self._nearest(pointer))

    def column(self, pointer: str) -> int | None:
        """Return the column (from 1) on that line: of the value, or of its key where only that is
        there; None for what an alias repeats, which stands elsewhere."""
        return self.columns.get(self._nearest(pointer))

    def gathered(self) -> Document:
        """Return it with the bindings that stand beside its spec in there, where it has none."""
        data = self.data if isinstance(self.data, dict) else {}
        beside, spec = data.get("bindings"), data.get("spec", {})
        if not isinstance(beside, list) or not all(isinstance(each, dict) for each in beside):
            return self
        if not beside or not isinstance(spec, dict) or spec.get("bindings") is not None:
            return self
        del data["bindings"]
        data["spec"] = {**spec, "bindings": beside}
        lines, columns = (
            {
                re.sub(r"^(?=/bindings\b)", "/spec", pointer): place
                for pointer, place in each.items()
            }
            for each in (self.lines, self.columns)
        )
        return replace(self, lines=lines, columns=columns)

    def _nearest(self, pointer: str) -> str:
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return pointer


def read_document(source: str | Mapping[str, object]) -> Document:
    """Read YAML text, or take a copy of a JSON object; raises `DefinitionInvalid`."""
    line = 1 if isinstance(source, str) else None
    try:
        text = source
        if not isinstance(text, str):
            text = json.dumps(source, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except UnicodeEncodeError as problem:
        message = "the text holds characters that UTF-8 cannot express"
        raise _invalid(line, "", message) from problem
    except (TypeError, ValueError, RecursionError) as problem:
        raise _invalid(line, "", f"not a JSON object: {problem}") from problem
    if size > MAX_SOURCE_BYTES:
        raise _invalid(line, "", f"the definition has more than {MAX_SOURCE_BYTES} bytes")
    if depth_exceeds(source, MAX_DEPTH):
        raise _invalid(line, "", f"nested deeper than {MAX_DEPTH} levels")
    if line is None and too_many_values(text, MAX_VALUES):
        raise _invalid(line, "", f"more than {MAX_VALUES} values")
    document = _read_yaml(text) if isinstance(source, str) else Document(json.loads(text))
    found = [
        DefinitionError(document.line(pointer), pointer, message, document.column(pointer))
        for pointer, message in _unkept(document.data, "")
    ]
    if found:
        raise DefinitionInvalid([*document.errors, *found])
    return document


def _read_yaml(text: str) -> Document:
    try:
        reader = YAML(typ="safe", pure=True)
        reader.Parser = _BoundedParser
        # On a stack of its own: at some depths, those of a request among them, CPython 3.11 maps
        # and unmaps a page of its stack at every call, and reading takes sevenfold.
        with ThreadPoolExecutor(1) as own_stack:
            root = own_stack.submit(reader.compose, text).result()
    except DefinitionInvalid:
        raise
    except YAMLError as problem:
        mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
        reason = getattr(problem, "problem", None) or str(problem).partition("\n")[0]
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        # It quotes names of anchors and handles, however long they are.
        raise _invalid(line, "", f"not valid YAML: {reason[:_REASON]}", column) from problem
    except (ValueError, IndexError, KeyError, AttributeError, OverflowError) as problem:
        # The scanner trips over some malformed escapes and directives with plain exceptions.
        raise _invalid(1, "", "not valid YAML: malformed escape or directive") from problem
    if root is None:
        raise _invalid(1, "", "the document is empty")
    builder = _Builder()
    data = builder.build(root, "", root.start_mark.line + 1)
    return Document(data, builder.lines, builder.columns, tuple(builder.errors))


def _unkept(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Find each text or number that cannot be stored as it stands."""
    if isinstance(value, dict) and any(_UNKEPT.search(key) for key in value):
        # It is not named: such a pointer could be neither stored nor sent.
        yield pointer, "a key holds NUL or half a character"
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unkept(item, f"{pointer}/{escape(key)}")
    elif isinstance(value, str) and _UNKEPT.search(value):
        yield pointer, "must not hold NUL or half a character (a lone surrogate)"
    elif isinstance(value, float) and not math.isfinite(value):
        yield pointer, "is beyond what a number can be; write it as text"
    elif isinstance(value, int) and abs(value) > _MAX_INTEGER:
        yield pointer, _TOO_LARGE


class _BoundedParser(Parser):
    """Measures the flat stream of events, before anything recursive or slow goes on with them."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._depth = self._aliases = self._written = 0

    @override
    def get_event(self) -> Any:
        """Return the next event. Raises DefinitionInvalid beyond a limit."""
        event = super().get_event()
        self._depth += isinstance(event, CollectionStartEvent)
        self._depth -= isinstance(event, CollectionEndEvent)
        self._aliases += isinstance(event, AliasEvent)
        self._written += isinstance(event, NodeEvent)
        for measured, limit, said in (
            (_length_of_tag(event), MAX_TAG, "a tag has at most {} characters"),
            (self._depth, MAX_DEPTH, "nested deeper than {} levels"),
            (self._aliases, MAX_ALIASES, "more than {} aliases"),
            (self._written, MAX_WRITTEN, "more than {} keys and values"),
        ):
            if measured > limit:
                mark = event.start_mark
                raise _invalid(mark.line + 1, "", said.format(limit), mark.column + 1)
        return event


def _length_of_tag(event: Any) -> int:
    """Return how long a tag will be, without making it: its text is put together, character by
    character, for each node that has one."""
    tag = getattr(event, "ctag", None)
    if tag is None:
        return 0
    prefix = (tag.handles or {}).get(tag.handle) or ""
    return len(prefix) + len(tag.suffix or "")


class _Builder:
    """Turns a composed tree into plain data, noting lines and problems by JSON pointer."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.columns: dict[str, int] = {}
        self.errors: list[DefinitionError] = []
        self._values = 0
        self._open: set[int] = set()

    def build(self, node: Any, pointer: str, line: int, column: int | None = None) -> Any:
        """Return the plain value of a node; problems go to `errors`, never into the result.

        `column`: of its key, where that is on the same line and it is not.
        """
        self.lines[pointer] = line
        if node.start_mark.line + 1 == line:
            column = node.start_mark.column + 1
        if column is not None:
            self.columns[pointer] = column
        self._values += 1
        if self._values > MAX_VALUES:
            said = f"more than {MAX_VALUES} values, aliases written out"
            raise _invalid(line, pointer, said, column)
        if id(node) in self._open:
            raise _invalid(line, pointer, "an alias may not contain itself", column)
        if pointer.count("/") > MAX_DEPTH:
            raise _invalid(line, pointer, f"nested deeper than {MAX_DEPTH} levels", column)
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
            own = key_node.start_mark.line + 1
            line = max(around, own)
            column = key_node.start_mark.column + 1 if line == own else None
            if key_node.tag == f"{_TAG}merge":
                self._error(line, pointer, "merge keys (<<) are not supported", column)
                continue
            if not isinstance(key_node, ScalarNode) or key_node.tag != f"{_TAG}str":
                shown = (
                    f", not {key_node.value[:100]!r}" if isinstance(key_node, ScalarNode) else ""
                )
                self._error(line, pointer, f"a key must be text{shown}", column)
                continue
            key = key_node.value
            where = f"{pointer}/{escape(key)}"
            if key in built:
                first = self.lines[where]
                said = f"the key {key[:100]!r} was already used on line {first}"
                self._error(line, where, said, column)
                continue
            built[key] = self.build(value_node, where, line, column)
        return built

    def _scalar(self, node: ScalarNode, pointer: str, line: int) -> Any:
        kind, text = (node.tag or "").removeprefix(_TAG), node.value
        is_number = kind in ("int", "float")
        if kind in ("str", "timestamp", "value") or (is_number and _TEXTS.fullmatch(pointer)):
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and _DECIMAL.fullmatch(text):
            return self._integer(text, pointer, line)
        if is_number and _FRACTION.fullmatch(text):
            return float(text)
        message = f"the tag {node.tag!r} is not supported"
        if is_number:
            message = f"{text[:100]!r} is not a plain decimal number; quote it as text"
        self._error(line, pointer, message, self.columns.get(pointer))
        return None

    def _integer(self, text: str, pointer: str, line: int) -> int:
        # Thousands of digits make no number at all: Python refuses to read them.
        if len(text) <= _MAX_DIGITS:
            return int(text)
        self._error(line, pointer, _TOO_LARGE, self.columns.get(pointer))
        return 0

    def _error(self, line: int, pointer: str, message: str, column: int | None) -> None:
        self.errors.append(DefinitionError(line, pointer, message, column))
        if len(self.errors) == MAX_GATHERED:
            raise DefinitionInvalid(self.errors)


def _invalid(
    line: int | None, pointer: str, message: str, column: int | None = None
) -> DefinitionInvalid:
    # What is about the whole text stands where it begins.
    begins = 1 if line == 1 else None
    return DefinitionInvalid([DefinitionError(line, pointer, message, column or begins)])
