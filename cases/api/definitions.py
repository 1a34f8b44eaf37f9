"""The endpoints of case definitions."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cases import actions, selectors
from cases.api import representation
from cases.api.parsers import PARSERS
from cases.api.schemas import (
    DefinitionDetailSchema,
    DefinitionSchema,
    GraphSchema,
    SourceSchema,
    ValidationSchema,
)
from web.api import TenantAPIView
from web.schema import page_schema

_BODY = {"application/yaml": OpenApiTypes.STR, "application/json": OpenApiTypes.OBJECT}


class Definitions(TenantAPIView):
    """All deployed versions of case definitions."""

    paginated = True
    parser_classes = PARSERS

    @extend_schema(responses=page_schema(DefinitionSchema, "DefinitionPage"))
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        return self.page(selectors.definitions(), representation.definitions)

    @extend_schema(request=_BODY, responses={201: DefinitionDetailSchema})
    def post(self, request: Request) -> Response:
        """Deploy a version. A deployed version never changes; the same content again is no news."""
        return self.act(
            actions.deploy_definition,
            schema=SourceSchema,
            render=representation.definition,
            status=201,
            location=lambda row: (
                f"/api/v1/case-definitions/{row.namespace}/{row.name}/{row.version}"
            ),
            etag_of=lambda _row: 1,
        )


class DefinitionValidate(TenantAPIView):
    """A definition, checked without storing it."""

    parser_classes = PARSERS

    @extend_schema(request=_BODY, responses=ValidationSchema)
    def post(self, request: Request) -> Response:
        """Check it. Errors come as a problem whose `errors` name line and pointer."""
        given = self.given(SourceSchema)
        with self.scope():
            _ = self.authority
        return Response(representation.validation(actions.check_definition(given["source"])))


class DefinitionDetail(TenantAPIView):
    """One deployed version."""

    @extend_schema(responses=DefinitionDetailSchema)
    def get(self, request: Request, namespace: str, name: str, version: str) -> Response:
        """Read it, with source and compiled form."""
        row = selectors.definition(namespace, name, version)
        return self.detail(representation.definition(row), version=1)


class DefinitionGraph(TenantAPIView):
    """What undoes what in one deployed version."""

    @extend_schema(responses=GraphSchema)
    def get(self, request: Request, namespace: str, name: str, version: str) -> Response:
        """Read its bindings, the undo of each, and the gaps."""
        row = selectors.definition(namespace, name, version)
        return Response(representation.graph(selectors.compiled(row)))
