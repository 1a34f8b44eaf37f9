"""The sealer: gives unsealed entries their places in the tree of their tenant, and signs.

What is unsealed is a row that the entry's own transaction wrote, so a commit that comes late is
found like any other; nothing is read "from where we were". A portion is one transaction: rows taken
from the unsealed, leaves, tiles that they fill, the checkpoint. Killed anywhere, nothing of it has
happened. Two sealers of one tree: the second finds the lock taken and goes away. Were it not there,
the keys of leaves and checkpoints would refuse the second.
"""

from __future__ import annotations

import dataclasses
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection
from typing_extensions import override

from ledger import clock, failpoints
from ledger.dispatch.lease_table import LeaseTable
from ledger.faults import words_of
from ledger.models import Checkpoint, LedgerTile, LedgerTree
from ledger.tenancy import system_scope
from ledger.tree.anchor_comparison import Outside, Refused, compare, saw, what_is_outside
from ledger.tree.anchors import CONTRADICTIONS
from ledger.tree.merkle import EMPTY_ROOT, Tile, is_consistent
from ledger.tree.signed_notes import Forged, SignedTree, opened, signed
from ledger.tree.signing_keys import KeyRing, NoKey, key_ring
from ledger.tree.stored_tree import (
    StoredCheckpoint,
    Torn,
    consistency_proof,
    edge,
    newest_checkpoint,
)
from ledger.tree.witnessing import to_be_shown

log = logging.getLogger(__name__)
failpoints.declare("seal.leaves", "seal.checkpoint")
#: So many entries at most are sealed in one transaction.
PORTION = 8192
#: How long one goes on sealing one tree before others have a turn.
TURN_SECONDS = 10.0
_ERROR_LENGTH = 300
#: The queue of all that looks after trees.
QUEUE = "upkeep"
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('ledger tree ' || %s::text, 0))"
# Whose rows are old enough, stepping from tenant to tenant: what one of them has is never read.
_DUE = """
WITH RECURSIVE place(tenant_id) AS (
    (SELECT tenant_id FROM ledger_unsealedentry ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT n.tenant_id FROM place CROSS JOIN LATERAL (
        SELECT t.tenant_id FROM ledger_unsealedentry t
        WHERE t.tenant_id > place.tenant_id ORDER BY t.tenant_id LIMIT 1) n
)
SELECT place.tenant_id FROM place CROSS JOIN LATERAL (
    SELECT t.since FROM ledger_unsealedentry t WHERE t.tenant_id = place.tenant_id
    ORDER BY t.entry_id LIMIT 1) oldest
WHERE oldest.since <= ledger_now() - make_interval(secs => %(after)s)
  AND place.tenant_id IS DISTINCT FROM %(but)s::uuid
  AND NOT EXISTS (SELECT 1 FROM ledger_ledgertree r
                  WHERE r.tenant_id = place.tenant_id AND r.seal_at > ledger_now())
ORDER BY random() LIMIT %(limit)s
"""
# What is in the way is not asked for again at once, and ever less often. What was found outside is
# not covered by what is found inside: with that put right, nobody would know of it any more.
_PUT_OFF = """
UPDATE ledger_ledgertree SET seal_attempts = least(seal_attempts + 1, 10),
    trouble = CASE WHEN %(inside)s AND trouble ~ %(outside)s THEN trouble ELSE %(trouble)s END,
    seal_at = ledger_now() + make_interval(secs => least(5 * 2 ^ seal_attempts, 900))
WHERE tenant_id = %(tenant)s
"""
_OUTSIDE = f"^({'|'.join(CONTRADICTIONS)})"
# The leaf is the hash of the bytes that are stored, not what a column says of them. An entry that
# has a place keeps it, whatever the rows say that remember what is unsealed. One that waited and is
# gone has no hash; it is named.
_TAKE = """
WITH taken AS (
    DELETE FROM ledger_unsealedentry u USING (
        SELECT entry_id FROM ledger_unsealedentry WHERE tenant_id = %(tenant)s
        ORDER BY entry_id LIMIT %(most)s) o
    WHERE u.tenant_id = %(tenant)s AND u.entry_id = o.entry_id
    RETURNING u.entry_id
), fresh AS (
    SELECT t.entry_id AS id, sha256('\\x00'::bytea || e.body) AS hash,
           %(size)s::bigint + row_number() OVER (ORDER BY t.entry_id) - 1 AS place
    FROM taken t LEFT JOIN ledger_ledgerentry e ON e.tenant_id = %(tenant)s AND e.id = t.entry_id
    WHERE NOT EXISTS (SELECT 1 FROM ledger_ledgerleaf l
                      WHERE l.tenant_id = %(tenant)s AND l.entry_id = t.entry_id)
), sealed AS (
    INSERT INTO ledger_ledgerleaf (tenant_id, tree_index, entry_id, leaf_hash)
    SELECT %(tenant)s, place, id, hash FROM fresh WHERE hash IS NOT NULL
)
SELECT hash, CASE WHEN hash IS NULL THEN id END FROM fresh ORDER BY place
"""


