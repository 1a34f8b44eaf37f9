"""The tree's mathematics against pymerkle, and verifying that trusts no side a proof might name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from pymerkle import InmemoryTree

from ledger.canonical import leaf_hash
from ledger.tree.merkle import (
    EMPTY_ROOT,
    TILE_WIDTH,
    Edge,
    Node,
    Places,
    Tile,
    complete,
    consistency_places,
    cover,
    fold,
    inclusion_places,
    is_consistent,
    levels,
    root_of_inclusion,
    tile_of,
)

MOST = 300
LEAVES = [leaf_hash(b"entry %d" % n) for n in range(MOST + 1)]


def under(node: Node, leaves: Sequence[bytes]) -> bytes:
    return complete(leaves[node.number << node.level : (node.number + 1) << node.level])


def hashes(places: Places) -> list[bytes]:
    return [fold([under(node, LEAVES) for node in each]) for each in places]


def root(size: int) -> bytes:
    return fold([under(node, LEAVES) for node in cover(0, size)])


@pytest.fixture(scope="module")
def oracle() -> InmemoryTree:
    """A tree that others wrote, over the same entries."""
    tree = InmemoryTree(algorithm="sha256")  # type: ignore[no-untyped-call]
    for n in range(MOST):
        tree.append_entry(b"entry %d" % n)
    return tree


def test_roots_are_those_of_another_implementation(oracle: InmemoryTree) -> None:
    assert root(0) == EMPTY_ROOT == hashlib.sha256().digest()
    for size in range(1, MOST + 1):
        assert root(size) == oracle.get_root(size)


def test_roots_of_the_published_vectors() -> None:
    # The eight inputs that the tests of Certificate Transparency use, and the root over them.
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657",
              "606162636465666768696a6b6c6d6e6f"]  # fmt: skip
    given = [leaf_hash(bytes.fromhex(each)) for each in inputs]
    expected = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert fold([under(node, given) for node in cover(0, 8)]).hex() == expected


def test_inclusion_is_that_of_another_implementation_and_verifies(oracle: InmemoryTree) -> None:
    for size in [*range(1, 70), 127, 128, 129, 255, 256, 257, MOST]:
        top = root(size)
        for index in range(size):
            path = hashes(inclusion_places(index, size))
            theirs = oracle.prove_inclusion(index + 1, size).serialize()["path"]
            # Theirs begins with the leaf itself.
            assert [each.hex() for each in path] == theirs[1:]
            assert root_of_inclusion(LEAVES[index], index, size, path) == top


def test_consistency_is_verified_for_all_pairs() -> None:
    roots = [root(size) for size in range(131)]
    for second in range(131):
        for first in range(second + 1):
            path = hashes(consistency_places(first, second))
            assert is_consistent(first, second, roots[first], roots[second], path)


def _mth(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = max(2**n for n in range(9) if 2**n < len(leaves))
    return hashlib.sha256(b"\x01" + _mth(leaves[:k]) + _mth(leaves[k:])).digest()


def _subproof(m: int, leaves: Sequence[bytes], *, known: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2, word for word."""
    if m == len(leaves):
        return [] if known else [_mth(leaves)]
    k = max(2**n for n in range(9) if 2**n < len(leaves))
    if m <= k:
        return [*_subproof(m, leaves[:k], known=known), _mth(leaves[k:])]
    return [*_subproof(m - k, leaves[k:], known=False), _mth(leaves[:k])]


def test_consistency_is_what_the_standard_says() -> None:
    for second in [7, 130, 257, MOST]:
        for first in range(1, second):
            ours = hashes(consistency_places(first, second))
            assert ours == _subproof(first, LEAVES[:second])


def test_a_proof_of_another_place_another_leaf_or_another_length_is_refused() -> None:
    size, index = 100, 37
    top, path = root(size), hashes(inclusion_places(index, size))
    for other in range(size):
        found = root_of_inclusion(LEAVES[index], other, size, path)
        assert (found == top) == (other == index)
    assert root_of_inclusion(LEAVES[index + 1], index, size, path) != top
    assert root_of_inclusion(LEAVES[index], index, size, path[:-1]) is None
    assert root_of_inclusion(LEAVES[index], index, size, [*path, LEAVES[0]]) is None
    assert root_of_inclusion(LEAVES[index], size, size, path) is None
    for n in range(len(path) - 1):
        swapped = [*path[:n], path[n + 1], path[n], *path[n + 2 :]]
        assert root_of_inclusion(LEAVES[index], index, size, swapped) != top


def test_a_rewritten_leaf_or_a_cut_tail_is_not_consistent() -> None:
    for first, second in [(1, 2), (3, 9), (64, 100), (99, 130)]:
        path = hashes(consistency_places(first, second))
        good = root(first), root(second)
        other = hashlib.sha256(b"other").digest()
        assert not is_consistent(first, second, other, good[1], path)
        assert not is_consistent(first, second, good[0], other, path)
        assert not is_consistent(second, first, good[1], good[0], path)
        assert not is_consistent(first, second, *good, path[:-1])
        assert not is_consistent(first, second, *good, [*path, other])
        for n in range(len(path)):
            changed = [*path[:n], other, *path[n + 1 :]]
            assert not is_consistent(first, second, *good, changed)
    assert not is_consistent(5, 5, root(5), root(4), [])
    assert not is_consistent(0, 5, root(1), root(5), [])


def test_there_is_no_proof_of_what_is_not_there() -> None:
    for index, size in [(0, 0), (5, 5), (-1, 3)]:
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_places(index, size)
    with pytest.raises(ValueError, match="no later one"):
        consistency_places(6, 5)


def _pushed(size: int) -> tuple[Edge, list[Tile]]:
    edge, tiles = Edge(0, []), []
    for n in range(0, size, 1000):
        tiles += edge.push(
            [hashlib.sha256(b"%d" % m).digest() for m in range(n, min(n + 1000, size))]
        )
    return edge, tiles


def test_tiles_filled_in_portions_and_their_edge_give_the_root() -> None:
    size = TILE_WIDTH * TILE_WIDTH + 2 * TILE_WIDTH + 7
    edge, tiles = _pushed(size)
    leaves = [hashlib.sha256(b"%d" % n).digest() for n in range(size)]
    assert edge.root() == fold([under(node, leaves) for node in cover(0, size)])
    assert [(t.level, t.number) for t in tiles if t.level] == [(1, 0)]
    assert [t.number for t in tiles if not t.level] == list(range(258))
    assert all(
        t.root == complete([t.hashes[n : n + 32] for n in range(0, 8192, 32)]) for t in tiles
    )
    by_place = {(t.level, t.number): t for t in tiles}
    rows = [
        leaves[258 * 256 :],
        [by_place[0, n].root for n in (256, 257)],
        [by_place[1, 0].root],
    ]
    again = Edge(size, rows)
    assert again.root() == edge.root()
    assert levels(size) == 3
    with pytest.raises(ValueError, match="not the edge"):
        Edge(size + 1, rows)


def test_the_tile_that_has_a_node() -> None:
    assert tile_of(Node(0, 300)) == (0, 1, 44, 45)
    assert tile_of(Node(3, 33)) == (0, 1, 8, 16)
    assert tile_of(Node(8, 3)) == (1, 0, 3, 4)
    assert tile_of(Node(17, 129)) == (2, 1, 2, 4)
