"""The worst bodies an endpoint can be sent: each as long as it takes, or as full."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from json_values.limits import MAX_VALUES

# All that may be read at once, but for what stands around it.
MANY: Final = MAX_VALUES - 200
_SHORT_NAME: Final = 8


def _count(room: int, each: int) -> int:
    return max(1, min(MANY, room // each))


#: What a member can be in place of what it should be, for `room` bytes.
VALUES: Final[Mapping[str, Callable[[int], Any]]] = {
    "text": lambda room: "x" * room,
    "two-byte text": lambda room: "é" * (room // 6),
    "control characters": lambda room: "\x01" * (room // 6),
    "half characters": lambda room: "\ud800" * (room // 6),
    "numbers": lambda room: [0] * _count(room, 3),
    "empty lists": lambda room: [[]] * _count(room, 4),
    "empty objects": lambda room: [{}] * _count(room, 4),
    "names": lambda room: {f"n{at:06}": 0 for at in range(_count(room, 13))},
    "one name": lambda room: {"x" * (room - _SHORT_NAME): 0},
    "words": lambda room: [f"w{at:06}" for at in range(_count(room, 11))],
    "long words": lambda room: ["x" * (room // 24)] * 20,
    "objects": lambda room: [{"code": "x", "note": 1, "z": 1}] * (_count(room, 34) // 4),
    "nested": lambda room: [[[[[[[[0]]]]]]]] * (_count(room, 20) // 8),
    "properties": lambda room: {
        "properties": {f"p{at}": {"type": 1} for at in range(_count(room, 24) // 2)}
    },
    "good properties": lambda room: {
        "properties": {f"p{at}": {"type": "string"} for at in range(_count(room, 31) // 2)}
    },
    "patterns": lambda room: {
        "properties": {f"p{at}": {"pattern": f"^a{at}"} for at in range(_count(room, 34) // 2)}
    },
    "required": lambda room: {"required": [f"n{at:06}" for at in range(_count(room, 12))]},
    "enum": lambda room: {"enum": [f"n{at:06}" for at in range(_count(room, 12))]},
}


def bodies(
    members: Iterator[str] | list[str], good: Mapping[str, Any], room: int
) -> Iterator[tuple[str, bytes]]:
    """Yield each body with what it is: `good`, but for one member, with `room` bytes for it."""
    left = max(16, room - len(json.dumps(good)) - 64)
    for member in members:
        for what, value in VALUES.items():
            yield f"{member}: {what}", _written({**good, member: value(left)}, room)
    for what in ("names", "one name"):
        yield f"strangers: {what}", _written({**VALUES[what](left), **good}, room)
    yield "more values than are read", b'{"a": [' + b"[]," * (room // 3) + b"0]}"
    yield "one name, many times", b"{" + b'"a":1,' * (room // 6) + b'"a":1}'
    yield "one long name, twice", _twice("x" * (room // 2 - 16))
    yield "no JSON", b"[" * room
    yield "no text", b"\xff" * room
    yield "too long", b" " * (room + 1)


def _twice(name: str) -> bytes:
    return f'{{"{name}":1,"{name}":1}}'.encode()


def _written(body: Mapping[str, Any], room: int) -> bytes:
    """Return it as JSON, as ASCII where there is a character that UTF-8 cannot express."""
    text = json.dumps(body, separators=(",", ":"))
    return text.encode()[:room] if len(text) > room else text.encode()


_HEAD: Final = "dsl: 0.1\nnamespace: a\nname: b\nversion: 1.0.0\nspec:\n"
_LINE: Final = "    - {name: n%04d, when: .a%d}\n"


def sources(room: int) -> Iterator[tuple[str, bytes]]:
    """Yield each definition with what it is: YAML of at most `room` bytes."""

    def filled(line: str, head: str = "") -> bytes:
        return (head + line * (room // len(line.encode()) + 1)).encode()[:room]

    yield "one key, many times", filled("a: 1\n")
    yield "keys", "".join(f"k{at}: 1\n" for at in range(room // 9)).encode()[:room]
    yield "flow list", filled("1,", "a: [")
    yield "empty lists", filled("[],", "a: [")
    yield "flow maps", filled("{a: 1},", "a: [")
    yield "items", filled("- a\n")
    yield "dashes", filled("- ")
    yield "text", filled("x", "a: ")
    yield "words", filled("x y ", "a: ")
    yield "quoted", filled("\\n", 'a: "')
    yield "lines of a block", filled("  x\n", "a: |\n")
    yield "comments", filled("#\n")
    yield "anchors", "".join(f"k{at}: &a{at} 1\n" for at in range(4000)).encode()[:room]
    yield "aliases", filled("*x, ", "a: &x [" + "1, " * 400 + "1]\nb: [")
    yield "tags", filled("- !t a\n")
    yield "question marks", filled("? ")
    yield "braces", filled("{")
    yield "bindings", filled("    - {}\n", f"{_HEAD}  bindings:\n")
    yield "unknown words", filled("    - {zzz: 1}\n", f"{_HEAD}  bindings:\n")
    yield (
        "expressions",
        (f"{_HEAD}  bindings:\n" + "".join(_LINE % (at, at) for at in range(600))).encode()[:room],
    )
    yield (
        "a circle of undo",
        (
            f"{_HEAD}  bindings:\n"
            + "".join(f"    - {{name: n{at}, compensate: n{at + 1}}}\n" for at in range(750))
        ).encode()[:room],
    )
    yield "too long", b" " * (room + 1)
