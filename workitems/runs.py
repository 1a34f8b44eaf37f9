"""Is a compensation run live in an item's case? Runs live above this app, which registers the
answer.

Without `cases` installed there are no runs, and item-level compensation works alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping

LiveRuns = Callable[[Collection[uuid.UUID]], Mapping[uuid.UUID, uuid.UUID]]
_lookups: list[LiveRuns] = []


def register_live_runs(lookup: LiveRuns) -> None:
    """Say how to find the live runs of some cases, by case. Called in `AppConfig.ready()` above."""
    _lookups.append(lookup)


def live_runs(case_ids: Collection[uuid.UUID | None]) -> dict[uuid.UUID, uuid.UUID]:
    """Return the live run of each case that has one, in the caller's tenant scope."""
    wanted = {case_id for case_id in case_ids if case_id is not None}
    found: dict[uuid.UUID, uuid.UUID] = {}
    if wanted:
        for lookup in _lookups:
            found.update(lookup(wanted))
    return found


def live_run_of(case_id: uuid.UUID | None) -> uuid.UUID | None:
    """Return the id of the run that is live in this case, if any."""
    return live_runs([case_id]).get(case_id) if case_id is not None else None
