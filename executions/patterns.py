"""Regular expressions of JSON Schema, matched in time linear in the text.

Python's own engine backtracks: `^(a+)+$` takes it 2^n steps on n letters. Here a pattern becomes a
small automaton that is followed through the text once with all its states at the same time (Ken
Thompson, "Regular Expression Search Algorithm", CACM 11, 1968). What no such automaton can do is
refused: references to groups, looking ahead or behind. `\\d`, `\\w` and `\\s` are ASCII, `$` is the
very end of the text, as in ECMA-262.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

MAX_PATTERN: Final = 500
#: States of the automaton, counted repetitions written out.
MAX_STATES: Final = 1_000
_MAX_NESTING: Final = 20
_MAX_REPEAT: Final = 1_000
_MAX_WRITTEN_OUT: Final = 20_000
_ESCAPE: Final = re.compile(r"\\(?:[dDwWsSnrtfv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[^0-9A-Za-z])")
_COUNT: Final = re.compile(r"\{([0-9]{1,4})(,([0-9]{1,4})?)?\}")

Node = tuple[Any, ...]
Spend = Callable[[int], None]
_ONE, _SPLIT, _START, _END, _FOUND = "one", "split", "start", "end", "found"


class Pattern:
    """A compiled pattern."""

    def __init__(self, program: list[Node]) -> None:
        self._program = program

    def found_in(self, text: str, *, spend: Spend) -> bool:
        """Return whether the pattern occurs in `text`; `spend` is told each step as it is taken."""
        moves: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        here = self._reach({0}, start=True, end=not text)
        spend(len(here))
        for index, char in enumerate(text):
            if self._found(here):
                return True
            last = index == len(text) - 1
            following = None if last else moves.get((here, char))
            if following is None:
                after = {state + 1 for state in here if self._takes(state, char)}
                following = self._reach(after | {0}, start=False, end=last)
                spend(len(here) + len(following))
                if not last:
                    moves[here, char] = following
            here = following
        spend(len(text) // 10)
        return self._found(here)

    def _takes(self, state: int, char: str) -> bool:
        node = self._program[state]
        return bool(node[0] == _ONE and node[1](char))

    def _found(self, states: frozenset[int]) -> bool:
        return len(self._program) - 1 in states

    def _reach(self, states: set[int], *, start: bool, end: bool) -> frozenset[int]:
        """Return the states reached without reading anything."""
        seen = set(states)
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            node = self._program[state]
            if node[0] == _SPLIT:
                following = node[1]
            elif (node[0] == _START and start) or (node[0] == _END and end):
                following = (state + 1,)
            else:
                continue
            for each in following:
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        return frozenset(seen)


@functools.lru_cache(maxsize=512)
def compiled(text: str) -> Pattern:
    """Return the pattern. Raises ValueError, saying why, when it is none or none of this kind."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"a pattern may have at most {MAX_PATTERN} characters")
    reader = _Reader(text)
    node = reader.alternatives(0)
    if reader.at < len(text):
        raise ValueError(f"an unmatched ')' at character {reader.at + 1}")
    writer = _Writer()
    writer.write(node)
    writer.program.append((_FOUND,))
    return Pattern(writer.program)


