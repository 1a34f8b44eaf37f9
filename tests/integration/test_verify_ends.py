"""The ends of a tree: an entry that waited for its place, and the checkpoint of the newest ones."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.completeness import health_of
from ledger.models import LedgerTree
from ledger.selectors import Entry
from ledger.tenancy import system_scope, tenant_scope
from ledger.tree.sealer import origin_of, seal_due, seal_portion
from ledger.tree.stored_tree import seal_lag
from tests import states
from tests.clients import browser
from tests.integration.test_verify_ledger import force, without
from tests.integration.test_verify_sealed import alone, broken, rewritten, rows_of
from tests.pages import text_of
from tests.sealed import leaves, sealed, troubled
from tests.verifying import run
from tests.world import World

pytestmark = pytest.mark.usefixtures("database_of_the_module")


def tree(tenant: uuid.UUID) -> LedgerTree:
    with system_scope("seal"):
        return LedgerTree.objects.get(tenant_id=tenant)


def waiting(tenant: uuid.UUID) -> int:
    with tenant_scope(tenant):
        return seal_lag(tenant).entries


@contextlib.contextmanager
def without_checkpoint(tenant: uuid.UUID, size: int) -> Iterator[None]:
    """The checkpoint of `size` is gone for the length of the block."""
    dropped = "DELETE FROM ledger_checkpoint WHERE tenant_id = %s AND size = %s RETURNING *"
    (row,) = force(dropped, [tenant, size])
    try:
        yield
    finally:
        force("INSERT INTO ledger_checkpoint VALUES (%s, %s, %s, %s, %s, %s, %s)", [*row])


def _untried(tenant: uuid.UUID) -> None:
    with system_scope("seal"):
        LedgerTree.objects.filter(tenant_id=tenant).update(seal_at=None)


def test_an_entry_that_waited_and_is_gone_is_missed(world: World) -> None:
    """Who removes its head with it, and puts its row back, leaves no gap in any chain."""
    tenant = world.system.tenant_id
    size = sealed(tenant).size
    states.new_item(world.analyst)
    entry: Entry = alone(world)
    waits = waiting(tenant)
    with without(*rows_of(entry)):
        broken(entry.id, "it waited to be sealed, and is gone", kind="removed")
        with tenant_scope(tenant):
            health = health_of(tenant)
        assert (health.chains.gaps, health.unsealed.removed) == (0, 1)
        assert not health.complete
        assert health.anomalies["removed"] == 1
        assert health.to_json()["unsealed"]["removed"] == 1
        page = text_of(browser(world.auditor).get("/ledger/health/").content)
        assert "Something is missing." in page
        assert "1 entry that waited to be sealed is gone" in page
        # Nothing is sealed beside it, and that it waited stays known.
        for _ in range(2):
            assert seal_portion(tenant) == 0
            kept = tree(tenant)
            assert kept.trouble == f"REMOVED: entry {entry.id} waited to be sealed, and is gone"
            assert (kept.sealed_size, waiting(tenant)) == (size, waits)
            assert kept.seal_at is not None
            _untried(tenant)
    # Put back, it goes on, and all of it is sealed.
    assert seal_due(tenant) is True
    assert (tree(tenant).trouble, waiting(tenant)) == ("", 0)
    assert entry.id in {id_ for _, id_, _hash in leaves(tenant)}
    with tenant_scope(tenant):
        assert health_of(tenant).unsealed.removed == 0
    assert run()[::2] == (0, "")


def test_a_removed_checkpoint_is_missed_and_nothing_is_sealed_over_it(world: World) -> None:
    tenant = world.system.tenant_id
    older = sealed(tenant).size
    alone(world)
    states.new_item(world.analyst)
    newer = sealed(tenant).size
    first = leaves(tenant)[older][1]
    with without_checkpoint(tenant, newer):
        broken(first, f"the checkpoint that is of it, one of {newer}, is gone", kind="removed")
        states.new_item(world.analyst)
        waits = waiting(tenant)
        # Places that are taken are refused by their key: that ends in trouble, and not in turns
        # that fail for ever.
        assert seal_portion(tenant) == 0
        kept = tree(tenant)
        assert kept.trouble.startswith("TORN: more is there than the newest checkpoint is of: ")
        assert kept.seal_at is not None
        assert (len(leaves(tenant)), waiting(tenant)) == (newer, waits)
    _untried(tenant)
    assert seal_due(tenant) is True
    assert tree(tenant).trouble == ""
    assert run()[::2] == (0, "")


def test_an_end_that_was_cut_off_with_its_checkpoint_is_missed(world: World) -> None:
    tenant = world.system.tenant_id
    older = sealed(tenant).size
    entry = alone(world)
    newer = sealed(tenant).size
    assert newer == older + 1
    leaf = ("ledger_ledgerleaf", "entry_id", entry.id)
    with without_checkpoint(tenant, newer), without(*rows_of(entry), leaf):
        said = f"{newer} entries were sealed, and there are {older}"
        broken(None, "end of the tree is gone", said, kind="removed")
    assert run()[::2] == (0, "")


def test_a_tree_whose_row_says_another_size(world: World) -> None:
    tenant = world.system.tenant_id
    size = sealed(tenant).size
    row = ("ledger_ledgertree", "tenant_id = %s", [tenant])
    with rewritten(*row, sealed_size=size + 1):
        broken(None, f"{size + 1} entries were sealed, and there are {size}", kind="removed")
    # Of a tree that is larger than its row says nothing is gone.
    with rewritten(*row, sealed_size=size - 1):
        said = broken(
            None, f"the row of the tree says {size - 1} sealed entries, and there are {size}",
            kind="tree",
        )  # fmt: skip
        assert "gone" not in said
    assert run()[::2] == (0, "")


def test_a_tree_whose_row_is_gone(world: World) -> None:
    tenant = world.system.tenant_id
    size = sealed(tenant).size
    with without(("ledger_ledgertree", "tenant_id", tenant)):
        said = f"the row of the tree is gone, and there are {size} sealed entries"
        assert "end of the tree" not in broken(None, said, kind="tree")
    assert run()[::2] == (0, "")


def test_a_tree_of_which_only_the_row_is_left(world: World) -> None:
    """All leaves and checkpoints are gone, and with them what could be compared."""
    tenant = world.outsider.tenant_id
    assert leaves(tenant) == []
    with system_scope("seal"):
        LedgerTree.objects.create(tenant_id=tenant, origin=origin_of(tenant))
    with rewritten("ledger_ledgertree", "tenant_id = %s", [tenant], sealed_size=3):
        broken(None, "3 entries were sealed, and there are 0", kind="removed")
    assert run()[::2] == (0, "")


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        ("ROLLBACK: outside there is a signed checkpoint of more", "rollback"),
        ("REWRITTEN: the first entries have another root", "rollback"),
        ("ANCHOR LOST: the folder is not there", "anchor"),
    ],
)
def test_what_was_found_outside_is_said_where_nothing_is_to_be_compared(
    world: World, settings: Any, tmp_path: Path, trouble: str, kind: str
) -> None:
    """Who names no folder any more, or an empty one, does not make the ledger hold."""
    tenant = world.system.tenant_id
    sealed(tenant)
    troubled(tenant, trouble)
    settings.AMENDS_ANCHOR_DIR = ""
    broken(None, trouble, kind=kind)
    settings.AMENDS_ANCHOR_DIR = str(tmp_path)
    broken(None, trouble, kind=kind)
    settings.AMENDS_ANCHOR_DIR = ""
    # What is in the way inside is looked for itself.
    troubled(tenant, "NO KEY: there was none")
    assert run()[::2] == (0, "")
    troubled(tenant, "")
