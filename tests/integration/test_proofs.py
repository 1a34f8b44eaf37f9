"""Proofs over REST, verified by what knows nothing of the project: reader, sides, signatures."""

from __future__ import annotations

import base64
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.proofs import proof_of
from ledger.ids import new_id
from ledger.tenancy import tenant_scope
from ledger.tree.merkle import is_consistent, root_of_inclusion
from ledger.tree.signed_notes import key_id
from ledger.tree.signing_keys import key_ring
from tests import states
from tests.clients import api
from tests.notes import read_checkpoint, read_note, read_proof
from tests.sealed import leaves, sealed
from tests.world import World

ROOT = "/api/v1/ledger/"


def unsealed_entry(world: World) -> uuid.UUID:
    """Record something and return its newest entry."""
    item = states.in_progress(world.analyst)
    return states.history(world, "work_item", item.id)[-1].id


def signed_by_us(note: str) -> None:
    text, ((name, id_, signature),) = read_note(note)
    (public,) = key_ring().publics
    assert id_ == key_id(name, public)
    Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())


def test_an_entry_is_proven_to_be_in_the_tree(world: World) -> None:
    entry = unsealed_entry(world)
    sealed(world.system.tenant_id)
    answer = api(world.bystander).get(f"{ROOT}entries/{entry}/proof")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
    index, path, note = read_proof(answer.content.decode())
    origin, size, root = read_checkpoint(note)
    signed_by_us(note)
    assert origin == f"localhost:8000/ledger/{world.system.tenant_id}"
    body = api(world.bystander).get(f"{ROOT}entries/{entry}").json()
    assert body["tree_index"] == index
    found = root_of_inclusion(bytes.fromhex(body["hash"]), index, size, path)
    assert found == root


def test_what_is_not_sealed_yet_has_no_proof(world: World) -> None:
    client = api(world.auditor)
    assert client.get(f"{ROOT}checkpoint").json()["code"] == "not_sealed"
    assert client.get(f"{ROOT}consistency?first=0").json()["code"] == "not_sealed"
    sealed(world.system.tenant_id)
    entry = unsealed_entry(world)
    answer = client.get(f"{ROOT}entries/{entry}/proof")
    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "not_sealed"
    assert body["seal_lag"]["entries"] == 2
    assert 0 <= body["seal_lag"]["seconds"] < 60
    assert client.get(f"{ROOT}entries/{entry}").json()["tree_index"] is None


def test_nobody_proves_what_is_not_theirs(world: World) -> None:
    entry = unsealed_entry(world)
    sealed(world.system.tenant_id)
    assert api(world.outsider).get(f"{ROOT}entries/{entry}/proof").status_code == 404
    assert api(world.auditor).get(f"{ROOT}entries/{new_id()}/proof").status_code == 404
    sealed(world.outsider.tenant_id)
    mine, theirs = (
        read_checkpoint(api(who).get(f"{ROOT}checkpoint").content.decode())
        for who in (world.auditor, world.outsider)
    )
    assert mine[0] != theirs[0]


def test_the_tree_is_proven_to_have_only_grown(world: World) -> None:
    older = sealed(world.system.tenant_id)
    unsealed_entry(world)
    newer = sealed(world.system.tenant_id)
    client = api(world.auditor)
    body = client.get(f"{ROOT}consistency?first={older.size}").json()
    assert (body["first"], body["second"]) == (older.size, newer.size)
    assert body["checkpoint"] == newer.note == client.get(f"{ROOT}checkpoint").content.decode()
    roots = [base64.b64decode(body[name]) for name in ("first_root", "second_root")]
    assert roots == [older.root, newer.root]
    hashes = [base64.b64decode(each) for each in body["hashes"]]
    assert is_consistent(older.size, newer.size, older.root, newer.root, hashes)
    same = client.get(f"{ROOT}consistency?first=3&second=3").json()
    assert (same["hashes"], same["first_root"]) == ([], same["second_root"])


def test_sizes_that_there_never_were_are_refused_by_name(world: World) -> None:
    size = sealed(world.system.tenant_id).size
    for query, name in [
        ("", "first"),
        ("first=x", "first"),
        ("first=-1", "first"),
        ("first=99999999999999999999999999", "first"),
        ("first=3&second=2", "first"),
        (f"first={size + 2}&second={size + 1}", "first"),
        ("first=1&second=1.5", "second"),
    ]:
        answer = api(world.auditor).get(f"{ROOT}consistency?{query}")
        assert answer.status_code == 422, query
        assert [each["pointer"] for each in answer.json()["errors"]] == [name], query


def test_sizes_that_the_tree_has_not_reached_are_not_sealed(world: World) -> None:
    size = sealed(world.system.tenant_id).size
    unsealed_entry(world)
    for query in (
        f"first={size + 1}",
        f"first=1&second={size + 1}",
        f"first={size + 1}&second={size + 1}",
        f"first={2**53}",
    ):
        answer = api(world.auditor).get(f"{ROOT}consistency?{query}")
        assert answer.status_code == 409, query
        problem = answer.json()
        assert problem["code"] == "not_sealed", query
        assert problem["seal_lag"]["entries"] >= 1, query
        assert f"the tree has {size} entries" in problem["detail"], query
    assert api(world.auditor).get(f"{ROOT}consistency?first={size}").status_code == 200


def test_a_proof_takes_four_statements_at_most(world: World) -> None:
    tenant = world.system.tenant_id
    unsealed_entry(world)
    sealed(tenant)
    for _, entry, _hash in leaves(tenant):
        with tenant_scope(tenant), CaptureQueriesContext(connection) as asked:
            proof_of(tenant, entry)
        assert len(asked) <= 4
