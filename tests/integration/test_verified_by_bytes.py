"""What is as it should be is seen by its bytes alone: nothing is looked at value by value."""

from __future__ import annotations

import uuid

import pytest

from ledger import verify
from ledger.models import Payload
from ledger.tenancy import tenant_scope
from tests.casework import approved_loan, roll_back
from tests.draining import drain
from tests.integration.test_verify_ledger import without
from tests.world import World


def test_a_rollback_and_what_was_erased_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has links, compensations and payloads of every kind."""
    roll_back(world, approved_loan(world))
    drain()
    tenant = world.system.tenant_id
    # Whatever had to be looked at would fail.
    monkeypatch.setattr(verify, "_examined", None)
    found = verify.verify_tenant(tenant, verify.Report())
    assert (found.tenants, found.erased) == (1, 0)
    assert found.entries > 40
    with tenant_scope(tenant):
        kept = Payload.objects.filter(tenant_id=tenant).order_by("entry_id", "name")
        names: dict[uuid.UUID, int] = {}
        for entry in kept.values_list("entry_id", flat=True):
            names[entry] = names.get(entry, 0) + 1
    most, several = max(names.items(), key=lambda each: each[1])
    assert several > 1
    with without(("ledger_payload", "entry_id", most)):
        again = verify.verify_tenant(tenant, verify.Report())
    assert (again.entries, again.erased) == (found.entries, several)
