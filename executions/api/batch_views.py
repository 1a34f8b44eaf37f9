"""What is read of batches. Their verbs are served from the catalogue."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from executions.api.batch_json import BatchSchema, represent_batches
from executions.api.query_parameters import one_of
from executions.batch_selectors import batches, get_batch
from executions.lifecycle import BatchStatus
from web.api import TenantAPIView
from web.schema import page_schema


class Batches(TenantAPIView):
    """All batches of the tenant."""

    paginated = True

    @extend_schema(
        responses=page_schema(BatchSchema, "BatchPage"),
        parameters=[OpenApiParameter("status", str, many=True, enum=BatchStatus.values)],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        wanted = [
            one_of("status", each, BatchStatus.values)
            for each in request.query_params.getlist("status")
        ]
        everything = batches(self.acting_user.tenant_id)
        rows = everything.filter(status__in=wanted) if wanted else everything
        among = everything if wanted else None
        return self.page(rows, lambda page: represent_batches(page, self.authority), among=among)


class BatchDetail(TenantAPIView):
    """One batch."""

    @extend_schema(responses=BatchSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        batch = get_batch(self.acting_user.tenant_id, id)
        [shape] = represent_batches([batch], self.authority)
        return self.detail(shape, version=batch.version)
