"""A cookie with a control character in it is none of ours.

Django reads the escapes of a quoted cookie (`"\\000"`), which no server in front of us refuses, and
the database would call a question for such a session a fault.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class CookieMiddleware:
    """Drops such cookies. Stands before all that reads one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on without them."""
        request.COOKIES = {
            name: value for name, value in request.COOKIES.items() if not _is_broken(name + value)
        }
        return self._get_response(request)


def _is_broken(text: str) -> bool:
    return any(unicodedata.category(each) == "Cc" for each in text)
