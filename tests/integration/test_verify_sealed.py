"""`verify_ledger` on what was sealed: whatever the superuser does to it shows, with the first bad
entry and the kind of what is wrong.

The worker's database is shared with other tests, so every change is taken back.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.canonical import canonical, leaf_hash
from ledger.hashed_columns import COLUMNS
from ledger.selectors import Entry, entries_by_id
from ledger.tenancy import tenant_scope
from ledger.tree.anchoring import anchor_due
from ledger.tree.sealer import seal_due, seal_portion
from ledger.tree.signed_notes import SignedTree, signed
from ledger.tree.signing_keys import key_ring
from ledger.verify import Report, verify_tenant
from tests import states
from tests.integration.test_sealing import recorded
from tests.integration.test_verify_ledger import flipped, force, tampered, without
from tests.sealed import forget_anchors, leaves, sealed
from tests.verifying import run
from tests.world import World

pytestmark = pytest.mark.usefixtures("database_of_the_module")


@pytest.fixture
def undone(world: World) -> tuple[uuid.UUID, list[Entry]]:
    """A work item that was undone and sealed, and its entries."""
    begun = states.compensating(world.analyst, compensation={"self_undo": True})
    states.undo(begun.attempt.compensation_id, world.analyst)
    sealed(world.system.tenant_id)
    return begun.original.id, states.history(world, "work_item", begun.original.id)


@pytest.fixture(autouse=True)
def _holds_afterwards(world: World, settings: Any) -> Iterator[None]:
    yield
    settings.AMENDS_ANCHOR_DIR = ""
    forget_anchors()
    assert run()[::2] == (0, "")


def broken(entry: uuid.UUID | None, *words: str, kind: str) -> str:
    """The command exits 1, names the entry and says what kind of thing is wrong. Returns that."""
    code, out, err = run()
    assert (code, out) == (1, "")
    assert err.rstrip().endswith(f"({kind})"), err
    if entry is not None:
        assert f"entry {entry}" in err
    for word in words:
        assert word in err
    return err


@contextlib.contextmanager
def rewritten(table: str, where: str, values: list[Any], **columns: Any) -> Iterator[None]:
    """Columns of one row hold other values for the length of the block."""
    names = list(columns)
    read = f"SELECT {', '.join(names)} FROM {table} WHERE {where}"  # noqa: S608  -- own names
    (before,) = force(read, values)
    change = f"UPDATE {table} SET {', '.join(f'{n} = %s' for n in names)} WHERE {where}"  # noqa: S608  -- own names
    force(change, [*columns.values(), *values])
    try:
        yield
    finally:
        force(change, [*before, *values])


def test_what_is_sealed_is_counted(world: World, undone: tuple[uuid.UUID, list[Entry]]) -> None:
    tenant = world.system.tenant_id
    report = verify_tenant(tenant, Report())
    assert report.sealed == report.entries == len(leaves(tenant))
    assert (report.tenants, report.erased) == (1, 0)
    states.new_item(world.analyst)
    again = verify_tenant(tenant, Report())
    assert (again.sealed, again.entries) == (report.sealed, report.entries + 1)


def test_a_changed_byte_in_each_column(undone: tuple[uuid.UUID, list[Entry]]) -> None:
    entry = undone[1][2]
    changes: dict[str, Any] = {
        "body": flipped, "hash": flipped, "previous_hash": flipped, "kind": "ADMIN",
        "action": "rejected", "from_status": "PENDING", "to_status": "REJECTED",
        "subject_version": 77, "actor_id": uuid.uuid4(), "actor_type": "AGENT",
        "actor_role": "x", "on_behalf_of_id": uuid.uuid4(), "caused_by_id": uuid.uuid4(),
        "caused_by_hash": b"\1" * 32, "original_id": uuid.uuid4(), "original_hash": b"\1" * 32,
        "correlation_id": uuid.uuid4(), "case_id": uuid.uuid4(), "completion_seq": 5,
        "compensation": {"mode": "human"}, "at": "2020-01-01T00:00:00Z",
    }  # fmt: skip
    assert {*changes, "id", "tenant_id", "subject_type", "subject_id", "subject_seq"} == {*COLUMNS}
    kinds = {"body": "bytes", "hash": "bytes", "previous_hash": "chain"}
    for column, value in changes.items():
        with tampered(entry, "ledger_ledgerentry", column, value):
            broken(entry.id, kind=kinds.get(column, "column"))


def test_two_entries_with_each_others_ids(undone: tuple[uuid.UUID, list[Entry]]) -> None:
    first, second = undone[1][1], undone[1][2]
    between = uuid.uuid4()
    swap = "UPDATE ledger_ledgerentry SET id = %s WHERE id = %s"

    def swapped() -> None:
        for new, old in ((between, first.id), (first.id, second.id), (second.id, between)):
            force(swap, [new, old])

    swapped()
    try:
        broken(second.id, "column id", kind="column")
    finally:
        swapped()


def _envelope(entry: Entry) -> dict[str, Any]:
    ((body,),) = force(
        "SELECT convert_from(body, 'UTF8')::json FROM ledger_ledgerentry WHERE id = %s", [entry.id]
    )
    assert isinstance(body, dict)
    return body


@contextlib.contextmanager
def rehashed(entries: list[Entry], at: int, **said: Any) -> Iterator[None]:
    """From one entry on a chain says something else, with every hash and its head made anew."""
    with contextlib.ExitStack() as stack:
        previous = entries[at].previous_hash
        for number, entry in enumerate(entries[at:]):
            envelope = _envelope(entry) | (said if number == 0 else {})
            envelope["previous_hash"] = None if previous is None else previous.hex()
            body = canonical(envelope)
            previous = leaf_hash(body)
            columns = {"body": body, "hash": previous, **(said if number == 0 else {})}
            if number:
                columns["previous_hash"] = bytes.fromhex(envelope["previous_hash"])
            stack.enter_context(rewritten("ledger_ledgerentry", "id = %s", [entry.id], **columns))
        stack.enter_context(
            rewritten(
                "ledger_ledgerhead", "subject_id = %s", [entries[0].subject_id], hash=previous
            )
        )
        yield


@pytest.fixture
def lone(world: World) -> list[Entry]:
    """A sealed chain that nothing else follows from."""
    item = states.in_progress(world.analyst)
    sealed(world.system.tenant_id)
    return states.history(world, "work_item", item.id)


def test_a_re_hashed_chain_is_not_what_was_sealed(lone: list[Entry]) -> None:
    """Chain, bytes, columns and head fit each other; only the tree knows better."""
    sealed_at = {entry.id: entry for entry in lone}
    with rehashed(lone, 0, correlation_id=str(uuid.uuid4())):
        code, _, err = run()
        assert code == 1
        assert err.rstrip().endswith("(tree)")
        assert any(f"entry {id_}" in err for id_ in sealed_at)
        assert "is not what was sealed" in err


def test_a_re_hashed_chain_with_its_leaves_has_another_root(
    world: World, lone: list[Entry]
) -> None:
    tenant = world.system.tenant_id
    with rehashed(lone, 0, correlation_id=str(uuid.uuid4())), contextlib.ExitStack() as stack:
        for entry in lone:
            ((now,),) = force("SELECT hash FROM ledger_ledgerentry WHERE id = %s", [entry.id])
            where = "tenant_id = %s AND entry_id = %s"
            stack.enter_context(
                rewritten("ledger_ledgerleaf", where, [tenant, entry.id], leaf_hash=now)
            )
        newest = sealed(tenant).size
        first, last = leaves(tenant)[0][1], leaves(tenant)[-1][1]
        said = f"one of the entries from {first} to {last}, is not what was sealed"
        told = broken(None, f"the checkpoint of {newest} entries has another root", said,
                      kind="checkpoint")  # fmt: skip
        # Which of them it is nobody knows.
        assert "hold. the checkpoint" in told


def test_a_cause_that_points_elsewhere(undone: tuple[uuid.UUID, list[Entry]]) -> None:
    last, other = undone[1][-1], undone[1][0]
    with rewritten(
        "ledger_ledgerentry", "id = %s", [last.id],
        caused_by_id=other.id, caused_by_hash=other.hash,
    ):  # fmt: skip
        broken(last.id, "caused_by", kind="column")


@contextlib.contextmanager
def gone(world: World, item: uuid.UUID, entries: list[Entry], *, leaf: bool) -> Iterator[None]:
    """Entries are gone with their payloads, and with their leaves if said; the head goes back."""
    rows = [("ledger_payload", "entry_id", each.id) for each in entries]
    rows += [("ledger_ledgerentry", "id", each.id) for each in entries]
    rows += [("ledger_ledgerleaf", "entry_id", each.id) for each in entries] if leaf else []
    with without(*rows):
        yield


def test_a_removed_middle(world: World, lone: list[Entry]) -> None:
    """The rest of the chain is made to fit."""
    item = lone[0].subject_id
    with gone(world, item, lone[:1], leaf=False):
        broken(lone[1].id, "should go on at 1", kind="chain")


def test_a_payload_removed_by_hand(lone: list[Entry]) -> None:
    """Every hash holds without it: it counts as erased only where a receipt tells of it."""
    with without(("ledger_payload", "entry_id", lone[0].id)):
        broken(lone[0].id, "is gone, and no receipt tells of it", kind="payload")


def test_a_removed_tail_that_nobody_misses(world: World, lone: list[Entry]) -> None:
    """Entry, payloads, head and row go back together; the tree knows that there was more."""
    *_, before, last = lone
    item = last.subject_id
    head = {"seq": before.subject_seq, "hash": before.hash, "entry_id": before.id}
    row = {"status": before.to_status, "version": before.subject_version}
    with (
        rewritten("ledger_ledgerhead", "subject_id = %s", [item], **head),
        rewritten("workitems_workitem", "id = %s", [item], **row),
    ):
        with gone(world, item, [last], leaf=False):
            broken(last.id, "was sealed, and is gone", kind="removed")
        with gone(world, item, [last], leaf=True):
            broken(None, "end of the tree is gone", kind="removed")


def rows_of(entry: Entry) -> list[tuple[str, str, uuid.UUID]]:
    """Return what there is of a subject that has one entry, and no row of its own."""
    return [
        ("ledger_ledgerhead", "subject_id", entry.subject_id),
        ("ledger_payload", "entry_id", entry.id),
        ("ledger_ledgerentry", "subject_id", entry.subject_id),
    ]


def test_a_whole_subject_removed(world: World) -> None:
    tenant = world.system.tenant_id
    entry = alone(world)
    last = sealed(tenant).size
    states.new_item(world.analyst)
    sealed(tenant)
    rows = rows_of(entry)
    with without(*rows):
        broken(entry.id, "was sealed, and is gone", kind="removed")
    with without(*rows, ("ledger_ledgerleaf", "entry_id", entry.id)):
        broken(leaves(tenant)[-1][1], f"at {last - 1} of the tree is gone", kind="removed")


def alone(world: World) -> Entry:
    """Record one entry about a channel of its own."""
    tenant = world.system.tenant_id
    (id_,) = recorded(world, 1)
    with tenant_scope(tenant):
        return entries_by_id(tenant, [id_])[id_]


def test_leaves_in_another_order(world: World, lone: list[Entry]) -> None:
    tenant = world.system.tenant_id
    (one, a, _), (two, b, _) = leaves(tenant)[:2]
    move = "UPDATE ledger_ledgerleaf SET tree_index = %s WHERE tenant_id = %s AND entry_id = %s"

    def ordered(*places: tuple[int, uuid.UUID]) -> None:
        force(move, [-1, tenant, a])
        for index, entry in reversed(places):
            force(move, [index, tenant, entry])

    ordered((two, a), (one, b))
    try:
        assert "hold. the checkpoint" in broken(
            None, "has another root", f"from {b} to {leaves(tenant)[-1][1]}", kind="checkpoint"
        )
    finally:
        ordered((one, a), (two, b))


def test_an_entry_twice_in_the_tree(world: World, lone: list[Entry]) -> None:
    """It takes another's place; two places for one the keys refuse."""
    tenant = world.system.tenant_id
    (_, a, hash_), (_, b, _) = leaves(tenant)[:2]
    where = "tenant_id = %s AND entry_id = %s"
    with rewritten("ledger_ledgerleaf", where, [tenant, b], leaf_hash=hash_):
        broken(b, "is not what was sealed", kind="tree")
    assert a != b


