"""Finding work over the API: what lists are narrowed by, and searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field, WithJsonSchema, create_model
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from json_values.pointers import FieldError
from verbs.input import Input, read
from web.api import TenantAPIView
from web.schema import PAGE_PARAMETERS, page_schema
from web.verb_api import broken_body
from workitems import selectors
from workitems.api.item_json import WorkItemSchema, represent_many
from workitems.finding import filter_table
from workitems.finding.filter_table import FILTERS, Filter

PAGE = page_schema(WorkItemSchema, "WorkItemPage")


def _said(each: Filter) -> str:
    return each.about or f"{each.label}."


def _in_address(name: str, each: Filter) -> OpenApiParameter:
    schema = dict(each.reading.schema)
    if each.reading.many:
        schema = {"type": "array", "items": schema}
    return OpenApiParameter(name, schema, description=_said(each))


#: The filters as parameters of an address.
PARAMETERS = [_in_address(name, each) for name, each in FILTERS.items()]


class _Wanted(Input):
    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        """Return what is wrong with the values: the reader of the list's filters says it."""
        known = {name: value for name, value in body.items() if name in FILTERS}
        return filter_table.problems(known, at="/")


def _member(each: Filter) -> Any:
    schema = {**each.reading.in_json, "description": _said(each)}
    return (Annotated[Any, WithJsonSchema(schema)], Field(default_factory=lambda: None))


#: What is looked for; all of it has to fit.
Search = create_model(
    "WorkItemSearch",
    __base__=_Wanted,
    __doc__="What is looked for; all of it has to fit.",
    **{name: _member(each) for name, each in FILTERS.items()},
)


def found_page(view: TenantAPIView, values: Mapping[str, str]) -> Response:
    """Answer with a page of the work that these values ask for, newest first."""
    who = view.acting_user
    every, asked = selectors.visible(who.tenant_id), filter_table.ask(values, who)
    return view.page(
        every.filter(asked.q),
        lambda page: represent_many(page, view.authority),
        among=asked.among(every),
    )


class WorkItemSearch(TenantAPIView):
    """Work items by what is sent; nothing is changed."""

    paginated = True

    @extend_schema(
        request=Search,
        parameters=[*PAGE_PARAMETERS],
        responses={200: PAGE},
    )
    def post(self, request: Request) -> Response:
        """Find them, newest first. Send the same body to `next` and `previous`."""
        body = self.sent()
        broken = broken_body(body)
        if broken is not None:
            raise broken
        read(Search, body)
        with self.scope():
            return found_page(self, filter_table.read(body, at="/"))
