"""Reading policies. Their verbs are served from the catalogue."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.policy_json import PolicySchema, represent_policies
from governance.policies import AS_ASKED, in_force, policy
from ledger.errors import Invalid
from web.api import TenantAPIView
from web.pagination import NEWEST_FIRST
from web.schema import page_schema

_NEWEST = "newest"
_ORDERS = {_NEWEST: NEWEST_FIRST, "priority": AS_ASKED}


class Policies(TenantAPIView):
    """The policies of the tenant that have not ended."""

    paginated = True

    @extend_schema(
        responses=page_schema(PolicySchema, "PolicyPage"),
        parameters=[
            OpenApiParameter(
                "order", str, enum=list(_ORDERS),
                description="`newest` (usual), or `priority`: as they are asked.",
            )
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """List them, newest first, or in the order in which they are asked."""
        wanted = request.query_params.get("order", _NEWEST)
        if wanted not in _ORDERS:
            known = ", ".join(_ORDERS)
            raise Invalid.field("order", _("order: must be one of %(known)s") % {"known": known})
        rows = in_force(self.acting_user.tenant_id)
        return self.page(
            rows, lambda page: represent_policies(page, self.authority), order=_ORDERS[wanted]
        )


class PolicyDetail(TenantAPIView):
    """One policy, in force or ended."""

    @extend_schema(responses=PolicySchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = policy(self.acting_user.tenant_id, id)
        [shape] = represent_policies([row], self.authority)
        return self.detail(shape, version=row.version)
