"""Templates of work items over the API: reading them; what is done to them is the catalogue's."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.acting import Authority
from accounts.selectors import people_of
from ledger.clock import rfc3339
from verbs.subject import ResultShape
from web.api import TenantAPIView
from web.schema import page_schema
from workitems import selectors
from workitems.api.item_json import WorkItemSchema, represent_many


class TemplateSchema(serializers.Serializer[Any]):
    """One version of a template."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    content = serializers.DictField(
        help_text="What its items say: the members that it was added with."
    )
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(
        allow_null=True, help_text="No item is made from it any more."
    )


def represent_templates(rows: Sequence[Any], _authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of templates."""
    named = people_of(rows, (row.created_by_id for row in rows))
    return [
        {
            "id": str(row.id),
            "name": row.name,
            "version": row.version,
            "content": row.content,
            "created_by": named[row.created_by_id].username if row.created_by_id in named else None,
            "created_at": rfc3339(row.created_at),
            "ended_at": rfc3339(row.ended_at) if row.ended_at else None,
        }
        for row in rows
    ]


#: What instantiating answers with.
MADE = ResultShape(
    shape=lambda item, authority: represent_many([item], authority)[0],
    schema=WorkItemSchema,
    place=lambda item: f"/api/v1/work-items/{item.id}",
)


class Templates(TenantAPIView):
    """All versions of all templates of the tenant."""

    paginated = True

    @extend_schema(
        responses=page_schema(TemplateSchema, "TemplatePage"),
        parameters=[OpenApiParameter("name", str, description="The versions of this name.")],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        rows = selectors.templates(self.acting_user.tenant_id, request.query_params.get("name"))
        return self.page(rows, lambda page: represent_templates(page, self.authority))


class TemplateDetail(TenantAPIView):
    """One version of a template."""

    @extend_schema(responses=TemplateSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = selectors.template(self.acting_user.tenant_id, id)
        return self.detail(represent_templates([row], self.authority)[0], version=row.version)
