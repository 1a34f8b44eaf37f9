"""The way back to the list somebody came from, with its tab, filters and place: `?back=`.

It is only followed to a list of ours; anything else is as if it were not said.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme

BACK = "back"
_LONGEST = 1_000
#: Names of addresses of lists; the end of a name says which.
_LISTS = frozenset({"inbox", "all"})


def way_back(request: HttpRequest) -> str:
    """Return the address to go back to, "" where none was said that is a list of ours."""
    said = request.GET.get(BACK, "")
    if not said.startswith("/") or len(said) > _LONGEST or not said.isprintable():
        return ""
    if not url_has_allowed_host_and_scheme(said, allowed_hosts=None):
        return ""
    try:
        found = resolve(urlsplit(said).path)
    except Resolver404:
        return ""
    return said if found.url_name in _LISTS else ""


def carried(request: HttpRequest, url: str) -> str:
    """Return an address on which the way back is still known."""
    back = way_back(request)
    if not back or not url:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({BACK: back})}"
