"""What is read of executions and capabilities. Their verbs are served from the catalogue."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from executions import capability_registry, selectors
from executions.api.execution_json import (
    CapabilitiesSchema,
    ExecutionSchema,
    represent_capability,
    represent_many,
)
from executions.api.query_parameters import id_of, one_of
from executions.lifecycle import ExecutionStatus
from ledger.selectors import all_entries, open_entries
from web.api import TenantAPIView
from web.entries import represent_entries
from web.schema import EntrySchema, page_schema


class Capabilities(TenantAPIView):
    """The named automated actions that may be run."""

    @extend_schema(responses=CapabilitiesSchema)
    def get(self, request: Request) -> Response:
        """List them by name, with their schemas."""
        found = [represent_capability(each) for each in capability_registry.all_capabilities()]
        return Response({"results": found})


class Executions(TenantAPIView):
    """All executions of the tenant."""

    paginated = True

    @extend_schema(
        responses=page_schema(ExecutionSchema, "ExecutionPage"),
        parameters=[
            OpenApiParameter("status", str, many=True, enum=ExecutionStatus.values),
            OpenApiParameter("capability", str),
            OpenApiParameter("case", uuid.UUID),
            OpenApiParameter("batch", uuid.UUID),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        query = request.query_params
        rows = selectors.filtered(
            selectors.visible(self.acting_user.tenant_id),
            status__in=[
                one_of("status", each, ExecutionStatus.values) for each in query.getlist("status")
            ],
            case_id=id_of(query, "case"),
            batch_id=id_of(query, "batch"),
        )
        if "capability" in query:
            rows = rows.filter(capability=query["capability"])
        among = None
        if {"status", "capability"} & set(query) and not {"case", "batch"} & set(query):
            among = selectors.visible(self.acting_user.tenant_id)
        return self.page(rows, lambda page: represent_many(page, self.authority), among=among)


class ExecutionDetail(TenantAPIView):
    """One execution."""

    @extend_schema(responses=ExecutionSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        execution = selectors.get(self.acting_user.tenant_id, id)
        [shape] = represent_many([execution], self.authority)
        return self.detail(shape, version=execution.version)


class ExecutionHistory(TenantAPIView):
    """The ledger entries of one execution."""

    paginated = True

    @extend_schema(responses=page_schema(EntrySchema, "ExecutionHistoryPage"))
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        return history_page(self, selectors.get(self.acting_user.tenant_id, id))


def history_page(view: TenantAPIView, row: Any) -> Response:
    """Answer with one page of a row's entries, newest first."""
    rows = all_entries(row.tenant_id).filter(subject_type=row.subject_type, subject_id=row.id)
    return view.page(
        rows, lambda page: represent_entries(open_entries(page)), order=("-subject_seq",)
    )
