"""JSON as the API reads it: strict, bounded, without anything PostgreSQL could not store."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from typing_extensions import override

MAX_DEPTH = 64


class TooLarge(APIException):
    """The body is longer than the server reads."""

    status_code = 413
    default_code = "too_large"
    default_detail = "The body is too large."


class StrictJSONParser(BaseParser):
    """Reads `application/json`.

    Refused as malformed (400): text that is not UTF-8 or not JSON, duplicate member names, NaN and
    infinities, unpaired surrogates and NUL in strings, more than `MAX_DEPTH` levels. Longer than
    `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes: 413.
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
        raise TooLarge(f"The body may have at most {limit} bytes.")
    return body


def loads(body: bytes) -> Any:
    """Parse strict JSON. Raises ParseError with what is wrong and where."""
    try:
        text = codecs.decode(body, "utf-8-sig")
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
    except RecursionError:
        raise _malformed(f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise _malformed(str(error)) from None
    _check(value, depth=1)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the member {name!r} appears twice")
        found[name] = value
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"the number {text} is out of range")
    return value


def _check(value: Any, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _malformed(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list):
        for each in value:
            _check(each, depth=depth + 1)
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_text(name)
            _check(each, depth=depth + 1)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise _malformed("strings may not contain NUL")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise _malformed("strings may not contain unpaired surrogates")


def _malformed(what: str) -> ParseError:
    return ParseError(f"The body is not valid JSON: {what}.", code="malformed_json")
