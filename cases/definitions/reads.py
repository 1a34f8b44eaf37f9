"""Which keys of the context an expression can depend on, read off its text. Pure; nothing is
evaluated.

What is said here is safe: of an expression that may look at more than is plain (a bare `.`, a
function of the whole context, a variable, an assignment) it is said that it reads everything.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Final

from cases.definitions.model import Binding
from cases.definitions.targets import DOES_NO_WORK

_NAME: Final = r"[A-Za-z_]\w*"
_TEXT: Final = r'"(?:[^"\\]|\\.)*"'
_PLAIN: Final = r'"[^"\\]*"'
_TOKEN: Final = re.compile(
    rf"(?P<space>\s+)"
    rf"|(?P<number>\.?\d[\d.]*(?:[eE][-+]?\d+)?)"
    rf"|(?P<has>has\s*\(\s*(?P<held>{_PLAIN})\s*\))"
    rf"|\.\s*(?P<key>{_PLAIN})|\.\s*\[\s*(?P<index>{_PLAIN})\s*\]"
    rf"|\.(?P<field>{_NAME})"
    rf"|(?P<member>(?:{_NAME}|{_PLAIN})\s*:)"
    rf"|(?P<text>{_TEXT})"
    rf"|(?P<whole>\.\.?)"
    rf"|(?P<word>{_NAME})"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<compare>[=!<>]=)|(?P<assign>(?:\?//|//|[-+*/%|])?=)"
    r"|(?P<turn>\|)|(?P<comma>,)|(?P<next>;)|(?P<maybe>\?)"
    r"|(?P<sign>//|[-+*/%<>:])"
)
_LITERALS: Final = frozenset({"null", "true", "false"})
_JOINING: Final = frozenset({"and", "or", "try", "catch"})
_BRANCHING: Final = frozenset({"then", "elif", "else"})
# After one of these a name stands for something else, or a pipe no longer leaves the context.
_BINDING: Final = frozenset({"as", "def", "foreach", "import", "include", "label", "reduce"})
# What can end a term, so that a path after it goes on from there.
_TERMS: Final = frozenset(
    {"number", "has", "key", "index", "field", "text", "whole", "close", "maybe"}
)


class _Unread(Exception):
    """It may read anything."""


@dataclasses.dataclass(slots=True)
class _Group:
    """A bracket or an `if`: whether what stood before it, and what stands now, is about the
    context."""

    bracket: str
    began: bool
    about: bool


class _Reader:
    """Goes through the tokens of an expression, and notes the keys that it asks the context for."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self._groups = [_Group("", began=True, about=True)]
        self._in_term = False
        self._before = ""

    def take(self, token: re.Match[str]) -> None:
        """Take in the next token. Raises _Unread where it may read anything."""
        kind, text = token.lastgroup or "", token[token.lastgroup or 0]
        if kind in {"text", "word"} and self._is_member(token):
            # `{a}` is short for `{a: .a}`.
            self._note(text)
            kind = "text"
        elif kind == "has":
            self._note(token["held"])
        elif kind == "word":
            kind = self._word(text)
        elif kind in {"field", "key", "index"}:
            if not self._in_term:
                self._note(text)
        elif kind in {"open", "close", "turn", "comma", "next"}:
            self._turn(kind, text)
        elif self._is_unread(kind, text):
            raise _Unread
        self._in_term, self._before = kind in _TERMS, kind

    def _is_member(self, token: re.Match[str]) -> bool:
        after = token.string[token.end() :].lstrip()[:1]
        in_object = self._groups[-1].bracket == "{" and self._before in {"open", "comma"}
        return in_object and after in {",", "}"}

    def _is_unread(self, kind: str, text: str) -> bool:
        if kind == "member":
            # None without an object: `.a[length:]` asks for the length of all there is.
            return self._groups[-1].bracket != "{"
        if kind == "whole":
            return self._groups[-1].about and not self._in_term
        return kind == "assign" or (kind == "text" and "\\(" in text)

    def _note(self, key: str) -> None:
        if self._groups[-1].about:
            self.keys.add(key.strip('"'))

    def _turn(self, kind: str, text: str) -> None:
        group = self._groups[-1]
        if kind == "open":
            self._groups.append(_Group(text, group.about, group.about))
        elif kind == "close":
            self._leave()
        elif kind == "turn":
            group.about = False
        elif kind == "next" or group.bracket == "{":
            # The next argument or member is about what the whole is about.
            group.about = group.began

    def _word(self, word: str) -> str:
        """Take in a word; return what it stands for."""
        group = self._groups[-1]
        if word == "if":
            self._groups.append(_Group(word, group.about, group.about))
        elif word in _BRANCHING:
            group.about = group.began
        elif word == "end":
            self._leave()
            return "close"
        elif word in _LITERALS:
            return "text"
        elif word not in _JOINING:
            if group.about or word in _BINDING:
                raise _Unread
            return "text"
        return "word"

    def _leave(self) -> None:
        if len(self._groups) == 1:
            raise _Unread
        self._groups.pop()


@functools.lru_cache(maxsize=4096)
def keys_read(expression: str) -> frozenset[str] | None:
    """Return the keys of the context that an expression can depend on; None: on any."""
    reader, at = _Reader(), 0
    try:
        while at < len(expression):
            token = _TOKEN.match(expression, at)
            if token is None:
                return None
            if token["space"] is None:
                reader.take(token)
            at = token.end()
    except _Unread:
        return None
    return frozenset(reader.keys)


def asked_by(binding: Binding) -> frozenset[str] | None:
    """Return the keys that filter and condition of a step can depend on; None: on any."""
    found = [keys_read(text) for text in (binding.filter, binding.when) if text is not None]
    return None if None in found else frozenset().union(*(each for each in found if each))


def fires_by(binding: Binding) -> frozenset[str] | None:
    """Return the keys one of which must change before a step that was done is looked at again;
    None: any. What is given the whole context answers to all of it."""
    if isinstance(binding.target, DOES_NO_WORK):
        return asked_by(binding)
    return None if binding.target.input_mapping is None else asked_by(binding)


def keys_given(binding: Binding) -> frozenset[str] | None:
    """Return the keys on which it can depend that a step was begun, and what it was given; None:
    any. Without an `inputMapping` it is given the whole context."""
    asked = asked_by(binding)
    if isinstance(binding.target, DOES_NO_WORK):
        return asked
    mapping = binding.target.input_mapping
    given = None if mapping is None else keys_read(mapping)
    return None if asked is None or given is None else asked | given
