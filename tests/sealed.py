"""A tenant whose ledger is sealed, as tests need it."""

from __future__ import annotations

import uuid

from ledger.canonical import leaf_hash
from ledger.models import LedgerEntry, LedgerLeaf, LedgerTree
from ledger.tenancy import system_scope, tenant_scope
from ledger.tree.sealer import seal_due
from ledger.tree.stored_tree import StoredCheckpoint, newest_checkpoint, seal_lag
from tests.clients import browser
from tests.draining import drain
from tests.world import World


def sealed(tenant_id: uuid.UUID) -> StoredCheckpoint:
    """Seal all that a tenant has, and return its newest checkpoint."""
    seal_due(tenant_id)
    with tenant_scope(tenant_id):
        assert seal_lag(tenant_id).entries == 0
        found = newest_checkpoint(tenant_id)
    assert found is not None
    return found


def leaves(tenant_id: uuid.UUID) -> list[tuple[int, uuid.UUID, bytes]]:
    """Return (index, entry, hash) of the tenant's leaves, in order."""
    with system_scope("verify"):
        rows = LedgerLeaf.objects.filter(tenant_id=tenant_id).order_by("tree_index")
        return [(row.tree_index, row.entry_id, bytes(row.leaf_hash)) for row in rows]


def hashes(tenant_id: uuid.UUID) -> dict[uuid.UUID, bytes]:
    """Return the leaf hash of each entry of a tenant, worked out of its bytes."""
    with tenant_scope(tenant_id):
        rows = LedgerEntry.objects.filter(tenant_id=tenant_id).values_list("id", "body")
        return {id_: leaf_hash(bytes(body)) for id_, body in rows}


def forget_anchors() -> None:
    """Let no tree miss what a test put outside: the next one has another folder."""
    with system_scope("seal"):
        LedgerTree.objects.exclude(anchored_size=0).update(anchored_size=0)


def troubled(tenant_id: uuid.UUID, trouble: str) -> None:
    """Let something be in the way of a tenant's tree."""
    with system_scope("seal"):
        LedgerTree.objects.filter(tenant_id=tenant_id).update(trouble=trouble)


def sealed_and_checked(world: World) -> None:
    """Seal all that there is, and have it checked."""
    sealed(world.system.tenant_id)
    browser(world.auditor).post("/ledger/check/")
    drain()
