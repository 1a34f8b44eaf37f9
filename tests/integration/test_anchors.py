"""Anchors: checkpoints outside, put there as due rows, whatever the place is like."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection

from ledger.broken import Broken
from ledger.dispatch import runner
from ledger.models import LedgerTree
from ledger.tenancy import system_scope
from ledger.tree import anchor_comparison, anchoring, sealer
from ledger.tree.anchoring import TREES, anchor_due
from ledger.tree.anchors import newest_anchor
from ledger.tree.sealer import UnsealedTrees, seal_due
from ledger.tree.signed_notes import SignedTree, signed
from ledger.tree.signing_keys import NoKey, key_ring
from ledger.tree.sources import SEALING
from ledger.tree.stored_tree import Torn
from ledger.verify import Report, verify_tenant
from tests import states
from tests.sealed import forget_anchors, sealed, troubled
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


def is_due(tenant: uuid.UUID) -> bool:
    return tenant in {row[1] for row in TREES.due(["upkeep"], limit=100_000)}


def test_the_newest_checkpoint_is_put_outside_and_stays(world: World, folder: Path) -> None:
    tenant = world.system.tenant_id
    first = sealed(tenant)
    assert is_due(tenant)
    assert runner.work_row("ledger_anchoring", tenant, tenant) is True
    assert not is_due(tenant)
    (path,) = (folder / str(tenant)).glob("*.checkpoint")
    assert (path.name, path.read_text()) == (f"{first.size:020d}.checkpoint", first.note)
    kept = tree(tenant)
    assert (kept.anchored_size, kept.sealed_size, kept.attempts) == (first.size, first.size, 0)
    assert kept.anchored_at is not None
    # Looked at before its time it is nobody's.
    assert anchor_due(tenant) is False
    states.new_item(world.analyst)
    second = sealed(tenant)
    assert anchor_due(tenant) is True
    names = sorted(each.name for each in (folder / str(tenant)).glob("*.checkpoint"))
    assert names == [f"{size:020d}.checkpoint" for size in (first.size, second.size)]
    found = newest_anchor(folder, tenant, kept.origin, key_ring().publics)
    assert found == SignedTree(kept.origin, second.size, second.root)


def test_a_place_that_is_away_or_full_is_tried_again_and_holds_nothing_up(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.system.tenant_id
    folder.rmdir()
    folder.write_text("not a directory")
    sealed(tenant)
    assert anchor_due(tenant) is True
    failed = tree(tenant)
    assert (failed.anchored_size, failed.attempts) == (0, 1)
    assert "Not a directory" in failed.last_error
    assert not is_due(tenant)
    # Work goes on, and is sealed, as ever; it asks the full disk no sooner.
    states.new_item(world.analyst)
    assert seal_due(tenant) is True
    assert not is_due(tenant)
    folder.unlink()
    folder.mkdir()

    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(anchoring, "put_anchor", full)
        _now(tenant)
        assert anchor_due(tenant) is True
    failed = tree(tenant)
    assert (failed.anchored_size, failed.attempts) == (0, 2)
    assert "No space left on device" in failed.last_error
    _now(tenant)
    assert anchor_due(tenant) is True
    put = tree(tenant)
    assert (put.anchored_size, put.attempts, put.last_error) == (put.sealed_size, 0, "")


def test_after_weeks_too_the_pause_is_a_number(world: World, folder: Path) -> None:
    tenant = world.system.tenant_id
    folder.rmdir()
    sealed(tenant)
    with system_scope("seal"):
        LedgerTree.objects.filter(tenant_id=tenant).update(attempts=5000)
    assert anchor_due(tenant) is True
    assert (tree(tenant).attempts, is_due(tenant)) == (5001, False)
    folder.mkdir()
    _now(tenant)
    assert anchor_due(tenant) is True
    put = tree(tenant)
    assert (put.anchored_size, put.attempts) == (put.sealed_size, 0)


def _now(tenant: uuid.UUID) -> None:
    with system_scope("seal"):
        TREES.put_back(tenant, tenant, 0.0)


def test_an_anchor_that_is_not_ours_is_passed_over(world: World, folder: Path) -> None:
    """Whoever can write there cannot stop the sealing by a tree that never was."""
    tenant = world.system.tenant_id
    newest = sealed(tenant)
    assert anchor_due(tenant) is True
    origin = tree(tenant).origin
    there = folder / str(tenant)
    stranger = signed(SignedTree(origin, 10**6, b"\1" * 32), [Ed25519PrivateKey.generate()])
    (there / f"{10**6:020d}.checkpoint").write_text(stranger)
    other = signed(SignedTree("other/ledger/1", 10**7, b"\1" * 32), key_ring().signing)
    (there / f"{10**7:020d}.checkpoint").write_text(other)
    (there / f"{10**8:020d}.checkpoint").write_bytes(b"\xff\xfe")
    (there / "README").write_text("Do not touch")
    found = newest_anchor(folder, tenant, origin, key_ring().publics)
    assert found == SignedTree(origin, newest.size, newest.root)
    states.new_item(world.analyst)
    assert seal_due(tenant) is True


def test_nowhere_is_fine_too(world: World, settings: Any) -> None:
    settings.AMENDS_ANCHOR_DIR = ""
    tenant = world.system.tenant_id
    sealed(tenant)
    assert anchor_due(tenant) is True
    kept = tree(tenant)
    assert (kept.anchored_size, kept.last_error) == (0, "")
    assert not is_due(tenant)


def _emptied(folder: Path) -> None:
    for each in folder.rglob("*.checkpoint"):
        each.unlink()


def _older(folder: Path) -> None:
    """Only the first of two is left."""
    *_, newest = sorted(folder.rglob("*.checkpoint"))
    newest.unlink()


def _away(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


@pytest.mark.parametrize("lost", [_emptied, _older, _away])
def test_an_anchor_that_is_gone_is_trouble_and_not_silence(
    world: World, folder: Path, lost: Callable[[Path], None]
) -> None:
    tenant = world.system.tenant_id
    first = sealed(tenant)
    assert anchor_due(tenant) is True
    states.new_item(world.analyst)
    size = sealed(tenant).size
    assert anchor_due(tenant) is True
    kept = {p.relative_to(folder): p.read_text() for p in folder.rglob("*.checkpoint")}
    assert len(kept) == 2
    lost(folder)
    with pytest.raises(Broken, match="ANCHOR LOST") as broken:
        verify_tenant(tenant, Report())
    assert broken.value.kind == "anchor"
    # A worker that begins looks there before it seals.
    anchor_comparison._compared_at.clear()  # noqa: SLF001  -- as in a new process
    states.new_item(world.analyst)
    assert seal_due(tenant) is False
    assert tree(tenant).trouble.startswith("ANCHOR LOST: ")
    assert tree(tenant).sealed_size == size > first.size
    # Nor is another put in its place, as if nothing had happened.
    _now(tenant)
    assert anchor_due(tenant) is True
    assert tree(tenant).trouble.startswith("ANCHOR LOST: ")
    assert tree(tenant).anchored_size == size
    # Put back, it goes on.
    for name, note in kept.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(note)
    assert seal_due(tenant) is True
    assert (tree(tenant).trouble, tree(tenant).seal_at) == ("", None)


def test_the_folder_itself_is_never_made(world: World, folder: Path) -> None:
    tenant = world.system.tenant_id
    folder.rmdir()
    sealed(tenant)
    assert anchor_due(tenant) is True
    assert not folder.exists()
    failed = tree(tenant)
    assert (failed.anchored_size, failed.attempts) == (0, 1)
    assert "No such file" in failed.last_error


def listings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the folders that are listed from now on, as they are."""
    listed: list[Path] = []
    listing = Path.iterdir

    def listing_told(path: Path) -> Any:
        listed.append(path)
        return listing(path)

    monkeypatch.setattr(Path, "iterdir", listing_told)
    return listed


