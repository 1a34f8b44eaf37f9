"""`?limit=&cursor=` → `{next, previous, results}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from web.cursors import NEWEST_FIRST, Page, cut, parse_limit


def page_of(
    request: Request | HttpRequest, rows: QuerySet[Any], *, order: Sequence[str] = NEWEST_FIRST
) -> Page[Any]:
    """Return the page of `rows` that the query asks for. Raises Invalid naming the parameter."""
    return cut(
        rows,
        cursor=request.GET.get("cursor"),
        limit=parse_limit(request.GET.get("limit")),
        order=order,
    )


def link(request: Request | HttpRequest, cursor: str | None) -> str | None:
    """Return the present address with another cursor, or None without one."""
    if cursor is None:
        return None
    query = [(name, value) for name, value in _pairs(request) if name != "cursor"]
    return f"{request.path}?{urlencode([*query, ('cursor', cursor)])}"


def envelope(
    request: Request | HttpRequest, page: Page[Any], render: Callable[[list[Any]], list[Any]]
) -> dict[str, Any]:
    """Return the body of a list answer; `render` gets the page's rows at once."""
    return {
        "next": _absolute(request, page.next),
        "previous": _absolute(request, page.previous),
        "results": render(page.rows),
    }


class CursorPages(BasePagination):
    """The pagination class of DRF's generic views."""

    order: Sequence[str] = NEWEST_FIRST

    @override
    def paginate_queryset(
        self,
        queryset: QuerySet[Any] | Sequence[Any],
        request: Request,
        view: object = None,
    ) -> list[Any]:
        """Return the rows of the page asked for."""
        if not isinstance(queryset, QuerySet):
            raise TypeError("only a queryset has a stable order to page by")
        self._request = request
        self._page = page_of(request, queryset, order=self.order)
        return self._page.rows

    @override
    def get_paginated_response(self, data: Any) -> Response:
        """Return the list answer around rendered rows."""
        return Response(envelope(self._request, self._page, lambda _: data))

    @override
    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the OpenAPI schema of a list answer."""
        link_schema = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link_schema, "previous": link_schema, "results": schema},
        }

    @override
    def get_schema_operation_parameters(self, view: object) -> list[dict[str, Any]]:
        """Return the OpenAPI parameters of a list."""
        return [dict(each) for each in PARAMETERS]


PARAMETERS: tuple[dict[str, Any], ...] = (
    {
        "name": "limit", "in": "query", "description": "Rows per page.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    },
    {
        "name": "cursor", "in": "query", "description": "From another page's `next` or `previous`.",
        "schema": {"type": "string"},
    },
)  # fmt: skip


def _pairs(request: Request | HttpRequest) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, values in request.GET.lists() for value in values]


def _absolute(request: Request | HttpRequest, cursor: str | None) -> str | None:
    found = link(request, cursor)
    return None if found is None else request.build_absolute_uri(found)
