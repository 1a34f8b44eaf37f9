"""Reading plans and runs. Their verbs are served from the catalogue."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from compensation import selectors
from compensation.api import shapes
from compensation.api.plan_schemas import PlanSchema
from compensation.lifecycle import LIVE_RUNS, RunStatus
from compensation.run_context import FIRST_STEPS
from ledger.errors import Invalid
from web import etag
from web.api import TenantAPIView
from web.schema import page_schema


class PlanDetail(TenantAPIView):
    """One plan."""

    @extend_schema(responses=PlanSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it. Its ETag is the digest to execute it with."""
        row = selectors.plan(self.acting_user.tenant_id, id)
        return Response(shapes.plan(row), headers={"ETag": etag.tag(row.digest)})


class Runs(TenantAPIView):
    """All compensation runs of the tenant."""

    paginated = True

    @extend_schema(
        responses=page_schema(shapes.RunSchema, "RunPage"),
        parameters=[
            OpenApiParameter("status", str, enum=RunStatus.values),
            OpenApiParameter("case", uuid.UUID),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first, each with its first 50 steps; one by itself has all of them."""
        query = request.query_params
        # Live runs have an index of their own, and those of one case; of ended ones there are many.
        narrowed = query.get("status") not in {None, *LIVE_RUNS} and "case" not in query
        among = selectors.runs(self.acting_user.tenant_id) if narrowed else None
        return self.page(
            _filtered(self.acting_user.tenant_id, request.query_params),
            lambda page: shapes.runs(page, self.authority, most_steps=FIRST_STEPS),
            order=("-started_at", "-id"),
            among=among,
        )


class RunDetail(TenantAPIView):
    """One compensation run."""

    @extend_schema(responses=shapes.RunSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it, with every attempt at every step."""
        row = selectors.run(self.acting_user.tenant_id, id)
        return self.detail(shapes.run(row, self.authority), version=row.version)


def _filtered(tenant_id: uuid.UUID, query: Mapping[str, str]) -> QuerySet[Any]:
    """Return the runs a list asks for: `status`, `case`."""
    rows: QuerySet[Any] = selectors.runs(tenant_id)
    if "status" in query:
        if query["status"] not in RunStatus.values:
            known = ", ".join(RunStatus.values)
            raise Invalid.field("status", f"status: must be one of {known}")
        rows = rows.filter(status=query["status"])
    if "case" in query:
        try:
            whole_id = uuid.UUID(query["case"])
        except ValueError:
            raise Invalid.field("case", "case: must be an id") from None
        rows = rows.filter(whole_id=whole_id)
    return rows
