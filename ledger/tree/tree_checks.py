"""Checks what is sealed: leaves against entries, tiles and roots against leaves, checkpoints
against keys, and all of it against what is kept outside.

A chain says what follows what; only the tree knows that something was there and is gone. Streams in
the order of the tree, so that the first bad entry is named, and memory does not grow with it.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from django.db import connection

from ledger.broken import Broken
from ledger.statements import server
from ledger.tree.anchors import (
    CONTRADICTIONS,
    LOST,
    anchor_folder,
    anchored_tenants,
    compared_with_anchor,
    newest_anchor,
)
from ledger.tree.merkle import EMPTY_ROOT, Edge, Tile, hashes_in, is_consistent
from ledger.tree.sealer import origin_of
from ledger.tree.signed_notes import Forged, SignedTree, opened
from ledger.tree.signing_keys import key_ring
from ledger.tree.stored_tree import Torn, newest_checkpoint

_FETCH = 4000
# That the hash of an entry is that of its bytes was seen with its chain, in the same snapshot.
_LEAVES = """
SELECT l.tenant_id, l.tree_index, l.entry_id, l.leaf_hash, e.hash
FROM ledger_ledgerleaf l
LEFT JOIN ledger_ledgerentry e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
ORDER BY l.tenant_id, l.tree_index
"""
_TILES = """
SELECT hashes, root FROM ledger_ledgertile WHERE tenant_id = %s AND level = %s AND number = %s
"""
_CHECKPOINTS = """
SELECT c.size, c.root, c.previous_size, c.consistency, c.note,
       (SELECT l.entry_id FROM ledger_ledgerleaf l
        WHERE l.tenant_id = c.tenant_id AND l.tree_index = c.previous_size)
FROM ledger_checkpoint c WHERE c.tenant_id = %s AND c.size > %s ORDER BY c.size LIMIT 500
"""
_TREES = """
SELECT tenant_id, origin, anchored_size, sealed_size, trouble
FROM ledger_ledgertree ORDER BY tenant_id
"""
_CHECKPOINTED = "SELECT DISTINCT tenant_id FROM ledger_checkpoint"
_LOST = """
SELECT e.id FROM ledger_ledgerentry e WHERE NOT EXISTS (
    SELECT 1 FROM ledger_ledgerleaf l WHERE l.tenant_id = e.tenant_id AND l.entry_id = e.id)
AND NOT EXISTS (
    SELECT 1 FROM ledger_unsealedentry u WHERE u.tenant_id = e.tenant_id AND u.entry_id = e.id)
ORDER BY e.tenant_id, e.id LIMIT 1
"""
# With its head and row put back no chain misses it, and no tree has it yet.
_GONE = """
SELECT u.entry_id FROM ledger_unsealedentry u WHERE NOT EXISTS (
    SELECT 1 FROM ledger_ledgerentry e WHERE e.tenant_id = u.tenant_id AND e.id = u.entry_id)
ORDER BY u.tenant_id, u.entry_id LIMIT 1
"""


class Stored(NamedTuple):
    """What the database says of one tree."""

    origin: str
    anchored_size: int
    sealed_size: int
    trouble: str


class Outside(NamedTuple):
    """The trees as they were before a check began, and what was outside of each after that."""

    trees: dict[uuid.UUID, Stored]
    anchors: dict[uuid.UUID, SignedTree | None]


def stored_trees() -> dict[uuid.UUID, Stored]:
    """Return the trees that the caller's scope sees."""
    return {row[0]: Stored(*row[1:]) for row in _rows(_TREES)}


def known_outside(trees: dict[uuid.UUID, Stored], only: uuid.UUID | None = None) -> Outside:
    """Return the newest anchor of each tree, and of those whose tree is not there; `only`: of one
    tenant alone.

    Before a check takes its snapshot: an anchor that is put meanwhile would be newer than all that
    the check sees, as after a rollback.
    """
    folder = anchor_folder()
    if folder is None:
        return Outside(trees, {})
    # What was put outside is missed there; of a tree that is gone, what is outside is found.
    anchors: dict[uuid.UUID, SignedTree | None] = {
        tenant: None for tenant, tree in trees.items() if tree.anchored_size
    }
    publics = key_ring().publics
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for each in anchored_tenants(folder):
            if only in {None, each}:
                anchors[each] = newest_anchor(folder, each, _origin(trees, each), publics)
    return Outside(trees, anchors)


