"""A check of the ledger while it is written, sealed and anchored: it sees one moment of it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ledger import verify as checks
from ledger.broken import Broken
from ledger.tree import tree_checks
from ledger.tree.anchoring import anchor_due
from ledger.tree.sealer import seal_due
from ledger.verify import Report, verify, verify_tenant
from tests import states
from tests.integration.test_verify_ledger import flipped, tampered
from tests.sealed import forget_anchors, leaves, sealed
from tests.world import World

pytestmark = pytest.mark.usefixtures("database_of_the_module")


def _meanwhile(world: World) -> None:
    """Record, seal and anchor, over a connection of its own."""

    def work() -> None:
        try:
            states.new_item(world.analyst)
            assert seal_due(world.system.tenant_id) is True
            assert anchor_due(world.system.tenant_id) is True
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Iterator[None]:
    """Checkpoints are kept outside."""
    settings.AMENDS_ANCHOR_DIR = str(tmp_path)
    yield
    forget_anchors()


@pytest.mark.parametrize("whose", ["all", "one"])
@pytest.mark.usefixtures("folder")
def test_what_is_sealed_while_leaves_are_read_is_not_missed(
    world: World, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.system.tenant_id
    states.in_progress(world.analyst)
    size = sealed(tenant).size
    assert anchor_due(tenant) is True
    streamed = tree_checks._streamed  # noqa: SLF001  -- to be there while it is read
    times: list[int] = []

    def slowly(name: str, statement: str) -> Iterator[Any]:
        for number, row in enumerate(streamed(name, statement)):
            if number == 0:
                times.append(number)
                _meanwhile(world)
            yield row

    monkeypatch.setattr(tree_checks, "_streamed", slowly)
    if whose == "all":
        assert verify().sealed >= size
    else:
        report = verify_tenant(tenant, Report())
        assert (report.sealed, report.entries) == (size, size)
    assert times == [0]
    assert len(leaves(tenant)) == size + 1


def test_what_is_recorded_while_chains_are_read_is_not_missed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.system.tenant_id
    size = sealed(tenant).size
    heads = checks._verify_heads  # noqa: SLF001  -- to be there after chains

    def slowly() -> None:
        _meanwhile(world)
        heads()

    monkeypatch.setattr(checks, "_verify_heads", slowly)
    report = verify_tenant(tenant, Report())
    assert (report.entries, report.sealed) == (size, size)


def test_a_check_of_one_tenant_reads_that_tenants_entries(world: World) -> None:
    mine, other = world.system.tenant_id, world.outsider.tenant_id
    item = states.in_progress(world.analyst)
    sealed(mine)
    entry = states.history(world, "work_item", item.id)[-1]
    report = verify_tenant(mine, Report())
    assert (report.tenants, report.entries) == (1, len(leaves(mine)))
    assert report.entries > 3
    for column in ("body", "hash"):
        with tampered(entry, "ledger_ledgerentry", column, flipped):
            counted = Report()
            with pytest.raises(Broken) as broken:
                verify_tenant(mine, counted)
            assert isinstance(broken.value.entry, uuid.UUID)
            assert (broken.value.entry, broken.value.kind) == (entry.id, "bytes")
            assert counted.entries > 0
            assert verify_tenant(other, Report()).tenants == 1
