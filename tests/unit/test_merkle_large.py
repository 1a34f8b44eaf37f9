"""A tree of 100,000 against pymerkle: its root, its proofs, and the files that carry them."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pymerkle import InmemoryTree

from ledger.canonical import leaf_hash
from ledger.tree.merkle import (
    TILE_WIDTH,
    Edge,
    Node,
    Places,
    complete,
    consistency_places,
    cover,
    fold,
    inclusion_places,
    is_consistent,
    root_of_inclusion,
    tile_of,
)
from ledger.tree.signed_notes import SignedTree, proof_file, signed, verifier_key
from tests.notes import read_checkpoint, read_note, read_proof

SIZE = 100_000
PLACES = [0, 1, 255, 256, 65_535, 65_536, 77_777, 99_839, 99_840, SIZE - 2, SIZE - 1]


def entry(n: int) -> bytes:
    return b"entry %d" % n


class Both:
    """The same entries in a tree that others wrote, and in ours as it is stored: full tiles, and
    the edge."""

    def __init__(self) -> None:
        self.theirs = InmemoryTree(algorithm="sha256")  # type: ignore[no-untyped-call]
        self.edge = Edge(0, [])
        self.rows: dict[int, list[bytes]] = {}
        for first in range(0, SIZE, 8192):
            several = range(first, min(first + 8192, SIZE))
            leaves = [leaf_hash(entry(n)) for n in several]
            for n in several:
                self.theirs.append_entry(entry(n))
            self.rows.setdefault(0, []).extend(leaves)
            for tile in self.edge.push(leaves):
                self.rows.setdefault(tile.level + 1, []).append(tile.root)

    def hash(self, node: Node) -> bytes:
        """Return the hash of a complete subtree, from the tile that has it."""
        level, number, start, end = tile_of(node)
        return complete(self.rows[level][number * TILE_WIDTH :][start:end])

    def hashes(self, places: Places) -> list[bytes]:
        return [fold([self.hash(node) for node in each]) for each in places]

    def root(self, size: int) -> bytes:
        return fold([self.hash(node) for node in cover(0, size)])


@pytest.fixture(scope="module")
def both() -> Both:
    """Two trees of 100,000."""
    return Both()


def test_the_root_is_theirs(both: Both) -> None:
    for size in [*PLACES[1:], SIZE]:
        assert both.root(size) == both.theirs.get_root(size)
    assert both.edge.root() == both.root(SIZE)


def test_inclusion_is_theirs(both: Both) -> None:
    top = both.root(SIZE)
    for index in PLACES:
        path = both.hashes(inclusion_places(index, SIZE))
        theirs = both.theirs.prove_inclusion(index + 1, SIZE).serialize()["path"]
        assert [each.hex() for each in path] == theirs[1:]
        assert len(path) <= 17
        leaf = leaf_hash(entry(index))
        assert root_of_inclusion(leaf, index, SIZE, path) == top
        assert root_of_inclusion(leaf, index ^ 1, SIZE, path) != top


def test_consistency_holds_between_their_roots(both: Both) -> None:
    top = both.root(SIZE)
    for first in PLACES[1:]:
        path = both.hashes(consistency_places(first, SIZE))
        # Their roots of both, and our proof between them.
        theirs = both.theirs.get_root(first), both.theirs.get_root(SIZE)
        assert is_consistent(first, SIZE, *theirs, path)
        assert not is_consistent(first, SIZE, both.root(first - 1), top, path)
        assert not is_consistent(first, SIZE, theirs[0], top, path[:-1])


def test_checkpoint_and_proof_are_read_by_another_reader(both: Both) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"\3" * 32)
    public, origin = key.public_key().public_bytes_raw(), "amends.example/ledger/7"
    note = signed(SignedTree(origin, SIZE, both.root(SIZE)), [key])
    index = 77_777
    path = both.hashes(inclusion_places(index, SIZE))
    assert read_proof(proof_file(index, path, note)) == (index, path, note)
    assert read_checkpoint(note) == (origin, SIZE, both.theirs.get_root(SIZE))
    text, ((name, id_, signature),) = read_note(note)
    assert id_ == hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
    said = base64.b64encode(b"\x01" + public).decode()
    assert verifier_key(origin, public) == f"{origin}+{id_.hex()}+{said}"