class UnsealedTrees(LeaseTable):
    """Trees that have entries waiting, as due rows: one a tenant. The lock is the lease."""

    @override
    def due(
        self,
        queues: Sequence[str],
        *,
        limit: int,
        untaken: float = 0.0,
        each: int | None = None,
        but: uuid.UUID | None = None,
    ) -> list[tuple[str, uuid.UUID, uuid.UUID, float]]:
        """Return (queue, tenant, tenant, seconds) of trees whose oldest unsealed entry has waited
        long enough."""
        if QUEUE not in queues:
            return []
        after = settings.AMENDS_SEAL_SECONDS + untaken
        with system_scope("seal"), connection.cursor() as cursor:
            cursor.execute(_DUE, {"after": after, "but": but, "limit": limit})
            seconds = TURN_SECONDS + _LONGEST
            return [(QUEUE, row[0], row[0], seconds) for row in cursor.fetchall()]


_LONGEST = 60.0
# What is in the way of sealing is the tree's trouble, and told as that.
UNSEALED = UnsealedTrees(
    "ledger_unsealedentry", "entry_id", due_at="since", scope="seal", keeps_trouble=False
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Tree:
    """A tree as the sealer finds it, and the keys it signs with."""

    tenant_id: uuid.UUID
    origin: str
    newest: StoredCheckpoint | None
    keys: KeyRing

    @property
    def size(self) -> int:
        return 0 if self.newest is None else self.newest.size

    @property
    def root(self) -> bytes:
        return EMPTY_ROOT if self.newest is None else self.newest.root


def seal_due(tenant_id: uuid.UUID, _id: uuid.UUID | None = None) -> bool:
    """Seal what a tenant has unsealed, portion after portion; whether there was anything."""
    until = time.monotonic() + TURN_SECONDS
    sealed = 0
    while count := seal_portion(tenant_id):
        sealed += count
        if time.monotonic() > until:
            break
    return sealed > 0


def seal_portion(tenant_id: uuid.UUID, *, most: int = PORTION) -> int:
    """Seal up to `most` entries in a transaction of its own. Returns how many: 0 where there are
    none, another sealer is at it, or the tree must not be gone on with.

    What is in the way is kept as the tree's trouble, and it is not due again before a pause.
    """
    try:
        return _portion(tenant_id, key_ring(), most)
    except NoKey as error:
        _put_off(tenant_id, f"NO KEY: {error}")
    except Torn as torn:
        _put_off(tenant_id, f"TORN: {torn}")
    except Refused as refused:
        _put_off(tenant_id, str(refused))
    except IntegrityError as error:
        # The keys of leaves, tiles and checkpoints refuse what is there already.
        said = words_of(error, _ERROR_LENGTH)
        _put_off(tenant_id, f"TORN: more is there than the newest checkpoint is of: {said}")
    return 0


def _portion(tenant_id: uuid.UUID, keys: KeyRing, most: int) -> int:
    outside = _outside(tenant_id, keys)
    with system_scope("seal"):
        if not _locked(tenant_id):
            return 0
        row = _row(tenant_id)
        tree = _Tree(tenant_id, row.origin, newest_checkpoint(tenant_id), keys)
        _check(tree, outside, row.trouble)
        if (row.trouble or row.seal_attempts) and not _settled(row):
            return 0
        sealed = _seal(tree, most)
        # Not committed yet: a tree whose commit fails is compared once more than it need be.
        saw(tenant_id, tree.size + sealed)
        return sealed


def _settled(row: LedgerTree) -> bool:
    """Take trouble back that is none any more; False where another has been found meanwhile, by
    who anchors, without the lock of sealing: that one is not taken back unseen."""
    found = LedgerTree.objects.filter(tenant_id=row.tenant_id, trouble=row.trouble)
    return found.update(trouble="", seal_attempts=0, seal_at=None) > 0


def _outside(tenant_id: uuid.UUID, keys: KeyRing) -> Outside | None:
    with system_scope("seal"):
        row = LedgerTree.objects.filter(tenant_id=tenant_id).first()
    new = LedgerTree(tenant_id=tenant_id, origin=origin_of(tenant_id))
    return what_is_outside(row or new, keys.publics)


def _row(tenant_id: uuid.UUID) -> LedgerTree:
    row, _ = LedgerTree.objects.get_or_create(
        tenant_id=tenant_id, defaults={"origin": origin_of(tenant_id)}
    )
    return row


def origin_of(tenant_id: uuid.UUID) -> str:
    """Return the name of a tenant's tree, by which its checkpoints say what they are about. A tree
    keeps the one it began with."""
    return f"{settings.AMENDS_LEDGER_ORIGIN}/ledger/{tenant_id}"


def _locked(tenant_id: uuid.UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [str(tenant_id)])
        return bool(cursor.fetchone()[0])


def _put_off(tenant_id: uuid.UUID, trouble: str) -> None:
    """Keep what is in the way, in a transaction of its own: the one that met it is undone."""
    log.error("the tree of tenant %s is not gone on with: %s", tenant_id, trouble)
    with system_scope("seal"), connection.cursor() as cursor:
        _row(tenant_id)
        inside = not trouble.startswith(CONTRADICTIONS)
        given: dict[str, Any] = {
            "tenant": tenant_id, "trouble": trouble, "inside": inside, "outside": _OUTSIDE
        }  # fmt: skip
        cursor.execute(_PUT_OFF, given)


def _check(tree: _Tree, outside: Outside | None, trouble: str) -> None:
    """Refuse to go on from a checkpoint that is not ours, or that is older than what is outside.
    `trouble`: what was in the way until now."""
    if tree.newest is not None:
        try:
            said = opened(tree.newest.note, tree.keys.publics)
        except Forged as forged:
            raise Refused(f"FORGED: the newest checkpoint: {forged}") from None
        if said != SignedTree(tree.origin, tree.size, tree.root):
            raise Refused("FORGED: the newest checkpoint says something else than its columns")
    compare(tree.tenant_id, tree.newest, outside, trouble)


def _seal(tree: _Tree, most: int) -> int:
    tenant_id = tree.tenant_id
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"tenant": tenant_id, "most": most, "size": tree.size})
        taken = cursor.fetchall()
    for gone in (id_ for _, id_ in taken if id_ is not None):
        raise Refused(f"REMOVED: entry {gone} waited to be sealed, and is gone")
    leaves = [bytes(hash_) for hash_, _ in taken]
    if not leaves:
        return 0
    failpoints.reach("seal.leaves")
    growing = edge(tenant_id, tree.size)
    _store(tenant_id, growing.push(leaves))
    size, root = growing.size, growing.root()
    proof = consistency_proof(tenant_id, tree.size, size, stored=size)
    if not is_consistent(tree.size, size, tree.root, root, proof):
        # Never signed, whatever the cause: who has the last checkpoint would hold a proof of lying.
        raise Torn(f"the tree of {size} does not go on from that of {tree.size}")
    Checkpoint.objects.create(
        tenant_id=tenant_id,
        size=size,
        root=root,
        previous_size=tree.size,
        consistency=b"".join(proof),
        note=signed(SignedTree(tree.origin, size, root), tree.keys.signing),
        at=clock.now(),
    )
    failpoints.reach("seal.checkpoint")
    _to_be_anchored(tenant_id, size)
    return len(leaves)


def _store(tenant_id: uuid.UUID, tiles: list[Tile]) -> None:
    LedgerTile.objects.bulk_create(
        LedgerTile(tenant_id=tenant_id, **tile._asdict()) for tile in tiles
    )


def _to_be_anchored(tenant_id: uuid.UUID, size: int) -> None:
    # Not before a failed attempt's time: a full disk is not asked for each portion.
    change: list[Any] = [size, tenant_id]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_ledgertree SET sealed_size = %s,"
            " due_at = CASE WHEN attempts = 0 THEN ledger_now() ELSE due_at END"
            " WHERE tenant_id = %s",
            change,
        )
    to_be_shown(tenant_id)
