"""What is as it should be is seen by its bytes alone: nothing is looked at value by value."""

from __future__ import annotations

import uuid

import pytest

from ledger import verify
from ledger.broken import Broken
from ledger.erasure.erasure_tables import ErasureReceipt
from ledger.models import Payload
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import approved_loan, roll_back
from tests.draining import drain
from tests.erasing import erase, one_more
from tests.integration.test_verify_ledger import without
from tests.world import World


def test_a_rollback_and_what_was_removed_of_it(
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
    with without(("ledger_payload", "entry_id", most)), pytest.raises(Broken) as untold:
        verify.verify_tenant(tenant, verify.Report())
    assert (untold.value.entry, untold.value.kind) == (most, "payload")


def test_what_was_erased_is_seen_by_its_bytes_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = one_more(world)
    states.completed(person)
    receipt = erase(world, person)
    monkeypatch.setattr(verify, "_examined", None)
    found = verify.verify_tenant(world.system.tenant_id, verify.Report())
    with tenant_scope(world.system.tenant_id):
        assert found.erased == ErasureReceipt.objects.get(id=receipt).counts["payloads"]
