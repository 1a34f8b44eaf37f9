"""JSON as the API reads it: strict, bounded; and what in it PostgreSQL could not store."""

from __future__ import annotations

import codecs
import dataclasses
import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser
from typing_extensions import override

from accounts.errors import MalformedBody
from ledger.errors import FieldError, Invalid
from ledger.limits import MAX_DEPTH
from web.problems import escape

# Errors named in one answer.
MAX_NAMED = 20
# Of a body that is too long, so much more is read and thrown away.
DISCARDED_BYTES = 64 * 1024 * 1024
_AT_ONCE = 64 * 1024
_MOST_DIGITS = 1000
_TOO_DEEP = f"must not be nested deeper than {MAX_DEPTH}"


class TooLarge(APIException):
    """The body is longer than the server reads."""

    status_code = 413
    default_code = "too_large"
    default_detail = "The body is too large."


class StrictJSONParser(BaseParser):
    """Reads `application/json`.

    Refused as malformed (400): text that is not UTF-8 or not JSON, duplicate member names, NaN and
    infinities. Longer than `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes: 413.
    """

    media_type = "application/json"

    @override
    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed body; an empty body is an empty object."""
        body = read_bounded(stream)
        return loads(body) if body.strip() else {}


def read_bounded(stream: IO[bytes]) -> bytes:
    """Return the whole body. Raises TooLarge beyond the limit of the settings."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = stream.read(limit + 1)
    if len(body) > limit:
        _read_on(stream)
        raise TooLarge(f"The body may have at most {limit} bytes.")
    return body


def _read_on(stream: IO[bytes]) -> None:
    # What is left unread would be taken for the next request of the connection, or would have it
    # closed while the client still sends and hears no answer.
    left = DISCARDED_BYTES
    while left > 0 and (read := len(stream.read(min(left, _AT_ONCE)))):
        left -= read


def loads(body: bytes) -> Any:
    """Parse strict JSON. Raises MalformedBody with what is wrong and where.

    What is JSON but could not be kept is read nevertheless: `unstorable` names it.
    """
    try:
        text = codecs.decode(body, "utf-8-sig")
        return json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_integer
        )
    except RecursionError:
        found = [FieldError("", _TOO_DEEP, "too_deep")]
        raise Invalid(f"The body {_TOO_DEEP}.", errors=found) from None
    except ValueError as error:
        raise MalformedBody(f"The body is not valid JSON: {error}.") from None


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
    raise ValueError(f"{name} is not JSON")


def _integer(text: str) -> int | float:
    # Python reads no integer of more digits than this, and nobody counts that far.
    return int(text) if len(text) <= _MOST_DIGITS else math.inf


def _broken_text(text: str, pointer: str) -> list[FieldError]:
    if "\x00" in text:
        return [FieldError(pointer, "must not contain NUL characters", "nul")]
    if any("\ud800" <= char <= "\udfff" for char in text):
        return [FieldError(pointer, "must be valid Unicode", "not_unicode")]
    return []
