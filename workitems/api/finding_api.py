"""Finding work over the API: what lists are narrowed by, searches, and the counts of an inbox."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from executions.api.execution_json import Schema
from verbs.input import read
from web import idempotency
from web.api import TenantAPIView
from web.counts import COUNTED
from web.schema import PAGE_PARAMETERS, page_schema
from web.verb_api import broken_body
from workitems import selectors
from workitems.api.item_json import WorkItemSchema, represent_many
from workitems.finding import filter_table
from workitems.finding.filter_table import FILTERS, Filter
from workitems.finding.inbox_summary import summary_of
from workitems.finding.search_input import Search, described

PAGE = page_schema(WorkItemSchema, "WorkItemPage")


def _in_address(name: str, each: Filter) -> OpenApiParameter:
    schema = dict(each.reading.schema)
    if name == "q":
        # Of an address: without words nothing is looked for.
        schema = {"type": "string", "maxLength": schema["maxLength"]}
    if each.reading.many:
        schema = {"type": "array", "items": schema}
    return OpenApiParameter(name, schema, description=described(each))


#: The filters as parameters of an address.
PARAMETERS = [_in_address(name, each) for name, each in FILTERS.items()]


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
    #: What it is sent.
    reads = Search

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
        # Nothing is kept under it: searching again changes nothing.
        idempotency.key_of(request, self.acting_user, body)
        read(Search, body)
        with self.scope():
            return found_page(self, filter_table.read(body, at="/"))


class SummarySchema(Schema):
    """How much there is: exact below `exact_below`, and that number for as much or more."""

    mine = serializers.IntegerField(help_text="What one has, or is asked to take over.")
    groups = serializers.IntegerField(help_text="What waits for one's groups, or for oneself.")
    unassigned = serializers.IntegerField(help_text="What nobody has taken.")
    standing_in = serializers.IntegerField(help_text="What waits for those whom one stands in for.")
    overdue = serializers.IntegerField(help_text="Of `mine` and `groups`.")
    compensating = serializers.IntegerField(help_text="Of all: work that is being undone.")
    faulted = serializers.IntegerField(
        help_text="Of all: work that failed, and work whose undo failed."
    )
    exact_below = serializers.IntegerField()


class WorkItemSummary(TenantAPIView):
    """The counts of the caller's inbox."""

    @extend_schema(responses=SummarySchema)
    def get(self, request: Request) -> Response:
        """Count."""
        found = dataclasses.asdict(summary_of(self.acting_user, self.authority))
        return Response({**found, "exact_below": COUNTED})
