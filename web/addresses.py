"""API addresses have no slash at their end; one that has is understood all the same."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import is_valid_path

from web.error_pages import API_PREFIX


class SlashToleranceMiddleware:
    """Reads `/api/v1/work-items/` as `/api/v1/work-items`.

    A redirect would do for GET, but a client that follows one turns its POST into a GET.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Drop the slash where only the address without it is one of ours."""
        path = request.path_info
        if path.startswith(API_PREFIX) and path.endswith("/") and not is_valid_path(path):
            bare = path.rstrip("/")
            if is_valid_path(bare):
                request.path_info = bare
        return self._get_response(request)
