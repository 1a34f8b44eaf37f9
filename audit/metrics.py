"""The ledger in figures, in the text format of Prometheus.

What costs the more the larger the ledger is was counted by the watch (`audit.actions.watching`);
the rest is read now, from a few rows.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any, Final

from audit.ledger_standing import Standing, standing_of
from audit.models import LedgerWatch
from audit.tree_trouble import Trouble, trouble_of
from ledger.clock import now
from ledger.tree.standing import TreeStanding, tree_standing
from ledger.tree.stored_tree import SealLag, seal_lag

_PREFIX: Final = "amends_ledger"
Sample = tuple[str, dict[str, str], float]
_HELP: Final = {
    "unsealed_entries": "Entries that no tree has yet.",
    "unsealed_age_seconds": "Seconds since the oldest of them was written.",
    "sealed_entries": "Entries in the tree.",
    "anchored_entries": "Entries of the newest checkpoint that was put outside.",
    "anchor_age_seconds": "Seconds since a checkpoint was put outside.",
    "trouble": "1 for what is in the way of the tree.",
    "due_work_stopped": "1 for what falls due and is not done, because its work is in trouble.",
    "counted_age_seconds": "Seconds since all of it was counted.",
    "chains": "Chains, when all of it was counted.",
    "entries": "Entries, when all of it was counted.",
    "gaps": "Chains with a gap, when all of it was counted.",
    "unsealed_removed": "Entries that waited to be sealed and are gone, when all was counted.",
    "transitions": "Changes that rows of a kind say they made, when all of it was counted.",
    "transitions_recorded": "Of these, what the ledger has.",
    "rows_astray": "Rows that are not where their newest entry left them.",
    "check_intact": "Whether the last check that ended found all of it intact.",
    "check_age_seconds": "Seconds since that check ended.",
}


def metrics_of(tenant_id: uuid.UUID) -> str:
    """Return the figures of a tenant. Four statements. Runs in the caller's tenant scope."""
    moment = now()
    tree, lag = tree_standing(tenant_id), seal_lag(tenant_id)
    watch = LedgerWatch.objects.filter(tenant_id=tenant_id).first()
    samples = [
        *_of_tree(tree, lag, moment),
        *_of_trouble(trouble_of(tree, lag, moment)),
        *_of_due_work(watch),
        *_of_count(watch, moment),
        *_of_check(standing_of(tenant_id), moment),
    ]
    return "".join(_written(samples, str(tenant_id)))


def _of_tree(tree: TreeStanding | None, lag: SealLag, moment: dt.datetime) -> Iterator[Sample]:
    yield "unsealed_entries", {}, lag.entries
    yield "unsealed_age_seconds", {}, round(lag.seconds, 3)
    yield "sealed_entries", {}, 0 if tree is None else tree.sealed_size
    yield "anchored_entries", {}, 0 if tree is None else tree.anchored_size
    if tree is not None and tree.anchored_at is not None:
        yield "anchor_age_seconds", {}, _age(tree.anchored_at, moment)


def _of_trouble(trouble: Trouble | None) -> Iterator[Sample]:
    if trouble is not None:
        yield "trouble", {"code": trouble.code}, 1


def _of_due_work(watch: LedgerWatch | None) -> Iterator[Sample]:
    for source in sorted({} if watch is None else watch.stopped):
        yield "due_work_stopped", {"source": source}, 1


def _of_count(watch: LedgerWatch | None, moment: dt.datetime) -> Iterator[Sample]:
    if watch is None or watch.found is None or watch.counted_at is None:
        return
    found: dict[str, Any] = watch.found
    yield "counted_age_seconds", {}, _age(watch.counted_at, moment)
    yield "chains", {}, found["chains"]
    yield "entries", {}, found["entries"]
    yield "gaps", {}, found["gaps"]["count"]
    # What was counted by an earlier version does not say.
    yield "unsealed_removed", {}, found["unsealed"].get("removed", 0)
    for name, member in (
        ("transitions", "transitions"),
        ("transitions_recorded", "recorded"),
        ("rows_astray", "astray"),
    ):
        for each in found["transitions"]:
            yield name, {"subject_type": each["subject_type"]}, each[member]


def _of_check(standing: Standing, moment: dt.datetime) -> Iterator[Sample]:
    at = standing.failed_at or standing.checked_at
    if at is not None:
        intact = standing.outcome == "valid" and standing.failed_at is None
        yield "check_intact", {}, int(intact)
        yield "check_age_seconds", {}, _age(at, moment)


def _age(at: dt.datetime, moment: dt.datetime) -> float:
    return round(max((moment - at).total_seconds(), 0.0), 3)


def _written(samples: list[Sample], tenant: str) -> Iterator[str]:
    told = ""
    for name, labels, value in samples:
        if name != told:
            yield f"# HELP {_PREFIX}_{name} {_HELP[name]}\n# TYPE {_PREFIX}_{name} gauge\n"
            told = name
        said = ",".join(f'{key}="{each}"' for key, each in {"tenant": tenant, **labels}.items())
        yield f"{_PREFIX}_{name}{{{said}}} {value}\n"
