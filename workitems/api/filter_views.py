"""What is read of saved filters. Their verbs are served beside it, from the catalogue."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from web.api import TenantAPIView
from web.pagination import page_of
from web.schema import page_schema
from workitems.api.filter_json import SavedFilterSchema, represent_filters
from workitems.finding import saved_filters


class SavedFilters(TenantAPIView):
    """One's own saved filters, and those that others share."""

    paginated = True

    @extend_schema(responses=page_schema(SavedFilterSchema, "SavedFilterPage"))
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        who = self.acting_user
        found = page_of(request, saved_filters.own_of(who), beside=saved_filters.shared_with(who))
        shown = represent_filters(found.rows, self.authority)
        return Response({**self.links(found), "results": shown})


class SavedFilterDetail(TenantAPIView):
    """One saved filter."""

    @extend_schema(responses=SavedFilterSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = saved_filters.get(self.acting_user, id)
        [shape] = represent_filters([row], self.authority)
        return self.detail(shape, version=row.version)
