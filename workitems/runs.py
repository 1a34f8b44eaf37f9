"""What an item must know of its case before it may be undone by itself: is a compensation run live
in it, is it closed? Cases live above this app, which registers the answer.

Without `cases` installed there are none, and item-level compensation works alone.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How a case stands: the run that is live in it, if any, and whether it is closed for good."""

    live_run: uuid.UUID | None = None
    closed: bool = False


Standings = Callable[[Collection[uuid.UUID]], Mapping[uuid.UUID, Standing]]
_FREE = Standing()
_lookups: list[Standings] = []


def register_standings(lookup: Standings) -> None:
    """Say how to find out how some cases stand, by case. Called in `AppConfig.ready()` above."""
    _lookups.append(lookup)


def standings(case_ids: Collection[uuid.UUID | None]) -> dict[uuid.UUID, Standing]:
    """Return how each of these cases stands, in the caller's tenant scope."""
    wanted = {case_id for case_id in case_ids if case_id is not None}
    found: dict[uuid.UUID, Standing] = {}
    if wanted:
        for lookup in _lookups:
            found.update(lookup(wanted))
    return found


def standing_of(case_id: uuid.UUID | None) -> Standing:
    """Return how one case stands; no case stands in nobody's way."""
    return standings([case_id]).get(case_id, _FREE) if case_id is not None else _FREE