def test_an_entry_that_nobody_would_seal(world: World, lone: list[Entry]) -> None:
    item = states.new_item(world.analyst).id
    (entry,) = states.history(world, "work_item", item)
    with without(("ledger_unsealedentry", "entry_id", entry.id)):
        broken(entry.id, "neither sealed nor waiting", kind="tree")


def test_a_replaced_checkpoint(world: World, lone: list[Entry]) -> None:
    tenant = world.system.tenant_id
    newest = sealed(tenant)
    where, values = "tenant_id = %s AND size = %s", [tenant, newest.size]
    with rewritten("ledger_checkpoint", where, values, root=b"\1" * 32):
        broken(None, "something else than its columns", kind="checkpoint")
    tree = SignedTree(f"localhost:8000/ledger/{tenant}", newest.size, b"\1" * 32)
    note = signed(tree, [Ed25519PrivateKey.generate()])
    with rewritten("ledger_checkpoint", where, values, root=b"\1" * 32, note=note):
        broken(None, "no known key", kind="forged")
    with rewritten("ledger_checkpoint", where, values, consistency=b"\1" * 32):
        broken(None, "does not go on", kind="checkpoint")


def test_a_forged_signature(world: World, lone: list[Entry]) -> None:
    tenant = world.system.tenant_id
    newest = sealed(tenant)
    at = len(newest.note) - 20
    other = "A" if newest.note[at] != "A" else "B"
    note = newest.note[:at] + other + newest.note[at + 1 :]
    where, values = "tenant_id = %s AND size = %s", [tenant, newest.size]
    with rewritten("ledger_checkpoint", where, values, note=note):
        broken(None, "signature is not of its text", kind="forged")


