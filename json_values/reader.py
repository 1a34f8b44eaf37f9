"""The one reader of JSON text: strict, bounded; and what in it PostgreSQL could not store."""

from __future__ import annotations

import codecs
import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from json_values.limits import MAX_DEPTH
from json_values.pointers import FieldError, escape

# Errors named in one answer.
MAX_NAMED = 20
_MOST_DIGITS = 1000
_TOO_DEEP = f"must not be nested deeper than {MAX_DEPTH}"


class NotStrict(json.JSONDecodeError):
    """The text breaks a rule that is known without its line: `msg` is all there is to say."""

    @override
    def __str__(self) -> str:
        return self.msg


class TooDeep(NotStrict):
    """The text is nested deeper than it can be read."""


class StrictDecoder(json.JSONDecoder):
    """Reads JSON, refusing duplicate member names, NaN and infinities. For `cls=` of `json.loads`.

    Raises json.JSONDecodeError: NotStrict for those, TooDeep beyond what can be read.
    """

    def __init__(self) -> None:
        super().__init__(
            object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_integer
        )

    @override
    def decode(self, s: str, *args: Callable[..., Any]) -> Any:
        try:
            return super().decode(s, *args)
        except json.JSONDecodeError:
            raise
        except RecursionError:
            raise TooDeep(_TOO_DEEP, s, 0) from None
        except ValueError as error:
            raise NotStrict(str(error), s, 0) from None


def loads(text: str | bytes) -> Any:
    """Parse strict JSON; bytes are UTF-8. Raises ValueError with what is wrong and where.

    What is JSON but could not be kept is read nevertheless: `unstorable` names it.
    """
    read = codecs.decode(text, "utf-8-sig") if isinstance(text, bytes) else text
    return json.loads(read, cls=StrictDecoder)


def unstorable(body: Any) -> list[FieldError]:  # noqa: C901  -- one arm per kind of value
    """Return what in a parsed body could not be kept, each by its pointer: the first few.

    Refused are NUL and unpaired surrogates in texts and names, numbers out of range, and members
    nested deeper than `MAX_DEPTH`. The caller says so at its step of checking input.
    """
    found: set[FieldError] = set()
    waiting = [_Place("", "", body, 0)]
    while waiting and len(found) < MAX_NAMED:
        place = waiting.pop()
        value = place.value
        if isinstance(value, str):
            found.update(_broken_text(value, place.pointer))
        elif isinstance(value, float) and not math.isfinite(value):
            message = "is out of the range of numbers"
            found.add(FieldError(place.pointer, message, "not_a_number"))
        elif isinstance(value, dict | list) and place.depth > MAX_DEPTH:
            found.add(FieldError(place.member, _TOO_DEEP, "too_deep"))
        elif isinstance(value, dict):
            for name, each in value.items():
                # A name that cannot be kept cannot be said: the pointer ends at what holds it.
                broken = _broken_text(name, place.pointer)
                found.update(broken)
                if not broken:
                    waiting.append(place.below(name, each))
        elif isinstance(value, list):
            waiting.extend(place.below(str(index), each) for index, each in enumerate(value))
    return sorted(found, key=lambda each: each.pointer)


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """A value, where it is, below which member of the body, and how deep in that member."""

    pointer: str
    member: str
    value: Any
    depth: int

    def below(self, name: str, value: Any) -> _Place:
        pointer = f"{self.pointer}/{escape(name)}"
        return _Place(pointer, self.member or pointer, value, self.depth + 1)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the member {name!r} appears twice")
        found[name] = value
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _integer(text: str) -> int | float:
    # Python reads no integer of more digits than this, and nobody counts that far.
    return int(text) if len(text) <= _MOST_DIGITS else math.inf


def _broken_text(text: str, pointer: str) -> list[FieldError]:
    if "\x00" in text:
        return [FieldError(pointer, "must not contain NUL characters", "nul")]
    if any("\ud800" <= char <= "\udfff" for char in text):
        return [FieldError(pointer, "must be valid Unicode", "not_unicode")]
    return []
