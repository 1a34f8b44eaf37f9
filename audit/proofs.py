"""What an auditor takes away: proofs of single entries, the newest checkpoint, consistency.

Every function runs in the caller's tenant scope.
"""

from __future__ import annotations

import base64
import uuid
from typing import Any

from django.utils.translation import gettext as _

from ledger.errors import Conflict, Invalid, NotFound
from ledger.selectors import all_entries
from ledger.tree.countersigned import cosignatures_of
from ledger.tree.signed_notes import proof_file
from ledger.tree.stored_tree import (
    StoredCheckpoint,
    consistency_proof,
    inclusion_proof,
    indices_of,
    newest_checkpoint,
    root_at,
    seal_lag,
)


class NotSealed(Conflict):
    """It is recorded, but not in the tree yet; `seal_lag` says what waits, and for how long."""

    default_code = "not_sealed"


def proof_of(tenant_id: uuid.UUID, entry_id: uuid.UUID) -> str:
    """Return the proof that an entry is in the tree of the newest checkpoint (C2SP tlog-proof).

    Raises NotFound for no such entry, NotSealed for one that has no place yet.
    """
    index = indices_of(tenant_id, [entry_id]).get(entry_id)
    if index is None:
        if not all_entries(tenant_id).filter(id=entry_id).exists():
            raise NotFound(_("There is no such entry."))
        raise _not_sealed(tenant_id)
    newest = _newest(tenant_id)
    path = inclusion_proof(tenant_id, index, newest.size, stored=newest.size)
    return proof_file(index, path, _cosigned(tenant_id, newest))


def checkpoint_of(tenant_id: uuid.UUID) -> str:
    """Return the newest checkpoint, a signed note. Raises NotSealed where there is none yet."""
    return _cosigned(tenant_id, _newest(tenant_id))


def consistency_of(tenant_id: uuid.UUID, first: int, second: int | None) -> dict[str, Any]:
    """Return the proof that the tree at `second`, the newest unless said, goes on from `first`.

    Raises Invalid where both are said and the older one is larger, NotSealed for a size that the
    tree has not reached.
    """
    if second is not None and first > second:
        raise Invalid.field("first", _("first: no larger than second."), code="range")
    newest = _newest(tenant_id)
    until = newest.size if second is None else second
    if max(first, until) > newest.size:
        sentence = _("So far the tree has %(size)s entries.") % {"size": newest.size}
        raise _not_sealed(tenant_id, sentence)
    proof = consistency_proof(tenant_id, first, until, stored=newest.size)
    return {
        "first": first,
        "second": until,
        "first_root": _base64(root_at(tenant_id, first, stored=newest.size)),
        "second_root": _base64(root_at(tenant_id, until, stored=newest.size)),
        "hashes": [_base64(each) for each in proof],
        "checkpoint": _cosigned(tenant_id, newest),
    }


def _newest(tenant_id: uuid.UUID) -> StoredCheckpoint:
    newest = newest_checkpoint(tenant_id)
    if newest is None:
        raise _not_sealed(tenant_id)
    return newest


def _cosigned(tenant_id: uuid.UUID, newest: StoredCheckpoint) -> str:
    """Return a note with the lines of the witnesses that have signed it by now."""
    return newest.note + cosignatures_of(tenant_id, [newest.size]).get(newest.size, "")


def _not_sealed(tenant_id: uuid.UUID, sentence: str = "") -> NotSealed:
    lag = seal_lag(tenant_id)
    return NotSealed(
        sentence or _("It is not in the tree yet. Ask again in a moment."),
        extra={"seal_lag": {"entries": lag.entries, "seconds": round(lag.seconds, 3)}},
    )


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
