"""Anchoring as due rows: the newest checkpoint of a tree is put outside, and nightly compared.

A folder that is full or away makes the row due again later, with an error that stays to be seen; no
transaction of anybody's work ever waits for it.
"""

from __future__ import annotations

import logging
import time
import uuid
from pathlib import Path

from django.db import connection

from ledger.clock import now
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.faults import words_of
from ledger.ids import new_token
from ledger.models import LedgerTree
from ledger.tenancy import system_scope
from ledger.tree.anchors import (
    CONTRADICTIONS,
    LOST,
    anchor_folder,
    compared_with_anchor,
    newest_anchor,
    put_anchor,
)
from ledger.tree.signing_keys import NoKey, key_ring
from ledger.tree.stored_tree import StoredCheckpoint, Torn, newest_checkpoint
from ledger.tree.witnessing import MOST_DOUBLINGS, WITNESSES, to_be_shown

log = logging.getLogger(__name__)
TREES = LeaseTable("ledger_ledgertree", "tenant_id", scope="seal")
_LEASE_SECONDS = 60.0
#: How often an anchor is compared with the database when there is nothing to put.
NIGHTLY_SECONDS = 86_400.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 5.0, 900.0
_ERROR_LENGTH = 300
# When this process last listed all that is outside of a tree, by folder and tenant, and how large
# the tree was seen to be since.
_listed: dict[tuple[str, uuid.UUID], tuple[float, int]] = {}


def compare_soon() -> None:
    """Let each tree be compared with what is outside of it at once, and not only tonight: the
    database may have been put back while nobody worked. Called where work begins."""
    with system_scope("seal"), connection.cursor() as cursor:
        for table in (TREES.table, WITNESSES.table):
            cursor.execute(
                f"UPDATE {table} SET due_at = ledger_now()"  # noqa: S608  -- own words
                " WHERE attempts = 0 AND due_at > ledger_now()"
            )


def anchor_due(tenant_id: uuid.UUID, _id: uuid.UUID | None = None) -> bool:
    """Compare a tenant's tree with its newest anchor, and put its newest checkpoint outside;
    whether the row was due."""
    due = Due(tenant_id, tenant_id, new_token())
    with system_scope("seal"):
        if not TREES.take(due, _LEASE_SECONDS):
            return False
        row = LedgerTree.objects.get(tenant_id=tenant_id)
        newest = newest_checkpoint(tenant_id)
    error = trouble = ""
    try:
        trouble = _anchored(row, newest)
    except (OSError, NoKey, Torn) as failed:
        error = words_of(failed, _ERROR_LENGTH)
        log.warning("the tree of tenant %s is not anchored: %s", tenant_id, error)
    _settle(due, row, newest, error=error, trouble=trouble)
    return True


def _anchored(row: LedgerTree, newest: StoredCheckpoint | None) -> str:
    """Compare and put, outside of any transaction. Returns what is wrong with the database, if
    anything."""
    folder = anchor_folder()
    if folder is None:
        return ""
    trouble = _compared(folder, row, newest)
    if newest is not None and not trouble:
        put_anchor(folder, row.tenant_id, newest.size, newest.note)
    return trouble


def _compared(folder: Path, row: LedgerTree, newest: StoredCheckpoint | None) -> str:
    known = row.anchored_size
    listing = _is_to_be_listed(folder, row, newest)
    try:
        anchored = newest_anchor(
            folder, row.tenant_id, row.origin, key_ring().publics, known=None if listing else known
        )
    except (FileNotFoundError, NotADirectoryError):
        if known:
            return f"{LOST}: {folder} is not there"
        raise
    place, size = (str(folder), row.tenant_id), 0 if newest is None else newest.size
    _listed[place] = (time.monotonic() if listing else _listed[place][0], size)
    if anchored is None and row.trouble.startswith(CONTRADICTIONS) and not known:
        # Put there now, it would take back what was found: it would be all that there is.
        return row.trouble
    with system_scope("seal"):
        return compared_with_anchor(row.tenant_id, newest, anchored, known=known)


def _is_to_be_listed(folder: Path, row: LedgerTree, newest: StoredCheckpoint | None) -> bool:
    """Whether all that is there is looked at, and not only what was put last: where nothing is put,
    in trouble, where the tree is smaller than it was, and by each process once a night. A folder
    that grows for ever is not listed for each checkpoint."""
    if row.trouble or newest is None or newest.size <= row.anchored_size:
        return True
    at, size = _listed.get((str(folder), row.tenant_id), (None, 0))
    return at is None or newest.size < size or time.monotonic() - at >= NIGHTLY_SECONDS


def _settle(
    due: Due, row: LedgerTree, newest: StoredCheckpoint | None, *, error: str, trouble: str
) -> None:
    with system_scope("seal"):
        if not TREES.is_ours(due):
            log.warning("the anchoring of tenant %s was taken over", due.tenant_id)
            return
        # While it was put, more may have been sealed: then it is due at once.
        found = LedgerTree.objects.get(tenant_id=due.tenant_id)
        found.last_error = error
        found.attempts = row.attempts + 1 if error else 0
        done = anchor_folder() is not None and not error and not trouble
        if done and newest is not None:
            found.anchored_size, found.anchored_at = newest.size, now()
        if trouble:
            log.error("the tree of tenant %s is in trouble: %s", due.tenant_id, trouble)
            found.trouble = trouble
        found.save(
            update_fields=["last_error", "attempts", "anchored_size", "anchored_at", "trouble"]
        )
        # Who came to sign only after all was sealed is shown it too.
        if newest is not None and not trouble:
            to_be_shown(due.tenant_id)
        more = done and found.sealed_size > found.anchored_size
        doubled = _FIRST_PAUSE_SECONDS * 2.0 ** min(found.attempts - 1, MOST_DOUBLINGS)
        pause = min(doubled, _LONGEST_PAUSE_SECONDS)
        wait = pause if error else 0.0 if more else NIGHTLY_SECONDS
        TREES.put_back(due.tenant_id, due.id, wait)
