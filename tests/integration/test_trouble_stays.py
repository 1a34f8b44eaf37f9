"""Trouble that was found outside stays until what is outside has been compared again."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.models import LedgerTree
from ledger.tenancy import system_scope
from ledger.tree import anchor_comparison, tree_checks
from ledger.tree.anchoring import TREES, anchor_due
from ledger.tree.anchors import newest_anchor
from ledger.tree.sealer import origin_of, seal_due
from ledger.tree.signed_notes import SignedTree, signed
from ledger.tree.signing_keys import key_ring
from tests import states
from tests.sealed import forget_anchors, sealed
from tests.verifying import run
from tests.world import World


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    """Where checkpoints are kept outside."""
    settings.AMENDS_ANCHOR_DIR = str(tmp_path / "anchors")
    (tmp_path / "anchors").mkdir()
    yield tmp_path / "anchors"
    forget_anchors()


def tree(tenant: uuid.UUID) -> LedgerTree:
    with system_scope("seal"):
        return LedgerTree.objects.get(tenant_id=tenant)


def put_larger(folder: Path, tenant: uuid.UUID, size: int) -> Path:
    """Somebody who had our key has put a larger tree there, as before a restore; the pointer, which
    nothing may replace there, is behind."""
    path = folder / str(tenant) / f"{size:020d}.checkpoint"
    path.parent.mkdir(exist_ok=True)
    path.write_text(signed(SignedTree(origin_of(tenant), size, b"\1" * 32), key_ring().signing))
    return path


def in_trouble(world: World, folder: Path) -> Path:
    """Have a tree compared with a larger one that is outside, by who anchors."""
    tenant = world.system.tenant_id
    size = sealed(tenant).size
    assert anchor_due(tenant) is True
    path = put_larger(folder, tenant, size + 5)
    with system_scope("seal"):
        TREES.put_back(tenant, tenant, 0.0)
    assert anchor_due(tenant) is True
    assert tree(tenant).trouble.startswith("ROLLBACK: ")
    return path


def still_stopped(tenant: uuid.UUID, size: int) -> None:
    assert seal_due(tenant) is False
    kept = tree(tenant)
    assert kept.trouble.startswith("ROLLBACK: outside there is a signed checkpoint of ")
    assert kept.sealed_size == size


@pytest.mark.parametrize("why", [PermissionError(13, "denied"), OSError(5, "input/output error")])
def test_a_folder_that_cannot_be_read_takes_no_trouble_back(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, why: OSError
) -> None:
    tenant = world.system.tenant_id
    larger = in_trouble(world, folder)
    size = tree(tenant).sealed_size
    states.new_item(world.analyst)

    def unreadable(*_given: object, **_more: object) -> None:
        raise why

    with monkeypatch.context() as patch:
        patch.setattr(anchor_comparison, "newest_anchor", unreadable)
        still_stopped(tenant, size)
        anchor_comparison._compared_at.clear()  # noqa: SLF001  -- as in a new process
        still_stopped(tenant, size)
    still_stopped(tenant, size)
    larger.unlink()
    assert seal_due(tenant) is True
    assert (tree(tenant).trouble, tree(tenant).sealed_size) == ("", size + 1)


def test_no_folder_takes_no_trouble_back_either(world: World, folder: Path, settings: Any) -> None:
    tenant = world.system.tenant_id
    larger = in_trouble(world, folder)
    size = tree(tenant).sealed_size
    states.new_item(world.analyst)
    settings.AMENDS_ANCHOR_DIR = ""
    still_stopped(tenant, size)
    # Nor does one where nothing was ever put: it is lost from there.
    settings.AMENDS_ANCHOR_DIR = str(folder.parent / "other")
    (folder.parent / "other").mkdir()
    assert seal_due(tenant) is False
    assert tree(tenant).trouble.startswith("ANCHOR LOST: ")
    settings.AMENDS_ANCHOR_DIR = str(folder)
    still_stopped(tenant, size)
    larger.unlink()
    assert seal_due(tenant) is True
    assert tree(tenant).trouble == ""


@pytest.mark.parametrize("where", ["another folder", "where nothing is mounted"])
def test_nothing_outside_takes_no_trouble_back_of_a_dump_that_knows_of_no_anchor(
    world: World, folder: Path, settings: Any, where: str
) -> None:
    """It is older than the first that was put outside: of that it misses nothing."""
    tenant = world.system.tenant_id
    larger = in_trouble(world, folder)
    size = tree(tenant).sealed_size
    states.new_item(world.analyst)
    with system_scope("seal"):
        LedgerTree.objects.filter(tenant_id=tenant).update(anchored_size=0)
    kept, empty = folder.with_name("kept"), folder
    if where == "another folder":
        kept, empty = folder, folder.with_name("other")
        settings.AMENDS_ANCHOR_DIR = str(empty)
    else:
        folder.rename(kept)
    empty.mkdir()
    still_stopped(tenant, size)
    anchor_comparison._compared_at.clear()  # noqa: SLF001  -- as in a new process
    still_stopped(tenant, size)
    # Nor is anything put there, with which it would agree.
    with system_scope("seal"):
        TREES.put_back(tenant, tenant, 0.0)
    assert anchor_due(tenant) is True
    assert [*empty.iterdir()] == []
    assert tree(tenant).anchored_size == 0
    still_stopped(tenant, size)
    settings.AMENDS_ANCHOR_DIR = str(kept)
    still_stopped(tenant, size)
    (kept / larger.relative_to(folder)).unlink()
    assert seal_due(tenant) is True
    assert (tree(tenant).trouble, tree(tenant).sealed_size) == ("", size + 1)


def test_a_folder_that_cannot_be_read_is_not_asked_for_each_portion(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    assert anchor_due(tenant) is True
    asked: list[str] = []

    def unreadable(*_given: object, **_more: object) -> None:
        asked.append("read")
        raise PermissionError(13, "denied")

    def changing(*_given: object) -> None:
        asked.append("changed")

    def asked_for_another() -> list[str]:
        asked.clear()
        states.new_item(world.analyst)
        assert seal_due(tenant) is True
        return [*asked]

    monkeypatch.setattr(anchor_comparison, "newest_anchor", unreadable)
    monkeypatch.setattr(anchor_comparison, "changed_at", changing)
    caplog.clear()
    assert [asked_for_another() for _ in range(3)] == [["changed", "read"], [], []]
    assert caplog.text.count("the anchors cannot be read") == 1
    # Once the minute is over, where another was put, and where the tree was put back beneath us.
    with monkeypatch.context() as patch:
        patch.setattr(anchor_comparison, "_UNREADABLE_SECONDS", 0.0)
        assert "read" in asked_for_another()
    assert asked_for_another() == []
    assert anchor_due(tenant) is True
    assert "read" in asked_for_another()
    failed = anchor_comparison._unreadable  # noqa: SLF001  -- as before a restore
    failed[tenant] = dataclasses.replace(failed[tenant], size=10**6)
    assert "read" in asked_for_another()


def test_what_is_put_while_a_folder_cannot_be_read_is_found_when_it_can(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    assert anchor_due(tenant) is True
    states.new_item(world.analyst)
    size = sealed(tenant).size
    larger = put_larger(folder, tenant, size + 50)

    def unreadable(*_given: object, **_more: object) -> None:
        raise PermissionError(13, "denied")

    with monkeypatch.context() as patch:
        patch.setattr(anchor_comparison, "newest_anchor", unreadable)
        states.new_item(world.analyst)
        assert seal_due(tenant) is True
    assert tree(tenant).sealed_size == size + 1
    with monkeypatch.context() as patch:
        patch.setattr(anchor_comparison, "_UNREADABLE_SECONDS", 0.0)
        states.new_item(world.analyst)
        still_stopped(tenant, size + 1)
    # In trouble it is tried each time: what was put right is not waited for.
    with monkeypatch.context() as patch:
        patch.setattr(anchor_comparison, "newest_anchor", unreadable)
        still_stopped(tenant, size + 1)
    larger.unlink()
    assert seal_due(tenant) is True
    assert (tree(tenant).trouble, tree(tenant).sealed_size) == ("", size + 2)


def test_trouble_that_is_found_while_one_looks_is_not_taken_back(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who anchors may find it after the sealer has read what is outside, and before it has locked
    the tree."""
    tenant = world.system.tenant_id
    size = sealed(tenant).size
    states.new_item(world.analyst)
    looking = newest_anchor

    def looking_while_it_is_put(*given: Any, **more: Any) -> SignedTree | None:
        before = looking(*given, **more)
        put_larger(folder, tenant, size + 5)
        with system_scope("seal"):
            LedgerTree.objects.filter(tenant_id=tenant).update(
                trouble="ROLLBACK: outside there is a signed checkpoint of more"
            )
        return before

    anchor_comparison._compared_at.clear()  # noqa: SLF001  -- as in a new process
    with monkeypatch.context() as patch:
        patch.setattr(anchor_comparison, "newest_anchor", looking_while_it_is_put)
        still_stopped(tenant, size)
    still_stopped(tenant, size)


@pytest.mark.parametrize("process", ["a new process", "one that has compared"])
def test_a_pointer_that_is_behind_hides_nothing(world: World, folder: Path, process: str) -> None:
    tenant = world.system.tenant_id
    size = sealed(tenant).size
    assert anchor_due(tenant) is True
    states.new_item(world.analyst)
    size = sealed(tenant).size
    larger = put_larger(folder, tenant, size + 5)
    if process == "a new process":
        anchor_comparison._compared_at.clear()  # noqa: SLF001  -- it is one
    states.new_item(world.analyst)
    still_stopped(tenant, size)
    larger.unlink()
    assert seal_due(tenant) is True


def test_an_unreadable_folder_is_one_sentence_of_the_check(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed(world.system.tenant_id)

    def unreadable(*_given: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(tree_checks, "anchored_tenants", unreadable)
    said = f"What is kept outside cannot be read: [Errno 13] Permission denied: '{folder}'\n"
    assert run() == (2, "", said)
