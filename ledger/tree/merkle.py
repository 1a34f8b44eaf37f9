"""The mathematics of the tree: RFC 6962 §2.1, proofs as RFC 9162 §2.1.3 and §2.1.4 verify them.

Nothing here reads anything. A proof is first said as places: for each of its hashes the complete
subtrees whose hashes give it. Whoever has the tree fetches those, and `fold` makes the hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

NODE_PREFIX = b"\x01"
#: A tile holds so many hashes side by side (C2SP tlog-tiles), and so many levels of the tree.
TILE_WIDTH, TILE_LEVELS = 256, 8
HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Node(NamedTuple):
    """A complete subtree: over the leaves [number·2^level, (number+1)·2^level)."""

    level: int
    number: int


#: A proof as places, one list for each of its hashes.
Places = list[list[Node]]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def hashes_in(joined: bytes) -> tuple[bytes, ...]:
    """Return hashes that were joined."""
    return tuple(joined[n : n + HASH_BYTES] for n in range(0, len(joined), HASH_BYTES))


def complete(hashes: Sequence[bytes]) -> bytes:
    """Return the root over hashes whose number is a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = [
            hashlib.sha256(NODE_PREFIX + row[n] + row[n + 1]).digest()
            for n in range(0, len(row), 2)
        ]
    return row[0]


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of the range that complete subtrees cover, given left to right."""
    if not hashes:
        return EMPTY_ROOT
    *others, found = hashes
    for each in reversed(others):
        found = node_hash(each, found)
    return found


def cover(start: int, end: int) -> list[Node]:
    """Return the largest complete subtrees that make up the leaves [start, end), left to right."""
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        found.append(Node(level, start >> level))
        start += 1 << level
    return found


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def inclusion_places(index: int, size: int) -> Places:
    """Return where the hashes of an inclusion proof are, from the leaf upwards.

    Raises ValueError where the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} has no leaf {index}")
    start, end = 0, size
    path: Places = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(cover(middle, end))
            end = middle
        else:
            path.append(cover(start, middle))
            start = middle
    return path[::-1]


def consistency_places(first: int, second: int) -> Places:
    """Return where the hashes of a consistency proof are (RFC 6962 §2.1.2). From the empty tree,
    and from a tree to itself, there is nothing to prove.

    Raises ValueError where the second is smaller than the first.
    """
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} is no later one than a tree of {first}")
    if first in {0, second}:
        return []
    start, end = 0, second
    path: Places = []
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(cover(middle, end))
            end = middle
        else:
            path.append(cover(start, middle))
            start = middle
    if start:
        # The first tree is no complete subtree of the second: its end has to be said.
        path.append(cover(start, end))
    return path[::-1]


def root_of_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a leaf and its inclusion proof give, or None for a proof of the wrong
    length. Sides follow from index and size alone, never from the proof (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return None
    place, last, found = index, size - 1, leaf
    for each in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node_hash(each, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, each)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(
    first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the proof shows the second tree to be the first one with leaves appended (RFC 9162
    §2.1.4.2). Every tree goes on from the empty one."""
    if first in {0, second}:
        begun = EMPTY_ROOT if first == 0 < second else second_root
        return first_root == begun and not path
    if not 0 < first < second or not path:
        return False
    hashes = list(path)
    if first & (first - 1) == 0:
        hashes.insert(0, first_root)
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    return _both_roots(place, last, hashes) == (first_root, second_root)


def _both_roots(place: int, last: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the roots of both trees that a consistency proof gives, or None where it is of the
    wrong length."""
    old = new = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(each, old), node_hash(each, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, each)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None


class Tile(NamedTuple):
    """A full tile: its level and number, its hashes side by side, and the root over them."""

    level: int
    number: int
    hashes: bytes
    root: bytes


class Edge:
    """The right edge of a tree: the hashes of the tiles that are not full, by level.

    What is pushed fills tiles, and a tile that is full is a hash of the level above.
    """

    def __init__(self, size: int, rows: Sequence[Sequence[bytes]]) -> None:
        self.size = size
        self._rows = [list(row) for row in rows]
        if any(len(row) != _width(size, level) for level, row in enumerate(self._rows)) or (
            len(self._rows) != levels(size)
        ):
            raise ValueError(f"that is not the edge of a tree of {size}")

    def push(self, leaves: Sequence[bytes]) -> list[Tile]:
        """Append leaves. Returns the tiles that they filled."""
        made: list[Tile] = []
        for leaf in leaves:
            self.size += 1
            self._push(0, self.size, leaf, made)
        return made

    def _push(self, level: int, count: int, found: bytes, made: list[Tile]) -> None:
        if level == len(self._rows):
            self._rows.append([])
        row = self._rows[level]
        row.append(found)
        if len(row) == TILE_WIDTH:
            root = complete(row)
            made.append(Tile(level, count // TILE_WIDTH - 1, b"".join(row), root))
            row.clear()
            self._push(level + 1, count // TILE_WIDTH, root, made)

    def root(self) -> bytes:
        """Return the root of the tree."""
        found: list[bytes] = []
        for row in reversed(self._rows):
            found += [
                complete(row[each.number << each.level : (each.number + 1) << each.level])
                for each in cover(0, len(row))
            ]
        return fold(found)


def _width(size: int, level: int) -> int:
    return (size >> (TILE_LEVELS * level)) % TILE_WIDTH


def levels(size: int) -> int:
    """Return how many levels of tiles a tree has, full and not."""
    found = 0
    while size >> (TILE_LEVELS * found):
        found += 1
    return found


def tile_of(node: Node) -> tuple[int, int, int, int]:
    """Return the tile that has a node: its level and number, and from where to where its hashes in
    the tile are."""
    level, inside = divmod(node.level, TILE_LEVELS)
    number, start = divmod(node.number << inside, TILE_WIDTH)
    return level, number, start, start + (1 << inside)
