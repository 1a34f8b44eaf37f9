"""The one reader of JSON text, for bodies, forms and whoever else is sent some: strict, bounded.

It reads what is JSON, and `unstorable` says what in it is not kept, by pointer. Numbers are read as
they will be read back from the database: whole ones with all their digits, no negative zero.
"""

from __future__ import annotations

import codecs
import collections
import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from json_values.comparison import whole
from json_values.limits import HALF_CHARACTER, MAX_DEPTH, MAX_VALUES, too_many_values
from json_values.pointers import MAX_GATHERED, FieldError, escape

_MOST_DIGITS = 1000
_TOO_DEEP = f"must not be nested deeper than {MAX_DEPTH}"
_MARK = "\ufeff"


class NotStrict(json.JSONDecodeError):
    """The text breaks a rule that is known without its line: `msg` is all there is to say."""

    @override
    def __str__(self) -> str:
        return self.msg


class TooDeep(NotStrict):
    """The text is nested deeper than it can be read."""


class TooMany(NotStrict):
    """The text holds more values than are read."""


class NotKept(ValueError):
    """What is JSON but could not be kept, or would lose something; `errors` say where and why."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


def loads(text: str | bytes) -> Any:
    """Parse JSON; bytes are UTF-8. Raises json.JSONDecodeError (or UnicodeDecodeError) for what is
    none: NotStrict for NaN and infinities, TooDeep and TooMany beyond what is read.

    What is JSON but could not be kept is read nevertheless: `unstorable` names it.
    """
    read = codecs.decode(text, "utf-8") if isinstance(text, bytes) else text
    if too_many_values(read):
        raise TooMany(f"must hold at most {MAX_VALUES} values", read, 0)
    try:
        return _DECODER.decode(read.removeprefix(_MARK))
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise TooDeep(_TOO_DEEP, read, 0) from None
    except ValueError as error:
        raise NotStrict(str(error), read, 0) from None


def read(text: str | bytes) -> Any:
    """Parse JSON that is a member of something. Raises as `loads` does, and NotKept."""
    value = loads(text)
    found = unstorable({"": value})
    if found:
        raise NotKept([FieldError(each.pointer[1:], each.message, each.code) for each in found])
    return value


def number(text: str) -> int | float:
    """Return a number with a fraction or an exponent as the database gives it back.

    What it knows no sign of (zero) has none, and what has no fraction is whole.
    """
    found = float(text)
    if found == 0:
        return 0.0
    return whole(found) if "e+" in repr(found) else found


def unstorable(body: Any) -> list[FieldError]:  # noqa: C901  -- one arm per kind of value
    """Return what in a parsed body could not be kept, each by its pointer: the first few.

    Refused are NUL and unpaired surrogates in texts and names, numbers out of range, members that
    are written twice, and members nested deeper than `MAX_DEPTH`. The caller says so at its step of
    checking input.
    """
    found: set[FieldError] = set()
    waiting = [_Place("", "", body, 0)]
    while waiting and len(found) < MAX_GATHERED:
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
            found.update(_repeated(value, place.pointer))
            for name, each in value.items():
                # A name that cannot be kept cannot be said: the pointer ends at what holds it.
                broken = _broken_text(name, place.pointer)
                found.update(broken)
                if not broken:
                    waiting.append(place.below(name, each))
        elif isinstance(value, list):
            waiting.extend(place.below(str(index), each) for index, each in enumerate(value))
    return sorted(found, key=lambda each: each.pointer)[:MAX_GATHERED]


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


class _WithRepeated(dict[str, Any]):
    """An object some of whose members were written more than once."""

    repeated: frozenset[str]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    found = _WithRepeated(plain)
    times = collections.Counter(name for name, _value in pairs)
    found.repeated = frozenset(name for name, count in times.items() if count > 1)
    return found


def _repeated(value: dict[str, Any], pointer: str) -> Iterator[FieldError]:
    for name in sorted(value.repeated) if isinstance(value, _WithRepeated) else ():
        if not _broken_text(name, pointer):
            yield FieldError(f"{pointer}/{escape(name)}", "is written more than once", "duplicate")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _integer(text: str) -> int | float:
    # Python reads no integer of more digits than this, and nobody counts that far.
    return int(text) if len(text) <= _MOST_DIGITS else math.inf


def _broken_text(text: str, pointer: str) -> list[FieldError]:
    if "\x00" in text:
        return [FieldError(pointer, "must not contain NUL characters", "nul")]
    if HALF_CHARACTER.search(text):
        return [FieldError(pointer, "must be valid Unicode", "not_unicode")]
    return []


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_integer,
    parse_float=number,
)  # fmt: skip
