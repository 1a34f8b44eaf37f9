"""How the ledger of a tenant is: gaps, transitions nobody recorded, what is not sealed or not put
outside yet, and what is in the way of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import uuid
from typing import Any

from audit.tree_trouble import Trouble, trouble_of
from ledger.canonical import canonical
from ledger.chain_counts import ChainCounts, TransitionCounts, chain_counts, transition_counts
from ledger.clock import now, rfc3339
from ledger.tree.standing import TreeStanding, tree_standing
from ledger.tree.stored_tree import removed_unsealed, seal_lag


@dataclasses.dataclass(frozen=True, slots=True)
class Unsealed:
    """How many entries no tree has yet, when the oldest of them was written, and how many of them
    are gone."""

    entries: int
    oldest_at: dt.datetime | None
    removed: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Health:
    """How a ledger was found."""

    checked_at: dt.datetime
    chains: ChainCounts
    transitions: list[TransitionCounts]
    unsealed: Unsealed
    tree: TreeStanding | None
    trouble: Trouble | None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing: what waits to be sealed is late, not lost."""
        missing = self.chains.gaps or self.unsealed.removed
        return not missing and all(each.agrees for each in self.transitions)

    @property
    def healthy(self) -> bool:
        """Whether nothing is missing, and nothing in the way of the tree."""
        return self.complete and self.trouble is None

    @property
    def anomalies(self) -> dict[str, Any]:
        """Return what is wrong, as the entry about it keeps it."""
        return {
            "gaps": self.chains.gaps,
            "chains": self.chains.named,
            "removed": self.unsealed.removed,
            "transitions": [
                dataclasses.asdict(each) for each in self.transitions if not each.agrees
            ],
        }

    @property
    def digest(self) -> str:
        """Return what tells these anomalies from others, however much is recorded meanwhile."""
        missing = {
            each.subject_type: [each.transitions - each.recorded, each.astray]
            for each in self.transitions
            if not each.agrees
        }
        said = {"gaps": self.chains.gaps, "chains": self.chains.named, "missing": missing}
        if self.unsealed.removed:
            # Not where there are none: what was told before it was counted is not told anew.
            said["removed"] = self.unsealed.removed
        return hashlib.sha256(canonical(said)).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return it as the API shows it; ages in seconds."""
        waits, oldest = self.unsealed, self.unsealed.oldest_at
        return {
            "healthy": self.healthy,
            "checked_at": rfc3339(self.checked_at),
            "chains": self.chains.chains,
            "entries": self.chains.entries,
            "gaps": {"count": self.chains.gaps, "chains": self.chains.named},
            "transitions": [
                {**dataclasses.asdict(each), "agrees": each.agrees} for each in self.transitions
            ],
            "unsealed": {
                "entries": waits.entries,
                "oldest_at": oldest and rfc3339(oldest),
                "age": oldest and int((self.checked_at - oldest).total_seconds()),
                "removed": waits.removed,
            },
            "tree": None if self.tree is None else _tree(self.tree),
            "trouble": self.trouble and dataclasses.asdict(self.trouble),
        }


def _tree(tree: TreeStanding) -> dict[str, Any]:
    at = tree.anchored_at
    return {
        "sealed": tree.sealed_size,
        "anchored": tree.anchored_size,
        "anchored_at": at and rfc3339(at),
        "error": tree.last_error or None,
    }


def health_of(tenant_id: uuid.UUID) -> Health:
    """Count a tenant's ledger: its cost grows with what is in it. Runs in the tenant's scope."""
    lag, moment = seal_lag(tenant_id), now()
    oldest = moment - dt.timedelta(seconds=lag.seconds) if lag.entries else None
    counts = chain_counts(tenant_id), transition_counts(tenant_id)
    tree = tree_standing(tenant_id)
    trouble = trouble_of(tree, lag, moment)
    unsealed = Unsealed(lag.entries, oldest, removed_unsealed(tenant_id))
    return Health(moment, *counts, unsealed, tree, trouble)
