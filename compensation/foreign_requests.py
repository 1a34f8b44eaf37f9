"""Reading what other tenants ask to have undone here. Every function runs in the caller's scope."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from compensation.foreign_request_tables import CompensationRequest
from compensation.lifecycle import RequestStatus
from ledger.errors import NotFound


def requests(tenant_id: uuid.UUID) -> QuerySet[CompensationRequest]:
    """Return everything that was ever asked of this tenant."""
    return CompensationRequest.objects.filter(tenant_id=tenant_id)


def pending(tenant_id: uuid.UUID) -> QuerySet[CompensationRequest]:
    """Return what waits for an operator's decision."""
    return requests(tenant_id).filter(status=RequestStatus.PENDING)


def request(tenant_id: uuid.UUID, id_: uuid.UUID) -> CompensationRequest:
    """Return one. Raises NotFound."""
    found = requests(tenant_id).filter(id=id_).first()
    if found is None:
        raise NotFound
    return found


def asked_by(
    tenant_id: uuid.UUID, asking_tenant_id: uuid.UUID, asking_id: uuid.UUID
) -> CompensationRequest | None:
    """Return what one execution of another tenant has asked of this one, if it has."""
    own = {"asking_tenant_id": asking_tenant_id, "asking_id": asking_id}
    return requests(tenant_id).filter(**own).first()
