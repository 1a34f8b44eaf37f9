"""Erasures and legal holds over REST: read. Their verbs are served beside, from the catalogue."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.erasures import (
    ErasureSchema,
    HoldSchema,
    check_may_read,
    represent_erasures,
    represent_holds,
)
from audit.retention_policies import RetentionSchema, represent_retentions
from ledger.erasure.held_rows import holds
from ledger.erasure.requests import erasures
from ledger.erasure.retention import retentions
from ledger.errors import NotFound
from web.api import TenantAPIView
from web.schema import page_schema


class Erasures(TenantAPIView):
    """Requests to erase a person."""

    paginated = True

    @extend_schema(responses=page_schema(ErasureSchema, "ErasurePage"))
    def get(self, _request: Request) -> Response:
        """List them, newest first. Tenant admins and auditors."""
        check_may_read(self.authority)
        return self.page(
            erasures(self.acting_user.tenant_id),
            lambda page: represent_erasures(page, self.authority),
            order=("-requested_at", "-id"),
        )


class ErasureDetail(TenantAPIView):
    """One request to erase a person."""

    @extend_schema(responses=ErasureSchema)
    def get(self, _request: Request, id: uuid.UUID) -> Response:
        """Read what it will erase, how far it has come, and its receipt."""
        row = erasures(self.acting_user.tenant_id).filter(id=id).first()
        if row is None:
            raise NotFound
        check_may_read(self.authority)
        [shape] = represent_erasures([row], self.authority)
        return self.detail(shape, version=row.version)


class LegalHolds(TenantAPIView):
    """What must be kept, whoever asks for it to be erased."""

    paginated = True

    @extend_schema(responses=page_schema(HoldSchema, "LegalHoldPage"))
    def get(self, _request: Request) -> Response:
        """List them, newest first, those that were lifted too. Tenant admins and auditors."""
        check_may_read(self.authority)
        return self.page(
            holds(self.acting_user.tenant_id),
            lambda page: represent_holds(page, self.authority),
            order=("-placed_at", "-id"),
        )


class LegalHoldDetail(TenantAPIView):
    """One legal hold."""

    @extend_schema(responses=HoldSchema)
    def get(self, _request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = holds(self.acting_user.tenant_id).filter(id=id).first()
        if row is None:
            raise NotFound
        check_may_read(self.authority)
        [shape] = represent_holds([row], self.authority)
        return self.detail(shape, version=row.version)


class Retentions(TenantAPIView):
    """For how long what entries keep stays, by kind of entry."""

    paginated = True

    @extend_schema(responses=page_schema(RetentionSchema, "RetentionPage"))
    def get(self, _request: Request) -> Response:
        """List policies, newest first, those that have ended too. Tenant admins and auditors."""
        check_may_read(self.authority)
        return self.page(
            retentions(self.acting_user.tenant_id),
            lambda page: represent_retentions(page, self.authority),
            order=("-set_at", "-id"),
        )


class RetentionDetail(TenantAPIView):
    """One policy of retention."""

    @extend_schema(responses=RetentionSchema)
    def get(self, _request: Request, id: uuid.UUID) -> Response:
        """Read it, and how much is gone so far."""
        row = retentions(self.acting_user.tenant_id).filter(id=id).first()
        if row is None:
            raise NotFound
        check_may_read(self.authority)
        [shape] = represent_retentions([row], self.authority)
        return self.detail(shape, version=row.version)
