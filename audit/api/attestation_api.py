"""What was said of an entry, over REST; saying it is the verb `attest`."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from audit.attestations import (
    AttestationSchema,
    SignatureSchema,
    attestation_rows,
    represent_attestations,
    represent_signatures,
    signature_rows,
)
from audit.filters import NEWEST_FIRST
from ledger.errors import NotFound
from ledger.selectors import all_entries
from web.api import TenantAPIView
from web.schema import page_schema


class Attestations(TenantAPIView):
    """Who vouched for an entry, doubted it, or marked it to be looked at."""

    paginated = True

    @extend_schema(responses=page_schema(AttestationSchema, "AttestationPage"))
    def get(self, _request: Request, id: uuid.UUID) -> Response:
        """List them, newest first."""
        tenant_id = self.acting_user.tenant_id
        if not all_entries(tenant_id).filter(id=id).exists():
            raise NotFound("There is no such entry.")
        rows = attestation_rows(tenant_id, id)
        return self.page(rows, represent_attestations, order=NEWEST_FIRST)


class Signatures(TenantAPIView):
    """The signatures of an entry by whoever did what it tells of."""

    paginated = True

    @extend_schema(responses=page_schema(SignatureSchema, "SignaturePage"))
    def get(self, _request: Request, id: uuid.UUID) -> Response:
        """List them, newest first, with what each is worth now."""
        tenant_id = self.acting_user.tenant_id
        if not all_entries(tenant_id).filter(id=id).exists():
            raise NotFound("There is no such entry.")
        rows = signature_rows(tenant_id, id)
        return self.page(rows, represent_signatures, order=NEWEST_FIRST)
