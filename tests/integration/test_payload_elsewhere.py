"""A payload that was moved to another tenant by hand."""

from __future__ import annotations

import uuid

import pytest

from ledger.broken import Broken
from ledger.verify import Report, verify_tenant
from tests import states
from tests.integration.test_verify_ledger import broken, tampered
from tests.verifying import run
from tests.world import World


def test_it_is_missed_where_it_was(world: World) -> None:
    """It is where its own tenant does not see it: nobody is to call that whole."""
    item = states.completed(world.analyst)
    entry = states.history(world, "work_item", item.id)[-1]
    gone = "payload outcome is gone, and no receipt tells of it"
    with tampered(entry, "ledger_payload", "tenant_id", uuid.uuid4()):
        broken(entry, gone)
        with pytest.raises(Broken, match=gone) as found:
            verify_tenant(entry.tenant_id, Report())
        assert (found.value.entry, found.value.kind) == (entry.id, "payload")
    verify_tenant(entry.tenant_id, Report())
    assert run()[::2] == (0, "")
