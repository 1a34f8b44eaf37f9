"""Evaluates in this process what most jq expressions are: paths, comparisons, objects of them.

It must never differ from jq. So it knows one small language, in which every text means what it
means to jq, and of values only those that jq gives back as they are; whatever else there is, an
error too, raises `OnlyJq`, and jq is asked.

    or         = and ("or" and)*
    and        = comparison ("and" comparison)*
    comparison = term (("==" | "!=") term)?
    term       = "." | path | text | number | "null" | "true" | "false" | object | "(" or ")"
    object     = "{" (member ("," member)*)? "}"
    member     = name (":" term)?

What it does here is bounded by the length of the text, and by what a result may be as large as:
lists and objects are built once, and never compared.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Never

from json_values.limits import GROWN_BYTES, compact

MAX_CHARACTERS: Final = 1_024
MAX_NESTED: Final = 16
#: Beyond this, jq has digits of its own.
LARGEST: Final = 2**53 - 1

#: What the value of a text is, for the value at hand.
Step = Callable[[Any], Any]

#: Names that some jq reads as a word, or that a key is written as which is no text in Python.
_WORDS: Final = frozenset(
    "and or not if then elif else end as def reduce foreach try catch label break".split()
    + "import include __loc__ null true false".split()
)
_CONSTANTS: Final = {"null": None, "true": True, "false": False}
_NAME: Final = "[A-Za-z_][A-Za-z0-9_]*"
# Each token ends where jq ends it: what jq would read on in is none of ours.
_TOKEN: Final = re.compile(
    rf"""[ \t\r\n]*(?:
    (?P<path>\.(?:{_NAME}(?:\.{_NAME})*)?)(?![A-Za-z0-9_.])
    |(?P<word>{_NAME})
    |"(?P<text>[^"\\\x00-\x1f\x7f\ud800-\udfff]*)"
    |(?P<number>0|[1-9][0-9]{{0,15}})(?![A-Za-z0-9_.])
    |(?P<sign>==|!=|[(){{}}:,])
    |(?P<end>\Z)
    )""",
    re.VERBOSE,
)
#: How JSON tells values apart; of another class, a value may be written as anything.
_KINDS: Final = {
    type(None): "null", bool: "boolean", int: "number", float: "number", str: "text",
    list: "list", dict: "object",
}  # fmt: skip


class OnlyJq(Exception):  # an answer, not a bug
    """What an expression gives for a value, only jq can tell."""


def evaluate_simple(expression: str, value: Any, size: int) -> Any:
    """Return what jq gives for a value (whose JSON has `size` characters), sharing nothing with it.

    The value is one that JSON can write, in UTF-8. Raises `OnlyJq`.
    """
    if len(expression) > MAX_CHARACTERS:
        raise OnlyJq
    parsed = _parsed(expression)
    if parsed is None:
        raise OnlyJq
    step, paths = parsed
    result = step(value)
    if result is None or type(result) in {bool, str} or _is_exact(result):
        return result
    if paths * size > GROWN_BYTES:
        raise OnlyJq
    return _COPY.decode(compact(result))


@functools.lru_cache(maxsize=512)
def _parsed(expression: str) -> tuple[Step, int] | None:
    """Return what an expression does and how many paths are in it; None if it is not simple."""
    tokens: list[tuple[str, str]] = []
    position = 0
    while not tokens or tokens[-1][0] != "end":
        found = _TOKEN.match(expression, position)
        if found is None or found.lastgroup is None:
            return None
        tokens.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    parser = _Parser(tokens)
    try:
        return parser.whole(), parser.paths
    except OnlyJq:
        return None


class _Parser:
    """Reads tokens from the left, never one twice."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._next = 0
        self._nested = 0
        self.paths = 0

    def whole(self) -> Step:
        step = self._either()
        self._expect("end", "")
        return step

    def _either(self) -> Step:
        steps = [self._both()]
        while self._takes("word", "or"):
            steps.append(self._both())
        return _any_of(steps) if len(steps) > 1 else steps[0]

    def _both(self) -> Step:
        steps = [self._comparison()]
        while self._takes("word", "and"):
            steps.append(self._comparison())
        return _all_of(steps) if len(steps) > 1 else steps[0]

    def _comparison(self) -> Step:
        one = self._term()
        if self._takes("sign", "=="):
            return _equal(one, self._term(), wanted=True)
        if self._takes("sign", "!="):
            return _equal(one, self._term(), wanted=False)
        return one

    def _term(self) -> Step:
        kind, text = self._take()
        if kind == "path":
            return self._path(text)
        if kind == "text":
            return _constant(text)
        if kind == "number":
            return _number(text)
        if kind == "word" and text in _CONSTANTS:
            return _constant(_CONSTANTS[text])
        if kind != "sign" or text not in "({" or self._nested == MAX_NESTED:
            raise OnlyJq
        self._nested += 1
        step = self._inside() if text == "(" else self._object()
        self._nested -= 1
        return step

    def _inside(self) -> Step:
        step = self._either()
        self._expect("sign", ")")
        return step

    def _object(self) -> Step:
        members: list[tuple[str, Step]] = []
        if self._takes("sign", "}"):
            return _object(members)
        while True:
            kind, name = self._take()
            if kind != "word" or name in _WORDS:
                raise OnlyJq
            step = self._term() if self._takes("sign", ":") else self._path(f".{name}")
            members.append((name, step))
            if not self._takes("sign", ","):
                self._expect("sign", "}")
                return _object(members)

    def _path(self, text: str) -> Step:
        names = text[1:].split(".") if text != "." else []
        if not _WORDS.isdisjoint(names):
            raise OnlyJq
        self.paths += 1
        return _member(names)

    def _take(self) -> tuple[str, str]:
        token = self._tokens[self._next]
        # The end stays: whoever takes it wants none, and refuses it.
        self._next += token[0] != "end"
        return token

    def _takes(self, *token: str) -> bool:
        found = self._tokens[self._next] == token
        self._next += found
        return found

    def _expect(self, *token: str) -> None:
        if self._tokens[self._next] != token:
            raise OnlyJq
        self._next += 1


