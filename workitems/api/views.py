"""What is read of work items. Their verbs are served beside it, from the catalogue."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from executions.api.views import history_page
from web import etag
from web.api import TenantAPIView
from web.schema import EntrySchema, page_schema
from workitems import selectors
from workitems.api.finding_api import PAGE, PARAMETERS, found_page
from workitems.api.item_json import ChainSchema, WorkItemSchema, chain_page, represent_many
from workitems.api.outcome_json import with_standings
from workitems.chain import chain_of
from workitems.finding import filter_table
from workitems.outcome_standing import rest_on_the_case


class WorkItems(TenantAPIView):
    """All work items of the tenant."""

    paginated = True

    @extend_schema(
        responses=PAGE,
        parameters=PARAMETERS,
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        values = filter_table.read(filter_table.asked_in(request.query_params))
        return found_page(self, values)


class WorkItemDetail(TenantAPIView):
    """One work item."""

    @extend_schema(responses=WorkItemSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        item = selectors.get(self.acting_user.tenant_id, id)
        [shape] = represent_many([item], self.authority)
        if rest_on_the_case(item):
            # The case moves without the item: nobody is told that what they have still holds.
            told = with_standings(shape, item)
            return Response(told, headers={"ETag": etag.tag(item.version)})
        if etag.not_modified(request, item.version):
            # Before any condition is asked.
            return self.detail(shape, version=item.version)
        return self.detail(with_standings(shape, item), version=item.version)


class WorkItemChain(TenantAPIView):
    """What led to what, and what reverses what."""

    paginated = True

    @extend_schema(responses=ChainSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read a page of the causal chain, with the arrows that begin at its nodes."""
        return chain_page(self, chain_of(selectors.get(self.acting_user.tenant_id, id)))


class WorkItemHistory(TenantAPIView):
    """The ledger entries of one work item."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "WorkItemHistoryPage"))
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        return history_page(self, selectors.get(self.acting_user.tenant_id, id))
