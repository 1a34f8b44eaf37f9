"""The sealer: dense places, tiles, checkpoints; late commits, crashes, and two at once."""

from __future__ import annotations

import itertools
import os
import threading
import uuid
from typing import Any

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction
from pymerkle import InmemoryTree

from ledger.dispatch import runner
from ledger.ids import new_id
from ledger.models import LedgerTile
from ledger.record import ActorRef, Change, record, record_many
from ledger.tenancy import set_tenant, system_scope, tenant_scope
from ledger.tree import merkle
from ledger.tree.sealer import seal_due, seal_portion
from ledger.tree.signed_notes import SignedTree, opened
from ledger.tree.signing_keys import key_ring
from ledger.tree.sources import SEALING
from ledger.tree.stored_tree import (
    checkpoints,
    consistency_proof,
    inclusion_proof,
    newest_checkpoint,
    root_at,
    seal_lag,
)
from tests import states
from tests.sealed import hashes, leaves, sealed
from tests.vocabulary import declared
from tests.world import World


def root_of(tenant_id: uuid.UUID) -> bytes:
    """Return the root that another implementation makes of the tenant's leaves."""
    tree = InmemoryTree(algorithm="sha256")  # type: ignore[no-untyped-call]
    bodies = bodies_of(tenant_id)
    for _, entry, _hash in leaves(tenant_id):
        tree.append_entry(bodies[entry])
    return bytes(tree.get_root())


def bodies_of(tenant_id: uuid.UUID) -> dict[uuid.UUID, bytes]:
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT id, body FROM ledger_ledgerentry")
        return {row[0]: bytes(row[1]) for row in cursor.fetchall()}


def recorded(world: World, count: int) -> list[uuid.UUID]:
    """Record `count` entries, each of a channel of its own."""
    changes = [
        Change(
            tenant_id=world.system.tenant_id,
            subject_type="channel",
            subject_id=new_id(),
            version=1,
            action="created",
            actor=ActorRef(world.operator.actor_id, "HUMAN", "operator"),
            to_status="OPEN",
            opens=True,
        )
        for _ in range(count)
    ]
    made = []
    with declared("channel", "created"):
        for n in range(0, count, 500):
            with transaction.atomic(durable=True):
                set_tenant(world.system.tenant_id)
                made += [ref.id for ref in record_many(changes[n : n + 500])]
    return made


def test_entries_get_dense_places_and_a_signed_checkpoint(world: World) -> None:
    tenant = world.system.tenant_id
    states.in_progress(world.analyst)
    with tenant_scope(tenant):
        waiting = seal_lag(tenant)
    assert waiting.entries == len(hashes(tenant)) > 3
    assert 0 <= waiting.seconds < 60
    found = sealed(tenant)
    at = leaves(tenant)
    assert [index for index, *_ in at] == list(range(waiting.entries))
    assert {entry: hash_ for _, entry, hash_ in at} == hashes(tenant)
    assert (found.size, found.root, found.previous_size) == (waiting.entries, root_of(tenant), 0)
    said = opened(found.note, key_ring().publics)
    assert said == SignedTree(f"localhost:8000/ledger/{tenant}", found.size, found.root)
    # Nothing is left, and nothing more is signed.
    assert seal_due(tenant) is False
    with tenant_scope(tenant):
        assert len(list(checkpoints(tenant))) == 1