def test_the_folder_is_not_listed_for_each_checkpoint_that_is_put(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.system.tenant_id
    there = folder / str(tenant)
    listed = listings(monkeypatch)

    def listed_for_another() -> list[Path]:
        states.new_item(world.analyst)
        size = sealed(tenant).size
        listed.clear()
        assert anchor_due(tenant) is True
        assert tree(tenant).anchored_size == size
        assert (there / f"{size:020d}.checkpoint").exists()
        return [*listed]

    # A process that begins looks at all of it once.
    assert [listed_for_another() for _ in range(3)] == [[there], [], []]
    # Tonight, with nothing to put, all of it is compared.
    _now(tenant)
    listed.clear()
    assert anchor_due(tenant) is True
    assert listed == [there]
    assert listed_for_another() == []
    # Where something is put at all hours it is compared every night too.
    with monkeypatch.context() as patch:
        patch.setattr(anchoring, "NIGHTLY_SECONDS", 0.0)
        assert listed_for_another() == [there]
    # And where the tree is smaller than this process has seen it, as after a restore.
    place = (str(folder), tenant)
    anchoring._listed[place] = (anchoring._listed[place][0], 10**6)  # noqa: SLF001  -- as it was then
    assert listed_for_another() == [there]
    assert listed_for_another() == []


def test_in_trouble_all_that_is_there_is_looked_at(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    assert anchor_due(tenant) is True
    states.new_item(world.analyst)
    sealed(tenant)
    troubled(tenant, "REWRITTEN: so it was")
    listed = listings(monkeypatch)
    assert anchor_due(tenant) is True
    assert listed == [folder / str(tenant)]


def test_the_folder_is_not_listed_while_a_tree_is_sealed(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.system.tenant_id
    first = sealed(tenant)
    assert anchor_due(tenant) is True
    listed = listings(monkeypatch)
    read: list[bool] = []
    looking = newest_anchor

    def looking_told(*given: Any, **more: Any) -> Any:
        read.append(connection.in_atomic_block)
        return looking(*given, **more)

    monkeypatch.setattr(anchor_comparison, "newest_anchor", looking_told)
    for _ in range(3):
        states.new_item(world.analyst)
        assert seal_due(tenant) is True
    # One look since another was put, by its name, while nothing was locked.
    assert (listed, read) == ([], [False])
    pointer = folder / str(tenant) / "newest"
    assert pointer.read_text() == f"{first.size:020d}.checkpoint"
    # Who points elsewhere hides nothing: what is smaller than was put last is not believed.
    for said in ("../elsewhere.checkpoint", f"{1:020d}.checkpoint", "x"):
        pointer.write_text(said)
        found = newest_anchor(
            folder, tenant, tree(tenant).origin, key_ring().publics, known=first.size
        )
        assert found is not None
        assert found.size == first.size
    assert len(listed) == 3


def test_a_tree_that_is_not_gone_on_with_is_not_due_for_ever(
    world: World, folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.system.tenant_id
    size = sealed(tenant).size
    # Only with what is outside agrees what was found there before.
    assert anchor_due(tenant) is True
    states.new_item(world.analyst)
    settings.AMENDS_SEAL_SECONDS = 0
    every = UnsealedTrees.due

    def of_this(table: UnsealedTrees, queues: Sequence[str], **given: Any) -> list[Any]:
        # All that earlier tests left would be sealed first: thousands of trees.
        rows = every(table, queues, **{**given, "limit": 100_000})
        return [row for row in rows if row[1] == tenant]

    monkeypatch.setattr(UnsealedTrees, "due", of_this)

    def waits() -> bool:
        return tenant in {row[1] for row in SEALING.table.due(["upkeep"], limit=100_000)}

    def torn(*_given: Any) -> Any:
        raise Torn("a hole")

    def refused(*_given: Any) -> Any:
        raise anchor_comparison.Refused("ROLLBACK: said so")

    def keyless() -> Any:
        raise NoKey("no key to be read")

    ways: list[tuple[str, Any, str]] = [
        ("edge", torn, "TORN: a hole"),
        ("key_ring", keyless, "NO KEY: no key to be read"),
        ("_check", refused, "ROLLBACK: said so"),
        # What was found outside is not covered by what comes after it.
        ("key_ring", keyless, "ROLLBACK: said so"),
    ]
    for attempts, (name, way, trouble) in enumerate(ways, start=1):
        assert waits()
        with monkeypatch.context() as patch:
            patch.setattr(sealer, name, way)
            # It becomes idle, or it would say that it is still busy.
            runner.run_until_idle()
        kept = tree(tenant)
        assert (kept.trouble, kept.sealed_size) == (trouble, size)
        assert kept.seal_attempts == attempts
        assert kept.seal_at is not None
        assert not waits()
        with system_scope("seal"):
            LedgerTree.objects.filter(tenant_id=tenant).update(seal_at=None)
    runner.run_until_idle()
    kept = tree(tenant)
    assert (kept.trouble, kept.seal_attempts, kept.seal_at) == ("", 0, None)
    assert kept.sealed_size > size
    assert not waits()


def test_the_nightly_comparison_reports_an_older_database(world: World, folder: Path) -> None:
    tenant = world.system.tenant_id
    newest = sealed(tenant)
    assert anchor_due(tenant) is True
    later = SignedTree(tree(tenant).origin, newest.size + 5, b"\1" * 32)
    path = folder / str(tenant) / f"{newest.size + 5:020d}.checkpoint"
    path.write_text(signed(later, key_ring().signing))
    _now(tenant)
    assert anchor_due(tenant) is True
    trouble = tree(tenant).trouble
    assert trouble.startswith(f"ROLLBACK: outside there is a signed checkpoint of {later.size} ")
    states.new_item(world.analyst)
    assert seal_due(tenant) is False
    path.unlink()
    assert seal_due(tenant) is True
    assert tree(tenant).trouble == ""
