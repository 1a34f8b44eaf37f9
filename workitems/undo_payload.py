"""The payload of an undo task, within the bound that every payload has.

What an undo is told (the original, the context of its case, the reason) may be many times larger
than a payload. A person is asked nevertheless: the largest parts are left out and named. Failing
the step instead would hold a whole rollback because of text that nobody needs twice: everything
about the original is in the snapshot that the task carries, and is shown on its page.
"""

from __future__ import annotations

from typing import Any

from json_values.limits import PAYLOAD_BYTES, size_of

NOTE = "_left_out"
_WHY = "Too large to be repeated here. What it is about shows it as it was when it was completed."
# Names of parts that are written out; of more, only how many there are.
_MOST_NAMES, _LONGEST_NAME = 20, 100
# The note itself, at its longest, in bytes.
_ROOM = 32 * 1024
Path = tuple[str, ...]
# How much it takes, and where it is.
Part = tuple[int, Path]


def within_bound(payload: dict[str, Any], limit: int = PAYLOAD_BYTES) -> dict[str, Any]:
    """Return a payload that fits, as it is or without its largest parts, which `_left_out` names.

    A part is a member, or a member of an object that is one: `context/applicant`.
    """
    size = size_of(payload)
    if size <= limit:
        return payload
    parts: list[Part] = []
    for name, value in payload.items():
        parts += _parts(name, value)
    found = _without(_largest(parts, size - limit + _ROOM), payload)
    if size_of(found) > limit:
        # What is left of many members is too much: leave out whole ones.
        whole: list[Part] = [(_taken(name, value), (name,)) for name, value in payload.items()]
        found = _without(_largest(whole, size - limit + _ROOM), payload)
    return found


def _parts(name: str, value: Any) -> list[Part]:
    if not isinstance(value, dict) or not value:
        return [(_taken(name, value), (name,))]
    return [(_taken(inner, each), (name, inner)) for inner, each in value.items()]


def _taken(name: str, value: Any) -> int:
    """Return how many bytes a member takes at least, braces and comma aside."""
    return size_of({name: value}) - 2


def _largest(parts: list[Part], surplus: int) -> set[Path]:
    """Return where the largest parts are that take as much as there is too much."""
    found: set[Path] = set()
    for taken, path in sorted(parts, key=lambda part: (-part[0], part[1])):
        if surplus <= 0:
            break
        surplus -= taken
        found.add(path)
    return found


def _without(left_out: set[Path], payload: dict[str, Any]) -> dict[str, Any]:
    divided = {path[0] for path in left_out if len(path) > 1}
    kept: dict[str, Any] = {}
    for name, value in payload.items():
        if name in divided:
            inner = value.items()
            kept[name] = {each: at for each, at in inner if (name, each) not in left_out}
        elif (name,) not in left_out:
            kept[name] = value
    names = ["/".join(part[:_LONGEST_NAME] for part in path) for path in sorted(left_out)]
    shown, more = names[:_MOST_NAMES], len(names) - _MOST_NAMES
    if more > 0:
        shown.append(f"and {more} more")
    return {**kept, NOTE: {"parts": shown, "why": _WHY}}
