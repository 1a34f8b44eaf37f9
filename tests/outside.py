"""What the demo tenant is asked from outside to undo, for tests."""

from __future__ import annotations

import hashlib
import uuid

from compensation.actions.foreign_requests_carried import Asked, receive
from compensation.foreign_request_tables import CompensationRequest
from compensation.foreign_requests import asked_by
from ledger.tenancy import tenant_scope
from tests import states
from tests.world import World


def asked_from_outside(
    world: World,
    *,
    title: str = "Ship the goods",
    reason: str = "It was forged",
    name: str = "Bank",
) -> CompensationRequest:
    """Return a request that waits: another tenant wants the analyst's work undone."""
    item = states.completed(world.analyst, title=title)
    asking = Asked(
        tenant_id=world.outsider.tenant_id, id=uuid.uuid4(), name=name,
        entry=hashlib.sha256(b"theirs").digest(), about_type="work_item", about_id=item.id,
        strategy="restore", reason=reason,
        regulatory_basis=[{"code": "CONTRACT", "note": reason}],
    )  # fmt: skip
    tenant_id = world.operator.tenant_id
    assert receive(tenant_id, asking) is not None
    with tenant_scope(tenant_id):
        found = asked_by(tenant_id, asking.tenant_id, asking.id)
    assert found is not None
    return found