def test_a_database_that_is_older_than_its_anchor(
    world: World, lone: list[Entry], settings: Any, tmp_path: Path
) -> None:
    """As after an old dump was put back: everything in it fits, but outside more is known."""
    tenant = world.system.tenant_id
    older = sealed(tenant)
    entry = alone(world)
    settings.AMENDS_ANCHOR_DIR = str(tmp_path)
    newer = sealed(tenant)
    assert anchor_due(tenant) is True
    rows = [*rows_of(entry), ("ledger_ledgerleaf", "entry_id", entry.id)]
    dropped = "DELETE FROM ledger_checkpoint WHERE tenant_id = %s AND size = %s RETURNING *"
    ((_, size, *rest),) = force(dropped, [tenant, newer.size])
    try:
        with (
            without(*rows),
            rewritten("ledger_ledgertree", "tenant_id = %s", [tenant], sealed_size=older.size),
        ):
            broken(
                None, "ROLLBACK", f"{newer.size} entries", f"one of {older.size}", kind="rollback"
            )
            # Nothing more is sealed on top of it.
            states.new_item(world.bystander)
            assert seal_portion(tenant) == 0
            ((trouble,),) = force(
                "SELECT trouble FROM ledger_ledgertree WHERE tenant_id = %s", [tenant]
            )
            assert trouble.startswith("ROLLBACK")
    finally:
        force("INSERT INTO ledger_checkpoint VALUES (%s, %s, %s, %s, %s, %s, %s)",
              [tenant, size, *rest])  # fmt: skip
    # Put right, it goes on.
    assert seal_due(tenant) is True
    ((trouble,),) = force("SELECT trouble FROM ledger_ledgertree WHERE tenant_id = %s", [tenant])
    assert trouble == ""


def test_a_tree_rewritten_below_its_anchor(
    world: World, lone: list[Entry], settings: Any, tmp_path: Path
) -> None:
    tenant = world.system.tenant_id
    newest = sealed(tenant)
    folder = tmp_path / str(tenant)
    folder.mkdir()
    settings.AMENDS_ANCHOR_DIR = str(tmp_path)
    other = SignedTree(f"localhost:8000/ledger/{tenant}", newest.size - 1, b"\7" * 32)
    (folder / f"{newest.size - 1:020d}.checkpoint").write_text(signed(other, key_ring().signing))
    broken(None, "REWRITTEN", kind="rollback")
