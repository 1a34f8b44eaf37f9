"""Reads of a tenant's tree: where an entry is, the newest checkpoint, proofs from stored tiles.

Every function runs in the caller's scope and names the tenant. A proof reads the few tiles that its
hashes are in, whatever the size of the tree.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from django.db import connection

from ledger.models import Checkpoint, LedgerLeaf
from ledger.tree.merkle import (
    TILE_LEVELS,
    TILE_WIDTH,
    Edge,
    Node,
    Places,
    complete,
    consistency_places,
    cover,
    fold,
    hashes_in,
    inclusion_places,
    levels,
    tile_of,
)

# Full tiles by their place; of those that are not full what there is: roots of the tiles beneath,
# and leaves.
_HASHES = """
SELECT t.level, t.number, t.hashes, true FROM unnest(%s::smallint[], %s::bigint[]) u(level, number)
JOIN ledger_ledgertile t ON t.tenant_id = %s AND t.level = u.level AND t.number = u.number
UNION ALL
SELECT (t.level + 1)::smallint, t.number, t.root, false
FROM unnest(%s::smallint[], %s::bigint[], %s::bigint[]) u(level, first, past)
JOIN ledger_ledgertile t ON t.tenant_id = %s AND t.level = u.level - 1
    AND t.number >= u.first AND t.number < u.past
UNION ALL
SELECT 0::smallint, l.tree_index, l.leaf_hash, false
FROM unnest(%s::bigint[], %s::bigint[]) u(first, past)
JOIN ledger_ledgerleaf l ON l.tenant_id = %s AND l.tree_index >= u.first AND l.tree_index < u.past
"""
_LAG = """
SELECT count(*), extract(epoch FROM ledger_now() - min(since))::float8
FROM ledger_unsealedentry WHERE tenant_id = %s
"""
_REMOVED = """
SELECT count(*) FROM ledger_unsealedentry u WHERE u.tenant_id = %s AND NOT EXISTS (
    SELECT 1 FROM ledger_ledgerentry e WHERE e.tenant_id = u.tenant_id AND e.id = u.entry_id)
"""
# So many full tiles of 8 KiB are read by one statement.
_TILES_AT_ONCE = 128


class Torn(Exception):
    """A part of the stored tree is missing."""


@dataclasses.dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """One signed checkpoint, with the proof that it goes on from the one before."""

    size: int
    root: bytes
    previous_size: int
    consistency: tuple[bytes, ...]
    note: str
    at: dt.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class SealLag:
    """What is not sealed yet: how many entries, and for how long the oldest has waited."""

    entries: int
    seconds: float


def newest_checkpoint(tenant_id: uuid.UUID) -> StoredCheckpoint | None:
    """Return the newest checkpoint, or None where nothing has been sealed."""
    row = Checkpoint.objects.filter(tenant_id=tenant_id).order_by("-size").first()
    return None if row is None else _checkpoint(row)


def checkpoints(tenant_id: uuid.UUID) -> Iterable[StoredCheckpoint]:
    """Return all checkpoints, oldest first, as they are read."""
    rows = Checkpoint.objects.filter(tenant_id=tenant_id).order_by("size")
    return map(_checkpoint, rows.iterator(chunk_size=500))


def _checkpoint(row: Checkpoint) -> StoredCheckpoint:
    return StoredCheckpoint(
        row.size, bytes(row.root), row.previous_size, hashes_in(bytes(row.consistency)),
        row.note, row.at,
    )  # fmt: skip


def last_checkpoints(tenant_id: uuid.UUID, most: int) -> list[tuple[int, bytes, dt.datetime]]:
    """Return (size, root, when) of the newest checkpoints, the newest first."""
    rows = Checkpoint.objects.filter(tenant_id=tenant_id).order_by("-size")[:most]
    said = rows.values_list("size", "root", "at")
    return [(size, bytes(root), at) for size, root, at in said]


def indices_of(tenant_id: uuid.UUID, entries: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the index of each entry that is sealed."""
    rows = LedgerLeaf.objects.filter(tenant_id=tenant_id, entry_id__in=list(entries))
    return dict(rows.values_list("entry_id", "tree_index"))


def seal_lag(tenant_id: uuid.UUID) -> SealLag:
    """Return what is not sealed yet."""
    with connection.cursor() as cursor:
        cursor.execute(_LAG, [tenant_id])
        count, seconds = cursor.fetchone()
    return SealLag(int(count), float(seconds or 0.0))


def removed_unsealed(tenant_id: uuid.UUID) -> int:
    """Return how many entries that waited to be sealed are gone: no tree can tell of them, and with
    head and row put back no chain does."""
    with connection.cursor() as cursor:
        cursor.execute(_REMOVED, [tenant_id])
        return int(cursor.fetchone()[0])


def inclusion_proof(tenant_id: uuid.UUID, index: int, size: int, *, stored: int) -> list[bytes]:
    """Return the path of a leaf in the tree as it was at `size`. `stored`: how large it is now.

    Raises ValueError for a leaf it does not have, Torn where the stored tree has a hole.
    """
    return _proof(tenant_id, inclusion_places(index, size), stored)


