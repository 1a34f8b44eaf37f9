"""A name for each request, so that a person can quote it and an operator can find it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from ledger.ids import new_id
from web.log_lines import LineFormatter

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Names every request and answers with the name.

    A well-formed name that the caller or a proxy sent is kept; anything else is replaced, so that
    the name can be logged and shown without a second thought.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Name the request, run it, put the name on the answer."""
        sent = request.headers.get(HEADER, "")
        name = sent if _ACCEPTED.fullmatch(sent) else str(new_id())
        request.META["amends.request_id"] = name
        response = self._get_response(request)
        response.headers[HEADER] = name
        return response


def request_id(request: HttpRequest | None) -> str:
    """Return the name of the request, or an empty string where there is none."""
    return "" if request is None else str(request.META.get("amends.request_id", ""))


class RequestIdFormatter(LineFormatter):
    """Formats log records with `request_id`: that of the record's request, else a dash."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text, and below it the traceback if there is one."""
        request = getattr(record, "request", None)
        named = request_id(request) if isinstance(request, HttpRequest) else ""
        record.request_id = named or "-"
        return super().format(record)
