"""What is read of people. Their verbs are served beside it, from the catalogue."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import substitutions
from people.api.substitution_json import SubstitutionSchema, represent
from web.api import TenantAPIView
from web.schema import page_schema


class Substitutions(TenantAPIView):
    """Who stands in for whom, in the whole organisation."""

    paginated = True

    @extend_schema(responses=page_schema(SubstitutionSchema, "SubstitutionPage"))
    def get(self, request: Request) -> Response:
        """List them, newest first, also those that are over."""
        rows = substitutions.substitutions(self.acting_user.tenant_id)
        return self.page(rows, lambda page: represent(page, self.authority))


class SubstitutionDetail(TenantAPIView):
    """One substitution."""

    @extend_schema(responses=SubstitutionSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = substitutions.substitution(self.acting_user.tenant_id, id)
        [shape] = represent([row], self.authority)
        return self.detail(shape, version=row.version)
