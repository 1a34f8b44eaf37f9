"""JSON as the body of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser
from typing_extensions import override

from accounts.errors import MalformedBody
from json_values import reader
from json_values.pointers import FieldError
from ledger.errors import Invalid
from verbs.body_size import LEAST

# Of a body that is too long, so much more is read and thrown away.
DISCARDED_BYTES = 64 * 1024 * 1024
_AT_ONCE = 64 * 1024


class TooLarge(APIException):
    """The body is longer than the server reads."""

    status_code = 413
    default_code = "too_large"
    default_detail = "The body is too large."


class LengthRequired(APIException):
    """The body came without its length: of such a one nothing is read, and nobody would know."""

    status_code = 411
    default_code = "length_required"
    default_detail = "Send the body with its Content-Length, not in chunks."


def check_length(request: HttpRequest) -> None:
    """Raise LengthRequired for a body that is sent in chunks, whatever is made of it then."""
    if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
        raise LengthRequired


class StrictJSONParser(BaseParser):
    """Reads `application/json`.

    Refused as malformed (400): text that is not UTF-8 or not JSON, duplicate member names, NaN and
    infinities. Longer than the view's `largest_body`: 413.
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
        body = read_bounded(stream, bound_of(parser_context))
        return loads(body) if body.strip() else {}


def bound_of(parser_context: Mapping[str, Any] | None) -> int:
    """Return how many bytes the view that asks can use."""
    view: Any = (parser_context or {}).get("view")
    bound = getattr(view, "largest_body", None)
    return LEAST if bound is None else int(bound(view.request.method))


def read_bounded(stream: IO[bytes], limit: int) -> bytes:
    """Return the whole body. Raises TooLarge beyond `limit` bytes."""
    body = stream.read(limit + 1)
    if len(body) > limit:
        read_on(stream)
        raise TooLarge(f"The body may have at most {limit} bytes.")
    return body


def read_on(stream: IO[bytes] | HttpRequest) -> None:
    """Read what will not be used, and forget it."""
    # What is left unread would be taken for the next request of the connection, or would have it
    # closed while the client still sends and hears no answer.
    left = DISCARDED_BYTES
    while left > 0 and (read := len(stream.read(min(left, _AT_ONCE)))):
        left -= read


def loads(body: bytes) -> Any:
    """Parse strict JSON. Raises MalformedBody with what is wrong and where.

    What is JSON but could not be kept is read nevertheless: `json_values.reader.unstorable` names
    it, and the caller says so at its step of checking input.
    """
    try:
        return reader.loads(body)
    except (reader.TooDeep, reader.TooMany) as error:
        code = "too_deep" if isinstance(error, reader.TooDeep) else "too_many"
        found = [FieldError("", error.msg, code)]
        raise Invalid(f"The body {error.msg}.", errors=found) from None
    except ValueError as error:
        raise MalformedBody(f"The body is not valid JSON: {error}.") from None
