"""What is read of people. Their verbs are served beside it, from the catalogue."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import substitutions
from accounts.managed_people import members_of, own_tokens, working_tokens
from accounts.roles import Role
from accounts.signature_keys import keys_of, signature_key
from ledger.errors import NotFound
from people.api.key_json import KeySchema, represent_keys
from people.api.member_json import (
    MemberSchema,
    TokenSchema,
    represent_members,
    represent_tokens,
)
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


class Members(TenantAPIView):
    """The members of the organisation, present and past."""

    paginated = True

    @extend_schema(responses=page_schema(MemberSchema, "MemberPage"))
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        rows = members_of(self.acting_user.tenant_id)
        return self.page(rows, lambda page: represent_members(page, self.authority))


class MemberDetail(TenantAPIView):
    """One member."""

    @extend_schema(responses=MemberSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = members_of(self.acting_user.tenant_id).filter(id=id).first()
        if row is None:
            raise NotFound
        [shape] = represent_members([row], self.authority)
        return self.detail(shape, version=row.version)


class SignatureKeys(TenantAPIView):
    """The keys by which members of the organisation sign entries."""

    paginated = True

    @extend_schema(
        responses=page_schema(KeySchema, "SignatureKeyPage"),
        parameters=[OpenApiParameter("member", str, description="Of this member, by username.")],
    )
    def get(self, request: Request) -> Response:
        """List them, newest first, also those that are used no more."""
        rows = keys_of(self.acting_user.tenant_id, request.GET.get("member", ""))
        return self.page(rows, lambda page: represent_keys(page, self.authority))


class SignatureKeyDetail(TenantAPIView):
    """One key."""

    @extend_schema(responses=KeySchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = signature_key(self.acting_user.tenant_id, id)
        [shape] = represent_keys([row], self.authority)
        return self.detail(shape, version=row.version)


class Tokens(TenantAPIView):
    """One's own tokens that work; for a tenant admin all of the organisation."""

    paginated = True

    @extend_schema(responses=page_schema(TokenSchema, "TokenPage"))
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        return self.page(
            _seen_by(self),
            lambda page: represent_tokens(page, self.authority),
            order=("-created", "-public_id"),
        )


class TokenDetail(TenantAPIView):
    """One token."""

    @extend_schema(responses=TokenSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = _seen_by(self).filter(public_id=id).first()
        if row is None:
            raise NotFound
        [shape] = represent_tokens([row], self.authority)
        return Response(shape)


def _seen_by(view: TenantAPIView) -> Any:
    if Role.TENANT_ADMIN in view.authority.roles:
        return working_tokens(view.acting_user.tenant_id)
    return own_tokens(view.acting_user)
