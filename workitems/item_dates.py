"""What an item's page says of its deadlines, beside when it is due. Pure."""

from __future__ import annotations

from typing import Any

from workitems.deadlines import limits_of, moment_of, still_counts
from workitems.lifecycle import NOT_HELD
from workitems.models import WorkItem
from workitems.words import DEADLINES


def deadlines_ahead(item: WorkItem) -> list[dict[str, Any]]:
    """Return what is still to be done by when; when it is due stands above all else."""
    if item.status not in NOT_HELD:
        return []
    return [
        {"label": label, "due_at": moment}
        for name, label in DEADLINES.items()
        if (limit := limits_of(item).get(name)) is not None
        and (moment := moment_of(limit)) is not None
        and still_counts(name, item)
    ]
