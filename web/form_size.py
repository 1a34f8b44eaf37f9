"""How long a form may be, and how much of a broken one is shown again.

A form is refused by what it says of its length, before anything reads it. Without a length the
server reads nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.forms import BoundField
from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from json_values.limits import PAYLOAD_BYTES
from web.error_pages import API_PREFIX, respond
from web.parsers import read_on
from web.problems import Problem
from web.upload_parser import InMemory

#: Of a page that does not say more (`largest_form`): there is room for a reason, with its escapes.
FORM_BYTES: Final = 64 * 1024


class FormSizeMiddleware:
    """Answers 413 to a form that is longer than its page can use. Stands before all that reads one.

    The API reads its bodies itself, to the same end.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on: what is asked for is known later."""
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        """Refuse it, or go on."""
        if request.path_info.startswith(API_PREFIX):
            return None
        largest_form = getattr(getattr(view, "view_class", None), "largest_form", None)
        limit = FORM_BYTES if largest_form is None else largest_form()
        if _length(request) <= limit:
            if getattr(getattr(view, "view_class", None), "takes_file", False):
                # Before anything reads the form: else its file is passed over.
                request.upload_handlers = [InMemory(request)]
            return None
        read_on(request)
        return respond(
            request, Problem(413, "too_large", f"The form may have at most {limit} bytes.")
        )


class ShownAgain(BoundField):
    """A field that shows of what was typed no more than it could have taken."""

    @override
    def value(self) -> Any:
        value = super().value()
        most = getattr(self.field, "max_length", None) or PAYLOAD_BYTES
        return value[:most] if isinstance(value, str) else value


class FormRenderer(DjangoTemplates):
    """Django's own, with such fields."""

    bound_field_class = ShownAgain


def _length(request: HttpRequest) -> int:
    said = request.META.get("CONTENT_LENGTH") or "0"
    return int(said) if said.isascii() and said.isdigit() else 0
