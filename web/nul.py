"""An address with a NUL in it leads nowhere: no text that is kept has one, and the database would
call the question a fault."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_plus

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ledger.errors import Invalid
from web.error_pages import API_PREFIX, refusal_page

_NUL = "\x00"


class NulMiddleware:
    """Answers 404 to a path that holds NUL and, of pages, 422 to such a query.

    The API says what is wrong with a query after it has asked who calls.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse, or go on."""
        if _NUL in request.path_info:
            raise Http404
        if not request.path_info.startswith(API_PREFIX):
            try:
                check_query(request)
            except Invalid as refusal:
                return refusal_page(request, refusal)
        return self._get_response(request)


def check_query(request: HttpRequest) -> None:
    """Raise Invalid, naming the parameter, when the query holds NUL."""
    if _NUL not in unquote_plus(request.META.get("QUERY_STRING", "")):
        return
    named = (name for name, values in request.GET.lists() if _NUL in "".join(values))
    name = next((name for name in named if _NUL not in name), "query")
    raise Invalid.field(name, _("%(name)s: may not contain NUL") % {"name": name})
