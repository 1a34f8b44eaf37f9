"""Anchors: checkpoints kept where who owns the database does not own them.

`AMENDS_ANCHOR_DIR` names a directory, one that only grows if it can be (object storage with
retention, another machine): a file for each anchored checkpoint, `<tenant>/<size>.checkpoint`. The
newest one outside is compared with the database before a worker seals for the first time, when
another has been put there, when a tree is smaller than it was, and nightly: a database that is
older than its anchor was put back, or rewritten, and its tree is not gone on with; neither is one
whose anchor is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import uuid
from collections.abc import Collection
from pathlib import Path

from django.conf import settings

from ledger.tree.signed_notes import Forged, SignedTree, opened
from ledger.tree.stored_tree import StoredCheckpoint, root_at

log = logging.getLogger(__name__)
_SUFFIX = ".checkpoint"
# Names the file that was put last: who looks often does not list what grows for ever.
_NEWEST = "newest"
#: What it is called where something was put outside, and is not there any more. Whoever removes it
#: would otherwise switch off that a database which was put back is noticed.
LOST = "ANCHOR LOST"
#: How trouble begins that only a comparison with what is outside can find, and take back.
CONTRADICTIONS = ("ROLLBACK", "REWRITTEN", LOST)


def anchor_folder() -> Path | None:
    """Return where checkpoints are kept outside, or None where nobody said."""
    return Path(settings.AMENDS_ANCHOR_DIR) if settings.AMENDS_ANCHOR_DIR else None


def changed_at(folder: Path, tenant_id: uuid.UUID) -> int | None:
    """Return when something of a tenant was put there or removed last, as the file system counts;
    None where there is nothing, or it cannot be asked."""
    with contextlib.suppress(OSError):
        return (folder / str(tenant_id)).stat().st_mtime_ns
    return None


def put_anchor(folder: Path, tenant_id: uuid.UUID, size: int, note: str) -> None:
    """Keep a checkpoint outside, on the disk and under its own name at once. What is there stays.

    Raises OSError where it cannot be kept.
    """
    target = folder / str(tenant_id) / f"{size:020d}{_SUFFIX}"
    if not target.exists():
        # The folder itself is never made: one that is not mounted would be made beneath its place.
        target.parent.mkdir(exist_ok=True)
        _put(target, note)
    # Where nothing may be replaced it stays behind, and is not needed.
    with contextlib.suppress(OSError):
        _point_to(target)


def _put(target: Path, note: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".")
    written = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            target.hardlink_to(written)
    finally:
        written.unlink()


def _point_to(target: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".")
    written = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(target.name.encode())
        written.replace(target.with_name(_NEWEST))
    except OSError:
        written.unlink(missing_ok=True)
        raise


def newest_anchor(
    folder: Path,
    tenant_id: uuid.UUID,
    origin: str,
    publics: Collection[bytes],
    *,
    known: int | None = None,
) -> SignedTree | None:
    """Return what the newest checkpoint outside says that one of our keys has signed, or None.

    One that nobody of ours signed is passed over, and logged: whoever can write there cannot hold
    up the sealing. With `known`, how large the one is that was put last, the folder is not listed
    where its pointer names one that is no smaller. Raises OSError where the folder cannot be read,
    or is not there.
    """
    there = folder / str(tenant_id)
    if known is not None:
        tree = _pointed_to(there, origin, publics)
        if tree is not None and tree.size >= known:
            return tree
    try:
        names = [each.name for each in there.iterdir()]
    except FileNotFoundError:
        if not folder.is_dir():
            raise
        return None
    for name in sorted((each for each in names if each.endswith(_SUFFIX)), reverse=True):
        tree = _read(there / name, origin, publics)
        if tree is not None:
            return tree
    return None


def _pointed_to(there: Path, origin: str, publics: Collection[bytes]) -> SignedTree | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        name = (there / _NEWEST).read_text(encoding="utf-8")
        # A name, and no path to somewhere else.
        if name.endswith(_SUFFIX) and name.removesuffix(_SUFFIX).isdecimal():
            return _read(there / name, origin, publics)
    return None


def _read(path: Path, origin: str, publics: Collection[bytes]) -> SignedTree | None:
    try:
        tree = opened(path.read_text(encoding="utf-8"), publics)
    except (Forged, UnicodeDecodeError) as error:
        log.warning("the anchor %s is not ours: %s", path, error)
        return None
    if tree.origin == origin:
        return tree
    log.warning("the anchor %s is of another tree: %s", path, tree.origin)
    return None


def anchored_tenants(folder: Path) -> list[uuid.UUID]:
    """Return the tenants that have anchors. Raises OSError."""
    found = []
    for each in folder.iterdir():
        with contextlib.suppress(ValueError):
            found.append(uuid.UUID(each.name))
    return found


def compared_with_anchor(
    tenant_id: uuid.UUID,
    stored: StoredCheckpoint | None,
    anchored: SignedTree | None,
    *,
    known: int,
) -> str:
    """Return what is wrong with a stored tree as its newest anchor knows it, or "".

    `known`: up to where the database said, before the anchor was read, that it had been put
    outside. Runs in a scope that reads the tenant's tree.
    """
    if anchored is None or anchored.size < known:
        wrong = _compared(tenant_id, stored, anchored)
        there = "none" if anchored is None else f"none of more than {anchored.size}"
        lost = f"{LOST}: a checkpoint of {known} entries was put outside, and there is {there}"
        return wrong or (lost if known else "")
    return _compared(tenant_id, stored, anchored)


def _compared(
    tenant_id: uuid.UUID, stored: StoredCheckpoint | None, anchored: SignedTree | None
) -> str:
    if anchored is None or anchored.size == 0:
        return ""
    size = 0 if stored is None else stored.size
    if anchored.size > size:
        return (
            f"ROLLBACK: outside there is a signed checkpoint of {anchored.size} entries, in the"
            f" database one of {size}"
        )
    if root_at(tenant_id, anchored.size, stored=size) != anchored.root:
        return (
            f"REWRITTEN: the first {anchored.size} entries have another root than the signed"
            " checkpoint outside says"
        )
    return ""
