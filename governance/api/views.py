"""Reading approvals. Their verbs are served from the catalogue."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.acting import ActingUser
from governance import selectors
from governance.api.approval_json import ApprovalSchema, represent, represent_many
from governance.lifecycle import ApprovalStatus
from ledger.errors import Invalid
from web.api import TenantAPIView
from web.schema import page_schema

_TRUTH = {"true": True, "false": False}


class Approvals(TenantAPIView):
    """All approvals of the tenant."""

    paginated = True

    @extend_schema(
        responses=page_schema(ApprovalSchema, "ApprovalPage"),
        parameters=[
            OpenApiParameter("status", str, enum=ApprovalStatus.values),
            OpenApiParameter("mine", bool, description="Those that wait for your decision."),
            OpenApiParameter("subject", uuid.UUID, description="Those about one thing."),
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        query = request.query_params
        return self.page(
            _filtered(self.acting_user, query),
            lambda page: represent_many(page, self.authority),
            among=_among(self.acting_user, query),
        )


class ApprovalDetail(TenantAPIView):
    """One approval."""

    @extend_schema(responses=ApprovalSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = selectors.approval(self.acting_user.tenant_id, id)
        return self.detail(represent(row, self.authority), version=row.version)


def _among(who: ActingUser, query: Mapping[str, str]) -> QuerySet[Any] | None:
    """Return the list that those of an end are looked for in; None where an index finds them."""
    if "subject" in query or query.get("mine") == "true":
        return None
    ended = query.get("status", ApprovalStatus.PENDING) != ApprovalStatus.PENDING
    return selectors.approvals(who.tenant_id) if ended else None


def _filtered(who: ActingUser, query: Mapping[str, str]) -> QuerySet[Any]:
    """Return the approvals a list asks for: `status`, `mine`, `subject`."""
    rows: QuerySet[Any] = selectors.approvals(who.tenant_id)
    if "mine" in query:
        if query["mine"] not in _TRUTH:
            raise Invalid.field("mine", _("mine: must be true or false"))
        rows = selectors.to_decide(who) if _TRUTH[query["mine"]] else rows
    if "status" in query:
        if query["status"] not in ApprovalStatus.values:
            known = ", ".join(ApprovalStatus.values)
            raise Invalid.field("status", _("status: must be one of %(known)s") % {"known": known})
        rows = rows.filter(status=query["status"])
    if "subject" in query:
        try:
            about_id = uuid.UUID(query["subject"])
        except ValueError:
            raise Invalid.field("subject", _("subject: must be an id")) from None
        rows = rows.filter(about_id=about_id)
    return rows