def _member(names: Sequence[str]) -> Step:
    def step(value: Any) -> Any:
        for name in names:
            if type(value) is dict:
                value = value.get(name)
            elif value is not None:
                raise OnlyJq
        return value

    return step


def _number(text: str) -> Step:
    number = int(text)
    if number > LARGEST:
        raise OnlyJq
    return _constant(number)


def _constant(constant: Any) -> Step:
    return lambda _value: constant


def _object(members: Sequence[tuple[str, Step]]) -> Step:
    # Of a name that is written twice the last value counts, and each is looked for.
    return lambda value: {name: step(value) for name, step in members}


def _any_of(steps: Sequence[Step]) -> Step:
    return lambda value: any(_holds(step(value)) for step in steps)


def _all_of(steps: Sequence[Step]) -> Step:
    return lambda value: all(_holds(step(value)) for step in steps)


def _equal(one: Step, other: Step, *, wanted: bool) -> Step:
    return lambda value: _same(one(value), other(value)) is wanted


def _holds(value: Any) -> bool:
    return value is not None and value is not False


def _same(one: Any, other: Any) -> bool:
    kind, other_kind = _KINDS.get(type(one)), _KINDS.get(type(other))
    if kind is None or other_kind is None:
        raise OnlyJq
    if kind != other_kind:
        return False
    if kind in {"list", "object"} or (
        kind == "number" and not (_is_exact(one) and _is_exact(other))
    ):
        raise OnlyJq
    return bool(one == other)


def _is_exact(value: Any) -> bool:
    """Return whether a value is a number that is the same one in jq."""
    return type(value) is int and -LARGEST <= value <= LARGEST


def _exact(text: str) -> int:
    number = int(text)
    return number if _is_exact(number) else _refuse(text)


def _refuse(_text: str) -> Never:
    raise OnlyJq


# By its text a value is copied as jq takes it in: of plain classes, and each name once.
_COPY: Final = json.JSONDecoder(parse_int=_exact, parse_float=_refuse, parse_constant=_refuse)
