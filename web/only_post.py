"""An address that only takes a form leads whoever asks for it by GET to the page of that form.

Such addresses stand in a browser's history, and in `next` when a session was over at sending.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import Resolver404, resolve

from web.error_pages import API_PREFIX, respond
from web.problems import Problem

_READING = {"GET", "HEAD"}


class OnlyPostMiddleware:
    """Answers what a page refuses by method: GET leads to the page above, the rest is said in
    words, with the methods that are allowed. The API's answers stay as they are."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; a form that is sent by POST never comes here."""
        response = self._get_response(request)
        is_api = request.path_info.startswith(API_PREFIX)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or is_api:
            return response
        if request.method in _READING:
            found = HttpResponseRedirect(_page_above(request.path_info))
            found.headers["Cache-Control"] = "no-store"
            return found
        allowed = {"Allow": response.headers.get("Allow", "")}
        problem = Problem(405, "method_not_allowed", "This address takes no such request.")
        said = respond(request, problem)
        for name, value in allowed.items():
            said.headers[name] = value
        return said


def page_of(path: str) -> str:
    """Return the nearest address at or above `path` that can be asked for by GET; else the start.

    Only an address of ours is returned: one that leads to a view.
    """
    while path.rstrip("/"):
        if _can_be_read(path):
            return path
        path = _parent(path)
    return "/"


def _page_above(path: str) -> str:
    """Return the page of an address that has just refused GET, which is never that address: what
    a function takes is only known once it is asked."""
    page = page_of(path)
    return page_of(_parent(path)) if page == path else page


def _parent(path: str) -> str:
    return path.rstrip("/").rpartition("/")[0] + "/"


def _can_be_read(path: str) -> bool:
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return False
    view_class = getattr(view, "view_class", None)
    if view_class is None:
        return True
    return hasattr(view_class, "get") and "get" in view_class.http_method_names