def test_each_portion_goes_on_from_the_last(world: World) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    before = len(leaves(tenant))
    recorded(world, 700)
    for expected in (300, 300, 100, 0):
        assert seal_portion(tenant, most=300) == expected
    with tenant_scope(tenant):
        chain = list(checkpoints(tenant))
        newest = chain[-1]
        assert [each.size - before for each in chain] == [0, 300, 600, 700]
        for older, newer in itertools.pairwise(chain):
            assert newer.previous_size == older.size
            assert merkle.is_consistent(
                older.size, newer.size, older.root, newer.root, newer.consistency
            )
        assert newest.root == root_of(tenant)
        tiles = LedgerTile.objects.filter(tenant_id=tenant).order_by("number")
        # Only full ones.
        assert [(t.level, t.number) for t in tiles] == [(0, n) for n in range(newest.size // 256)]
        for first in (1, before, 255, 256, 257, 511, 512, newest.size):
            path = consistency_proof(tenant, first, newest.size, stored=newest.size)
            root = root_at(tenant, first, stored=newest.size)
            assert merkle.is_consistent(first, newest.size, root, newest.root, path)
        for index, _, hash_ in leaves(tenant)[::37]:
            path = inclusion_proof(tenant, index, newest.size, stored=newest.size)
            assert merkle.root_of_inclusion(hash_, index, newest.size, path) == newest.root


def test_a_proof_of_an_older_tree_is_read_from_the_present_one(world: World) -> None:
    tenant = world.system.tenant_id
    older = sealed(tenant)
    recorded(world, 600)
    newer = sealed(tenant)
    with tenant_scope(tenant):
        for index, _, hash_ in leaves(tenant)[: older.size]:
            path = inclusion_proof(tenant, index, older.size, stored=newer.size)
            assert merkle.root_of_inclusion(hash_, index, older.size, path) == older.root


def test_a_commit_that_comes_late_is_sealed_too(world: World) -> None:
    """Its id is lower than one that is sealed already: nothing is read from an id on."""
    tenant = world.system.tenant_id
    sealed(tenant)
    low = new_id()
    with declared("channel", "created"), transaction.atomic():
        set_tenant(tenant)
        late = record(
            Change(
                tenant_id=tenant, subject_type="channel", subject_id=low, version=1,
                action="created", actor=ActorRef(world.operator.actor_id, "HUMAN", "operator"),
                to_status="OPEN", opens=True,
            )
        )  # fmt: skip
        thread = threading.Thread(target=_record_and_seal, args=(world,))
        thread.start()
        thread.join()
    higher = leaves(tenant)[-1]
    assert late.id < higher[1]
    size = sealed(tenant).size
    assert leaves(tenant)[-1][:2] == (size - 1, late.id)


def _record_and_seal(world: World) -> None:
    try:
        states.new_item(world.analyst)
        seal_due(world.system.tenant_id)
    finally:
        connection.close()


def test_two_sealers_make_one_tree(world: World) -> None:
    tenant = world.system.tenant_id
    made = recorded(world, 900)
    before = len(hashes(tenant))
    counted: list[int] = []

    def seal() -> None:
        try:
            while len(leaves(tenant)) < before:
                counted.append(seal_portion(tenant, most=50))
        finally:
            connection.close()

    threads = [threading.Thread(target=seal) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sum(counted) == before
    found = leaves(tenant)
    assert [index for index, *_ in found] == list(range(before))
    assert {entry for _, entry, _ in found} >= set(made)
    with tenant_scope(tenant):
        newest = newest_checkpoint(tenant)
    assert newest is not None
    assert newest.root == root_of(tenant)


def test_the_second_sealer_goes_away_while_the_first_holds_the_tree(world: World) -> None:
    tenant = world.system.tenant_id
    with system_scope("seal"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('ledger tree ' || %s::text, 0))",
            [str(tenant)],
        )
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(_elsewhere(tenant)))
        thread.start()
        thread.join()
    assert found == [0]
    assert sealed(tenant).size > 0


def _elsewhere(tenant: uuid.UUID) -> int:
    try:
        return seal_portion(tenant)
    finally:
        connection.close()


def test_a_tree_is_due_when_its_oldest_entry_has_waited(world: World, settings: Any) -> None:
    def trees() -> set[uuid.UUID]:
        return {row[1] for row in SEALING.table.due(["upkeep"], limit=100_000)}

    tenant = world.system.tenant_id
    assert tenant not in trees()
    settings.AMENDS_SEAL_SECONDS = 0
    assert tenant in trees()
    assert tenant not in {r[1] for r in SEALING.table.due(["upkeep"], limit=9999, but=tenant)}
    assert SEALING.table.due(["undo", "engine", "work", "notify"], limit=10) == []
    assert runner.work_row("ledger_sealing", tenant, tenant) is True
    assert tenant not in trees()


def test_only_the_sealer_writes_the_tree_and_nobody_changes_it(world: World) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    for table in ("ledger_ledgerleaf", "ledger_ledgertile", "ledger_checkpoint"):
        for statement in (
            f"INSERT INTO {table} SELECT * FROM {table}",  # noqa: S608  -- own names
            f"UPDATE {table} SET tenant_id = tenant_id",  # noqa: S608  -- own names
            f"DELETE FROM {table}",  # noqa: S608  -- own names
            f"TRUNCATE {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TABLE {table}",
        ):
            with (
                pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
                tenant_scope(tenant),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)
    with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(tenant):
        connection.cursor().execute("DELETE FROM ledger_unsealedentry")
    assert sealed(tenant).size == len(leaves(tenant))


def test_the_triggers_of_the_tree_stop_its_owner_too(world: World) -> None:
    tenant = world.system.tenant_id
    sealed(tenant)
    name = str(connection.settings_dict["NAME"])
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], dbname=name) as owner:
        for table in ("ledger_ledgerleaf", "ledger_checkpoint"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                owner.execute(f"DELETE FROM {table}".encode())  # noqa: S608  -- own names
            owner.rollback()


def test_tenants_have_trees_of_their_own(world: World) -> None:
    mine = sealed(world.system.tenant_id)
    theirs = sealed(world.outsider.tenant_id)
    assert mine.root != theirs.root
    with tenant_scope(world.outsider.tenant_id):
        assert newest_checkpoint(world.system.tenant_id) is None
