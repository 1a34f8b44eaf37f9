"""Reading what other tenants ask for. The verbs are served from the catalogue."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from compensation.api.foreign_request_json import CompensationRequestSchema, represent_requests
from compensation.foreign_requests import request as request_of
from compensation.foreign_requests import requests
from compensation.lifecycle import RequestStatus
from ledger.errors import Invalid
from web.api import TenantAPIView
from web.schema import page_schema


class ForeignRequests(TenantAPIView):
    """What other organisations have asked of this one."""

    paginated = True

    @extend_schema(
        responses=page_schema(CompensationRequestSchema, "CompensationRequestPage"),
        parameters=[OpenApiParameter("status", str, enum=RequestStatus.values)],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        tenant_id, query = self.acting_user.tenant_id, request.query_params
        rows = _filtered(tenant_id, query)
        # Those that wait have an index; those of another status are looked for.
        looks = query.get("status", RequestStatus.PENDING) != RequestStatus.PENDING
        among = requests(tenant_id) if looks else None
        return self.page(rows, lambda page: represent_requests(page, self.authority), among=among)


class ForeignRequestDetail(TenantAPIView):
    """One request of another organisation."""

    @extend_schema(responses=CompensationRequestSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = request_of(self.acting_user.tenant_id, id)
        [shape] = represent_requests([row], self.authority)
        return self.detail(shape, version=row.version)


def _filtered(tenant_id: uuid.UUID, query: Mapping[str, str]) -> QuerySet[Any]:
    rows: QuerySet[Any] = requests(tenant_id)
    if "status" not in query:
        return rows
    if query["status"] not in RequestStatus.values:
        known = ", ".join(RequestStatus.values)
        raise Invalid.field("status", _("status: must be one of %(known)s") % {"known": known})
    return rows.filter(status=query["status"])
