"""What is outside of a tree, as the sealer compares it before it goes on.

Looked at while nothing is locked, since the place may be slow; compared under the lock of sealing.
"""

from __future__ import annotations

import dataclasses
import logging
import time
import uuid
from collections.abc import Collection
from pathlib import Path

from ledger.models import LedgerTree
from ledger.tree.anchors import (
    CONTRADICTIONS,
    LOST,
    anchor_folder,
    changed_at,
    compared_with_anchor,
    newest_anchor,
)
from ledger.tree.signed_notes import SignedTree
from ledger.tree.stored_tree import StoredCheckpoint

log = logging.getLogger(__name__)
# How long what was compared with its anchor is not compared again, unless another has been put.
_COMPARED_SECONDS = 86_400.0
# How long a place that could not be read is not asked again: it may be slow to say so.
_UNREADABLE_SECONDS = 60.0


class Refused(Exception):
    """The tree must not be gone on with; in words."""


@dataclasses.dataclass(frozen=True, slots=True)
class Outside:
    """The newest anchor, and how all was before it was read: up to where the database had put one,
    in which folder, when something was put there last, and what was in the way. Where something
    was, it is the newest of all that is there, and not only no older than the database knows."""

    folder: str
    known: int
    changed: int | None
    trouble: str
    anchored: SignedTree | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Compared:
    """When this process compared a tree with its anchor, and how both were: in which folder, up to
    where the database had put one, when something was put there last; and how large the tree was
    seen to be since."""

    folder: str
    known: int
    changed: int | None
    seen: int
    at: float

    def holds(self, row: LedgerTree, changed: int | None) -> bool:
        """Whether there is nothing new to compare. A tree that was larger was put back beneath us:
        what it knows of its anchor is then what it knew when we compared."""
        return (
            (self.known, self.changed) == (row.anchored_size, changed)
            and row.sealed_size >= self.seen
            and time.monotonic() - self.at < _COMPARED_SECONDS
        )

    def was_gone_on_from(self, row: LedgerTree) -> bool:
        """Whether another anchor was put since, as the database knows: then no more need be looked
        for than one that is no older."""
        return row.anchored_size > self.known and row.sealed_size >= self.seen


@dataclasses.dataclass(frozen=True, slots=True)
class _Unreadable:
    """When this process could not read what is outside of a tree, and how that was: in which
    folder, up to where the database had put one, and how large the tree was."""

    folder: str
    known: int
    size: int
    at: float

    def holds(self, row: LedgerTree, folder: Path) -> bool:
        """Whether it need not be tried again yet: not where the tree was put back meanwhile."""
        return (
            (self.folder, self.known) == (str(folder), row.anchored_size)
            and row.sealed_size >= self.size
            and time.monotonic() - self.at < _UNREADABLE_SECONDS
        )


_compared_at: dict[uuid.UUID, _Compared] = {}
_unreadable: dict[uuid.UUID, _Unreadable] = {}


def what_is_outside(row: LedgerTree, publics: Collection[bytes]) -> Outside | None:
    """Return what there is to compare a tree with, None where nothing has changed since it was
    compared, or it cannot be read.

    All that is there is looked at by a process that begins, where the database knows of nothing
    newer than it did, and where the tree is in trouble: the pointer may be behind, or the database.
    Raises Refused where what was put outside cannot be there.
    """
    folder = anchor_folder()
    if folder is None:
        return None
    # In trouble it is tried whenever the tree is: that has a pause of its own.
    failed = _unreadable.get(row.tenant_id)
    if failed is not None and failed.holds(row, folder) and not row.trouble:
        return None
    known, changed = row.anchored_size, changed_at(folder, row.tenant_id)
    before = _compared_at.get(row.tenant_id)
    if before is not None and before.folder != str(folder):
        before = None
    if before is not None and before.holds(row, changed) and not row.trouble:
        return None
    listed = bool(row.trouble) or before is None or not before.was_gone_on_from(row)
    try:
        anchored = newest_anchor(
            folder, row.tenant_id, row.origin, publics, known=None if listed else known
        )
    except OSError as error:
        if known and isinstance(error, FileNotFoundError | NotADirectoryError):
            raise Refused(f"{LOST}: {folder} is not there") from None
        # Outside is out of reach: that is told where anchors are put, and holds nothing up.
        log.warning("the anchors cannot be read: %s", error)
        _unreadable[row.tenant_id] = _Unreadable(
            str(folder), known, row.sealed_size, time.monotonic()
        )
        return None
    _unreadable.pop(row.tenant_id, None)
    return Outside(str(folder), known, changed, row.trouble, anchored)


def compare(
    tenant_id: uuid.UUID, newest: StoredCheckpoint | None, outside: Outside | None, trouble: str
) -> None:
    """Refuse a tree that is older than what is outside, or another. Runs in the scope of sealing.

    `trouble`: what is in the way until now. What was found outside stays until all that is there
    has been looked at and compared by one who knew of it: that it cannot be read, that no folder is
    named any more, or that nothing is in it, puts nothing right. Raises Refused, Torn.
    """
    if trouble.startswith(CONTRADICTIONS) and (outside is None or outside.trouble != trouble):
        raise Refused(trouble)
    if outside is None:
        return
    wrong = compared_with_anchor(tenant_id, newest, outside.anchored, known=outside.known)
    if wrong:
        raise Refused(wrong)
    if trouble.startswith(CONTRADICTIONS) and outside.anchored is None:
        # The database need not know that anything was put there: its dump may be older than that.
        raise Refused(trouble)
    size = 0 if newest is None else newest.size
    _compared_at[tenant_id] = _Compared(
        outside.folder, outside.known, outside.changed, size, time.monotonic()
    )


def saw(tenant_id: uuid.UUID, size: int) -> None:
    """Remember how large a tree has become since it was compared."""
    if tenant_id in _compared_at:
        _compared_at[tenant_id] = dataclasses.replace(_compared_at[tenant_id], seen=size)