def inclusion_proofs(
    tenant_id: uuid.UUID, indices: Collection[int], size: int
) -> dict[int, list[bytes]]:
    """Return the paths of several leaves in a tree of `size`, by their index, in one statement.

    Raises ValueError for a leaf it does not have, Torn where the stored tree has a hole.
    """
    places = {index: inclusion_places(index, size) for index in indices}
    nodes = {node for path in places.values() for each in path for node in each}
    found = _hashes(tenant_id, nodes, size)
    return {
        index: [fold([found[node] for node in each]) for each in path]
        for index, path in places.items()
    }


def consistency_proof(tenant_id: uuid.UUID, first: int, second: int, *, stored: int) -> list[bytes]:
    """Return the proof that the tree at `second` is that at `first` with leaves appended.

    Raises ValueError for sizes that are not in order, Torn where the stored tree has a hole.
    """
    return _proof(tenant_id, consistency_places(first, second), stored)


def root_at(tenant_id: uuid.UUID, size: int, *, stored: int) -> bytes:
    """Return the root of the tree as it was at `size`. Raises Torn."""
    return _proof(tenant_id, [cover(0, size)], stored)[0]


def _proof(tenant_id: uuid.UUID, places: Places, stored: int) -> list[bytes]:
    found = _hashes(tenant_id, {node for each in places for node in each}, stored)
    return [fold([found[node] for node in each]) for each in places]


def _hashes(tenant_id: uuid.UUID, nodes: Collection[Node], stored: int) -> dict[Node, bytes]:
    """Return the hash of each of these complete subtrees, in one statement."""
    full: set[tuple[int, int]] = set()
    part: set[tuple[int, int]] = set()
    for node in nodes:
        level, number, _, _ = tile_of(node)
        past = (number + 1) * TILE_WIDTH
        (full if past <= stored >> (TILE_LEVELS * level) else part).add((level, number))
    rows = _read(tenant_id, sorted(full), sorted(part), stored)
    found = {}
    for node in nodes:
        level, number, start, end = tile_of(node)
        inside = rows[level, number][start:end]
        if len(inside) != end - start:
            raise Torn(f"tile {number} of level {level} of the tree is not there")
        found[node] = complete(inside)
    return found


def _read(
    tenant_id: uuid.UUID,
    full: Sequence[tuple[int, int]],
    part: Sequence[tuple[int, int]],
    stored: int,
) -> dict[tuple[int, int], list[bytes]]:
    found: dict[tuple[int, int], list[bytes]] = {each: [] for each in (*full, *part)}
    if not found:
        return found
    above = [(level, number * TILE_WIDTH, stored >> (TILE_LEVELS * level))
             for level, number in part if level]  # fmt: skip
    leaves = [(number * TILE_WIDTH, stored) for level, number in part if not level]
    values: list[Any] = [
        [level for level, _ in full], [number for _, number in full], tenant_id,
        [each[0] for each in above], [each[1] for each in above], [each[2] for each in above],
        tenant_id, [first for first, _ in leaves], [past for _, past in leaves], tenant_id,
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_HASHES, values)
        rows = sorted(cursor.fetchall(), key=lambda row: row[:2])
    for level, number, said, is_tile in rows:
        if is_tile:
            found[level, number] = list(hashes_in(bytes(said)))
        else:
            at = found[level, number // TILE_WIDTH]
            if len(at) != number % TILE_WIDTH:
                raise Torn(f"hash {number} of level {level} of the tree is not in its place")
            at.append(bytes(said))
    return found


def edge(tenant_id: uuid.UUID, size: int) -> Edge:
    """Return the right edge of the stored tree, to push to. Raises Torn."""
    part = [
        (level, (size >> (TILE_LEVELS * level)) // TILE_WIDTH)
        for level in range(levels(size))
        if (size >> (TILE_LEVELS * level)) % TILE_WIDTH
    ]
    rows = _read(tenant_id, [], part, size)
    try:
        return Edge(
            size,
            [
                rows.get((level, (size >> (TILE_LEVELS * level)) // TILE_WIDTH), [])
                for level in range(levels(size))
            ],
        )
    except ValueError as error:
        raise Torn(str(error)) from error


def tiles_for(
    tenant_id: uuid.UUID, indices: Collection[int], size: int
) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Yield, a few at a time as they are read, ((level, number), hashes) of the tiles by which
    leaves lead to the root of a tree of `size`: those above each leaf, and those at the right edge,
    which are not full. Raises Torn."""
    wanted: set[tuple[int, int]] = set()
    for level in range(levels(size)):
        count = size >> (TILE_LEVELS * level)
        if count % TILE_WIDTH:
            wanted.add((level, count // TILE_WIDTH))
        above = {index >> (TILE_LEVELS * (level + 1)) for index in indices}
        wanted |= {(level, number) for number in above if number * TILE_WIDTH < count}
    full = sorted(
        (level, number)
        for level, number in wanted
        if (number + 1) * TILE_WIDTH <= size >> (TILE_LEVELS * level)
    )
    portions = [full[n : n + _TILES_AT_ONCE] for n in range(0, len(full), _TILES_AT_ONCE)]
    for portion, part in [*((each, ()) for each in portions), ([], sorted(wanted - {*full}))]:
        for (level, number), hashes in _read(tenant_id, portion, part, size).items():
            width = min(TILE_WIDTH, (size >> (TILE_LEVELS * level)) - number * TILE_WIDTH)
            if len(hashes) != width:
                raise Torn(f"tile {number} of level {level} of the tree is not there")
            yield (level, number), b"".join(hashes)
