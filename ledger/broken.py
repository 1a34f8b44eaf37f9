"""What is said of a ledger that does not hold."""

from __future__ import annotations

import uuid
from typing import Literal

#: What is wrong with the first bad entry: its bytes, a column beside them, a payload, its place in
#: its chain, a link to another entry, the row it is about, its place in the tree; or it is gone; or
#: a checkpoint is not ours, says something else, or is older than what is kept outside; or that is
#: not there any more.
Kind = Literal[
    "bytes", "column", "payload", "chain", "link", "subject", "tree", "removed",
    "forged", "checkpoint", "rollback", "anchor",
]  # fmt: skip


class Broken(Exception):
    """The ledger does not hold. `entry` is the first bad entry, or None for a missing chain."""

    def __init__(
        self, message: str, *, entry: uuid.UUID | None = None, kind: Kind = "chain"
    ) -> None:
        self.entry = entry
        self.kind: Kind = kind
        super().__init__(message)
