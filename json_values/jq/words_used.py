"""Finds the functions and variables a jq expression uses, so that some can be refused.

Not a parser: it only has to tell code from string text and comments, and a use from a field name
(`.env`) or the key of an object (`{env: 1}`). Where versions of jq disagree it errs on the side of
finding too much; jq itself judges the syntax afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)|(?P<comment>\#[^\r\n]*)|(?P<string>")
    |(?P<word>\$?\s*[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9]+)|(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_INTERPOLATION: Final = "\\("


def names_used(expression: str) -> Iterator[str]:
    """Yield functions, variables and keywords in order.

    A comment with a backslash is yielded as a whole: versions of jq disagree on where it ends, and
    code could hide behind it.
    """
    yield from _Scanner(expression).names()


class _Scanner:
    """Walks the text once, keeping the open brackets and the token before."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self._position = 0
        self._previous = ""
        self._open: list[str] = []

    def names(self) -> Iterator[str]:
        while token := _TOKEN.match(self._text, self._position):
            self._position = token.end()
            kind, text = token.lastgroup, token.group()
            if kind == "comment" and "\\" in text:
                yield text
            if kind in ("space", "comment"):
                continue
            if kind == "word" and not self._is_field_or_key(text):
                yield re.sub(r"\s", "", text)
            self._previous = self._brackets(text) if kind in ("sign", "string") else text

    def _is_field_or_key(self, word: str) -> bool:
        """Return whether a word is only a name here: after a dot, or where an object has a key."""
        is_key = self._open[-1:] == ["{"] and self._previous in ("{", ",")
        return self._previous == "." or (is_key and not word.startswith("$"))

    def _brackets(self, sign: str) -> str:
        """Follow brackets and strings; return what counts as the token before the next one."""
        if sign == '"':
            return self._string()
        if sign in "([{":
            self._open.append(sign)
        elif sign in ")]}" and self._open and self._open.pop() == _INTERPOLATION:
            return self._string()
        return sign

    def _string(self) -> str:
        """Skip string text to its end, or into the code of an interpolation."""
        while self._position < len(self._text):
            character = self._text[self._position]
            self._position += 1
            if character == '"':
                return '"'
            if character == "\\":
                self._position += 1
                if self._text[self._position - 1 : self._position] == "(":
                    self._open.append(_INTERPOLATION)
                    return "("
        return ""
