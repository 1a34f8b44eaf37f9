"""Collects everything wrong with a definition while reading it, so that one answer tells all.

Readers return a harmless stand-in where a field is wrong and go on; nothing that was read is used
unless no error was found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from cases.definitions.expressions import check_syntax
from cases.definitions.model import DefinitionError, DefinitionInvalid, DefinitionWarning
from cases.definitions.parser import Document
from compensation.policy import PolicyError, escape_pointer

#: Names become parts of addresses, so they hold nothing that needs escaping there.
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MAX_LIST: Final = 100
MAX_TEXT: Final = 4_000


class Findings:
    """Errors, warnings and expressions of one document, each by JSON pointer."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._errors: list[DefinitionError] = list(document.errors)
        self._warnings: list[DefinitionWarning] = []
        self._expressions: list[tuple[str, str]] = []

    def error(self, pointer: str, message: str) -> None:
        """Note a broken rule."""
        self._errors.append(DefinitionError(self._document.line(pointer), pointer, message))

    def warn(self, pointer: str, message: str) -> None:
        """Note something that works but may surprise."""
        self._warnings.append(DefinitionWarning(self._document.line(pointer), pointer, message))

    def policy_errors(self, problem: PolicyError) -> None:
        """Take over what the reader of policies found."""
        for error in problem.errors:
            self.error(error.pointer, error.message)

    def conclude(self) -> tuple[DefinitionWarning, ...]:
        """Compile all expressions, then raise `DefinitionInvalid` or return the warnings."""
        problems = check_syntax([text for _, text in self._expressions])
        for (pointer, _), problem in zip(self._expressions, problems, strict=True):
            if problem is not None:
                self.error(pointer, f"not a usable jq expression: {problem.detail}")
        if self._errors:
            raise DefinitionInvalid(self._errors)
        return tuple(sorted(self._warnings, key=lambda w: (w.line or 0, w.pointer, w.message)))

    def map_at(self, value: Any, pointer: str) -> Mapping[str, Any]:
        """Return the value if it is a map, else note an error and return an empty one."""
        if isinstance(value, Mapping):
            return value
        self.error(pointer, "must be a map")
        return {}

    def list_at(self, holder: Mapping[str, Any], key: str, pointer: str) -> list[tuple[str, Any]]:
        """Return (pointer, item) of an optional list."""
        value = holder.get(key)
        where = member(pointer, key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.error(where, f"{key} must be a list")
            return []
        return [(member(where, index), item) for index, item in enumerate(value)]

    def keys(
        self,
        holder: Mapping[str, Any],
        pointer: str,
        *,
        known: Collection[str],
        ignored: Collection[str] = (),
        unsupported: Collection[str] = (),
    ) -> None:
        """Refuse keys that mean nothing here, and by name those that mean something elsewhere."""
        for key in holder:
            where = member(pointer, key)
            if key in unsupported:
                self.error(where, f"{key} is not supported yet")
            elif key in ignored:
                self.warn(where, f"{key} is ignored")
            elif key not in known:
                self.error(where, f"unknown field {key!r}; known are {', '.join(sorted(known))}")

    def text(
        self, holder: Mapping[str, Any], key: str, pointer: str, *, required: bool = False
    ) -> str | None:
        """Return an optional or required text that is not blank."""
        value = holder.get(key)
        where = member(pointer, key)
        if value is None:
            if required:
                self.error(where if key in holder else pointer, f"{key} is required")
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
            self.error(where, f"{key} must be text of 1 to {MAX_TEXT} characters")
            return None
        return value.strip()

    def name(self, holder: Mapping[str, Any], key: str, pointer: str) -> str:
        """Return a required name; an empty one stands in for a wrong one."""
        value = self.text(holder, key, pointer, required=True)
        if value is not None and not NAME.fullmatch(value):
            rule = "letters, digits, '.', '_' and '-', at most 100, starting with letter or digit"
            self.error(member(pointer, key), f"{key} {value[:100]!r} is not a name: {rule}")
        return value or ""

    def names(self, holder: Mapping[str, Any], key: str, pointer: str) -> tuple[str, ...]:
        """Return an optional list of short texts without repetition."""
        found: list[str] = []
        for where, item in self.list_at(holder, key, pointer):
            if not isinstance(item, str) or not item.strip() or len(item) > MAX_LIST:
                self.error(where, f"{key} must hold texts of 1 to {MAX_LIST} characters")
            elif item in found:
                self.error(where, f"{key} holds {item!r} twice")
            else:
                found.append(item)
        if len(found) > MAX_LIST:
            self.error(member(pointer, key), f"{key} must hold at most {MAX_LIST} texts")
        return tuple(found)

    def expression(
        self, holder: Mapping[str, Any], key: str, pointer: str, *, required: bool = False
    ) -> str | None:
        """Return an optional jq expression, written as text or as `{jq: text}`."""
        value = holder.get(key)
        where = member(pointer, key)
        if isinstance(value, Mapping):
            languages = [language for language in value if language != "jq"]
            for language in languages:
                self.error(member(where, language), f"expressions in {language!r}: only jq is read")
            if languages:
                return None
            return self.expression(value, "jq", where, required=True)
        if value is not None and not isinstance(value, str):
            self.error(where, f"{key} must be a jq expression written as text")
            return None
        text = self.text(holder, key, pointer, required=required)
        if text is not None:
            self._expressions.append((where, text))
        return text


def key_set(text: str) -> frozenset[str]:
    """Return the keys written in a text, separated by blanks."""
    return frozenset(text.split())


def member(pointer: str, token: object) -> str:
    """Return the JSON pointer of a member of what `pointer` points to."""
    return f"{pointer}/{escape_pointer(token)}"