def check_trees(outside: Outside) -> int:
    """Check every tree that the caller's scope sees, in its one snapshot, and return how many
    entries are sealed. Raises Broken."""
    trees = stored_trees()
    for tenant in (row[0] for row in _rows(_CHECKPOINTED)):
        _check_signatures(tenant, _origin(trees, tenant))
    sealed = _check_leaves(trees)
    for found in _rows(_GONE):
        raise Broken("it waited to be sealed, and is gone", entry=found[0], kind="removed")
    for found in _rows(_LOST):
        raise Broken("it is neither sealed nor waiting to be", entry=found[0], kind="tree")
    _check_anchors(outside)
    _check_trouble(outside)
    return sealed


def _origin(trees: dict[uuid.UUID, Stored], tenant_id: uuid.UUID) -> str:
    return trees[tenant_id].origin if tenant_id in trees else origin_of(tenant_id)


def _rows(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))
        return list(cursor.fetchall())


def _streamed(name: str, statement: str) -> Iterator[Sequence[Any]]:
    # The driver's own cursor knows nothing of what was put off until now.
    server().ensure_connection()
    server().flush()
    with connection.connection.cursor(name=name) as cursor:
        cursor.itersize = _FETCH
        yield from cursor.execute(statement, binary=True)


def _checkpoints(tenant_id: uuid.UUID) -> Iterator[tuple[Any, ...]]:
    found = _rows(_CHECKPOINTS, [tenant_id, -1])
    while found:
        yield from found
        found = _rows(_CHECKPOINTS, [tenant_id, found[-1][0]])


def _check_signatures(tenant_id: uuid.UUID, origin: str) -> None:
    """Every checkpoint is signed by a key of ours, says what its columns say, and goes on from the
    one before."""
    publics = key_ring().publics
    size, root = 0, EMPTY_ROOT
    for said in _checkpoints(tenant_id):
        now, now_root, previous, proof, note, entry = said
        try:
            tree = opened(note, publics)
        except Forged as forged:
            message = f"the checkpoint of {now} entries: {forged}"
            raise Broken(message, entry=entry, kind="forged") from None
        if tree != SignedTree(origin, now, bytes(now_root)):
            raise Broken(
                f"the checkpoint of {now} entries says something else than its columns",
                entry=entry,
                kind="checkpoint",
            )
        path = hashes_in(bytes(proof))
        if previous != size or not is_consistent(size, now, root, bytes(now_root), path):
            raise Broken(
                f"the checkpoint of {now} entries does not go on from that of {size}",
                entry=entry,
                kind="checkpoint",
            )
        size, root = now, bytes(now_root)


