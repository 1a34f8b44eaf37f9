"""What is in the way of a tenant's tree: it is not gone on with, not sealed, or not put outside."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Final

from django.conf import settings

from ledger.tree.standing import TreeStanding
from ledger.tree.stored_tree import SealLag

NOT_SEALED: Final = "NOT SEALED"
NOT_ANCHORED: Final = "NOT ANCHORED"
#: What waits for so long longer than it should is trouble, in seconds.
LATE_SECONDS: Final = 3600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Trouble:
    """What is in the way, as one word (`ROLLBACK`, `REWRITTEN`, `ANCHOR LOST`, `TORN`, `REMOVED`,
    `FORGED`, `NO KEY`, `NOT SEALED`, `NOT ANCHORED`), and in a sentence."""

    code: str
    detail: str


def trouble_of(tree: TreeStanding | None, lag: SealLag, moment: dt.datetime) -> Trouble | None:
    """Return what is in the way, the worst first, or None."""
    if tree is not None and tree.trouble:
        return Trouble(tree.trouble.partition(":")[0].strip(), tree.trouble)
    if lag.entries and lag.seconds > settings.AMENDS_SEAL_SECONDS + LATE_SECONDS:
        waits = f"{lag.entries} entries, the oldest for {int(lag.seconds)} s"
        return Trouble(NOT_SEALED, f"{NOT_SEALED}: {waits}")
    if tree is not None and tree.last_error and _is_late(tree.overdue_since, moment):
        return Trouble(NOT_ANCHORED, f"{NOT_ANCHORED}: {tree.last_error}")
    return None


def _is_late(since: dt.datetime | None, moment: dt.datetime) -> bool:
    # Not from when something was put outside last: after a quiet time that is long ago.
    return since is not None and (moment - since).total_seconds() > LATE_SECONDS