class _Reader:
    """Reads the text of a pattern into a tree of nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def alternatives(self, depth: int) -> Node:
        """Read up to the end or the ')' that closes the group around."""
        if depth > _MAX_NESTING:
            self._refuse("groups nested too deep")
        branches = [self._sequence(depth)]
        while self.text[self.at : self.at + 1] == "|":
            self.at += 1
            branches.append(self._sequence(depth))
        return ("alternatives", branches)

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self._repeated(self._atom(depth)))
        return ("sequence", parts)

    def _repeated(self, atom: Node) -> Node:
        """Read the quantifier behind an atom. A lazy one matches the same texts."""
        sign = self.text[self.at : self.at + 1]
        counted = _COUNT.match(self.text, self.at)
        least: int
        most: int | None
        if sign and sign in "*+?":
            least, most = (1 if sign == "+" else 0), (1 if sign == "?" else None)
            self.at += 1
        elif counted is not None:
            least = int(counted[1])
            most = int(counted[3]) if counted[3] else (None if counted[2] else least)
            self.at = counted.end()
        else:
            return atom
        if atom[0] in (_START, _END):
            self._refuse("a repeated ^ or $")
        if max(least, most or 0) > _MAX_REPEAT or (most is not None and most < least):
            self._refuse(f"a repetition that is no range up to {_MAX_REPEAT}")
        if self.text[self.at : self.at + 1] == "?":
            self.at += 1
        if self.text[self.at : self.at + 1] in ("*", "+", "?") or _COUNT.match(self.text, self.at):
            self._refuse("a quantifier behind a quantifier")
        return ("repeat", atom, least, most)

    def _atom(self, depth: int) -> Node:
        char = self.text[self.at]
        if char == "(":
            return self._group(depth)
        if char == "[":
            return self._one(self._class())
        if char == "\\":
            escape = _ESCAPE.match(self.text, self.at)
            if escape is None:
                self._refuse(f"{self.text[self.at : self.at + 2]!r}, which is not supported")
            self.at = escape.end()
            return self._one(escape[0])
        if char in "*+?{":
            self._refuse(f"{char!r} with nothing to repeat; write \\{char} for the character")
        self.at += 1
        if char == "^":
            return (_START,)
        if char == "$":
            return (_END,)
        return self._one("." if char == "." else re.escape(char))

    def _group(self, depth: int) -> Node:
        if self.text.startswith("(?", self.at) and not self.text.startswith("(?:", self.at):
            self._refuse("looking ahead or behind, a flag or a named group")
        self.at += 3 if self.text.startswith("(?:", self.at) else 1
        inner = self.alternatives(depth + 1)
        if self.text[self.at : self.at + 1] != ")":
            self._refuse("a group that is not closed")
        self.at += 1
        return inner

    def _class(self) -> str:
        """Read `[…]`; what Python may one day read as set operations is escaped or refused."""
        written = "["
        self.at += 1
        if self.text[self.at : self.at + 1] == "^":
            written += "^"
            self.at += 1
        first = self.at
        while self.text[self.at : self.at + 1] != "]" or self.at == first:
            if self.at >= len(self.text) or self.text[self.at] == "]":
                self._refuse("a set of characters that is empty or not closed")
            if self.text.startswith("--", self.at):
                self._refuse("'--' in a set of characters; write \\- for the character")
            if self.text[self.at] == "\\":
                escape = _ESCAPE.match(self.text, self.at)
                if escape is None:
                    self._refuse(f"{self.text[self.at : self.at + 2]!r}, which is not supported")
                written += escape[0]
                self.at = escape.end()
            else:
                char = self.text[self.at]
                written += f"\\{char}" if char in "[&~|" else char
                self.at += 1
        self.at += 1
        return written + "]"

    def _one(self, expression: str) -> Node:
        try:
            return (_ONE, re.compile(expression, re.ASCII).fullmatch)
        except re.error as problem:
            raise ValueError(f"{problem.msg}, before character {self.at + 1}") from problem

    def _refuse(self, what: str) -> NoReturn:
        raise ValueError(f"it holds {what}, at character {self.at + 1}")


class _Writer:
    """Writes a tree out as the automaton's program; state n + 1 follows state n."""

    def __init__(self) -> None:
        self.program: list[Node] = []
        self._written = 0

    def write(self, node: Node) -> None:
        """Append what matches `node`. Raises ValueError when that is too much."""
        self._written += 1
        if len(self.program) > MAX_STATES or self._written > _MAX_WRITTEN_OUT:
            raise ValueError("its repetitions, written out, are too many")
        kind = node[0]
        if kind == "sequence":
            for part in node[1]:
                self.write(part)
        elif kind == "alternatives":
            self._alternatives(node[1])
        elif kind == "repeat":
            self._repeat(node[1], node[2], node[3])
        else:
            self.program.append(node)

    def _hole(self) -> int:
        self.program.append((_SPLIT, ()))
        return len(self.program) - 1

    def _alternatives(self, branches: list[Node]) -> None:
        ends: list[int] = []
        for branch in branches[:-1]:
            fork = self._hole()
            self.write(branch)
            ends.append(self._hole())
            self.program[fork] = (_SPLIT, (fork + 1, len(self.program)))
        self.write(branches[-1])
        for end in ends:
            self.program[end] = (_SPLIT, (len(self.program),))

    def _repeat(self, node: Node, least: int, most: int | None) -> None:
        for _ in range(least):
            self.write(node)
        if most is None:
            fork = self._hole()
            self.write(node)
            self.program.append((_SPLIT, (fork,)))
            self.program[fork] = (_SPLIT, (fork + 1, len(self.program)))
            return
        forks: list[int] = []
        for _ in range(most - least):
            forks.append(self._hole())
            self.write(node)
        for fork in forks:
            self.program[fork] = (_SPLIT, (fork + 1, len(self.program)))