class _Growing:
    """One tree as it grows again leaf by leaf, with its stored tiles and checkpoints beside."""

    def __init__(self, tenant_id: uuid.UUID) -> None:
        self.tenant_id = tenant_id
        self._edge = Edge(0, [])
        self._recent: list[uuid.UUID] = []
        # The first entry since the checkpoint before: of those since, no other hash is signed.
        self._since: uuid.UUID | None = None
        self._checkpoints = _checkpoints(tenant_id)
        self._next = next(self._checkpoints, None)

    def add(self, index: int, entry: uuid.UUID, leaf: bytes, found: bytes | None) -> None:
        """Take one leaf. Raises Broken."""
        if index != self._edge.size:
            raise Broken(
                f"the entry at {self._edge.size} of the tree is gone", entry=entry, kind="removed"
            )
        if found is None:
            raise Broken("it was sealed, and is gone", entry=entry, kind="removed")
        if found != leaf:
            raise Broken("it is not what was sealed", entry=entry, kind="tree")
        self._recent.append(entry)
        self._since = self._since or entry
        for tile in self._edge.push([leaf]):
            self._check_tile(tile)
        if self._next is not None and self._next[0] == self._edge.size:
            if self._edge.root() != bytes(self._next[1]):
                self._say_other_root(self._since, entry)
            self._next, self._since = next(self._checkpoints, None), None

    def _say_other_root(self, first: uuid.UUID, last: uuid.UUID) -> NoReturn:
        # Tiles are not signed: they do not say which of several it is, or that it is not another.
        message = f"the checkpoint of {self._edge.size} entries has another root"
        if first == last:
            raise Broken(message, entry=first, kind="checkpoint")
        between = f"it, or one of the entries from {first} to {last}, is not what was sealed"
        raise Broken(f"{message}: {between}", kind="checkpoint")

    def _check_tile(self, tile: Tile) -> None:
        stored = _rows(_TILES, [self.tenant_id, tile.level, tile.number])
        if stored and (bytes(stored[0][0]), bytes(stored[0][1])) == (tile.hashes, tile.root):
            if not tile.level:
                self._recent.clear()
            return
        entry = self._recent[0] if self._recent else None
        if stored and not tile.level:
            # Of a tile of leaves the first that differs is known.
            was = hashes_in(bytes(stored[0][0]))
            pairs = zip(self._recent, hashes_in(tile.hashes), was, strict=False)
            entry = next((each for each, now, then in pairs if now != then), entry)
        message = f"tile {tile.number} of level {tile.level} is not over these entries"
        raise Broken(message, entry=entry, kind="tree")

    def end(self, sealed_size: int | None) -> int:
        """Say how many leaves there were. `sealed_size`: what the tree's row says, None where there
        is none. Raises Broken where there are not as many as the newest checkpoint is of, and as
        were sealed: all three are written by one transaction."""
        size = self._edge.size
        if self._next is not None:
            message = (
                f"the end of the tree is gone: there are {size} sealed entries, and a checkpoint of"
                f" {self._next[0]}"
            )
            raise Broken(message, entry=self._next[5], kind="removed")
        if self._since is not None:
            message = f"it is sealed, and the checkpoint that is of it, one of {size}, is gone"
            raise Broken(message, entry=self._since, kind="removed")
        self._check_row(size, sealed_size)
        return size

    def _check_row(self, size: int, said: int | None) -> None:
        if said is None and size:
            message = f"the row of the tree is gone, and there are {size} sealed entries"
            raise Broken(message, kind="tree")
        if said is not None and size < said:
            message = (
                f"the end of the tree is gone: {said} entries were sealed, and there are {size}"
            )
            raise Broken(message, kind="removed")
        if said is not None and size > said:
            # Leaves and checkpoint agree: nothing of the tree is gone.
            message = f"the row of the tree says {said} sealed entries, and there are {size}"
            raise Broken(message, kind="tree")


def _check_leaves(trees: dict[uuid.UUID, Stored]) -> int:
    growing: _Growing | None = None
    sealed = 0
    # Also of a tree without leaves there may be a checkpoint, or its row.
    unseen: dict[uuid.UUID, int | None] = {tenant: None for (tenant,) in _rows(_CHECKPOINTED)}
    unseen |= {tenant: tree.sealed_size for tenant, tree in trees.items()}
    for tenant, index, entry, leaf, found in _streamed("ledger_leaves", _LEAVES):
        if growing is None or growing.tenant_id != tenant:
            sealed += _ended(growing, unseen)
            growing = _Growing(tenant)
        growing.add(index, entry, leaf, found)
    sealed += _ended(growing, unseen)
    for tenant in list(unseen):
        _ended(_Growing(tenant), unseen)
    return sealed


def _ended(growing: _Growing | None, unseen: dict[uuid.UUID, int | None]) -> int:
    return 0 if growing is None else growing.end(unseen.pop(growing.tenant_id, None))


def _check_anchors(outside: Outside) -> None:
    for tenant, anchored in outside.anchors.items():
        tree = outside.trees.get(tenant)
        known = 0 if tree is None else tree.anchored_size
        try:
            wrong = compared_with_anchor(tenant, newest_checkpoint(tenant), anchored, known=known)
        except Torn as torn:
            raise Broken(str(torn), kind="tree") from None
        if wrong:
            _say_contradiction(wrong)


def _check_trouble(outside: Outside) -> None:
    """Where no folder is named, or nothing is in it, what was found before is all that is known."""
    for tenant, tree in outside.trees.items():
        if outside.anchors.get(tenant) is None and tree.trouble.startswith(CONTRADICTIONS):
            _say_contradiction(tree.trouble)


def _say_contradiction(wrong: str) -> NoReturn:
    raise Broken(wrong, kind="anchor" if wrong.startswith(LOST) else "rollback")
