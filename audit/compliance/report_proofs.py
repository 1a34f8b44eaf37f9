"""What a report is proven by: the newest checkpoint, and where each of its entries is in its tree.

A line's `hash` is the leaf; with `proof` it leads to the root that the checkpoint signs (RFC 9162
§2.1.3): whoever holds a report checks it without us, as they check an evidence pack.
"""

from __future__ import annotations

import base64
import dataclasses
import logging
import uuid
from collections.abc import Sequence
from typing import Any

from ledger.tree.stored_tree import Torn, inclusion_proofs, newest_checkpoint

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Checkpointed:
    """The size of the newest checkpoint and its text, a C2SP signed note."""

    size: int
    note: str

    def to_json(self) -> dict[str, Any]:
        """Return it as reports show it."""
        return dataclasses.asdict(self)


def prove(tenant_id: uuid.UUID, lines: Sequence[dict[str, Any]]) -> Checkpointed | None:
    """Put into each line its `proof`: null where its entry has no place yet. Two statements for all
    of them. Returns the checkpoint, None before there is one, or where the tree is torn, which
    stops no report. Runs in the caller's tenant scope."""
    newest = newest_checkpoint(tenant_id)
    size = 0 if newest is None else newest.size
    placed = {line["tree_index"] for line in lines if line["tree_index"] is not None}
    try:
        proofs = inclusion_proofs(tenant_id, {each for each in placed if each < size}, size)
    except Torn:
        log.exception("the tree of tenant %s proves nothing", tenant_id)
        newest, proofs = None, {}
    for line in lines:
        path = proofs.get(line["tree_index"])
        line["proof"] = None if path is None else [base64.b64encode(each).decode() for each in path]
    return None if newest is None else Checkpointed(newest.size, newest.note)
