"""Reading policies. Their verbs are served from the catalogue."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.policy_json import PolicySchema, represent_policies
from governance.policies import in_force, policy
from web.api import TenantAPIView
from web.schema import page_schema


class Policies(TenantAPIView):
    """The policies of the tenant that have not ended."""

    paginated = True

    @extend_schema(responses=page_schema(PolicySchema, "PolicyPage"))
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        rows = in_force(self.acting_user.tenant_id)
        return self.page(rows, lambda page: represent_policies(page, self.authority))


class PolicyDetail(TenantAPIView):
    """One policy, in force or ended."""

    @extend_schema(responses=PolicySchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = policy(self.acting_user.tenant_id, id)
        [shape] = represent_policies([row], self.authority)
        return self.detail(shape, version=row.version)
