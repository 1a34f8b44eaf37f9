"""What the engine should have heard of a case itself and never did: that it was opened, goes on, is
tried again, that something has come for its steps; and, of a failed one whose definition wants to
be undone then, that it failed.

Each of these is a task that is made with its entry, and no task is ever taken away: an entry
without one is news that is lost. So nothing has to be decided to find it, and what is well is told
nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any, Final

from cases.events import ARRIVALS, CASE, CONTEXT_CHANGED, ENGINE, ON_FAULT
from cases.lifecycle import LISTENING, CaseStatus
from cases.models import Case
from cases.selectors import compiled_all
from ledger.dispatch.telling_again import News, tell_of_lost
from ledger.statements import fetched
from verbs.row_reading import literal

#: Where one has been: the definition and id of a case.
Place = tuple[uuid.UUID, uuid.UUID]
#: So many cases are looked at at once, and so many entries of each: what is older was followed by
#: as much again without anybody missing it.
AT_ONCE: Final = 500
LAST: Final = 20
#: What the engine hears of a case while it is running (`startup._is_news`).
_OF_CASE: Final = News(ENGINE, CASE | ARRIVALS, {CaseStatus.RUNNING}, of_undo={CONTEXT_CHANGED})
_OF_FAULT: Final = News(ON_FAULT, {"faulted"}, {CaseStatus.FAULTED})

_NEXT: Final = f"""
SELECT c.definition_id, c.id, c.status FROM cases_case c
WHERE c.tenant_id = %s AND (c.definition_id, c.id) > (%s, %s) AND c.status IN ({literal(LISTENING)})
ORDER BY c.definition_id, c.id LIMIT %s
"""  # noqa: S608  -- own words


def tell_of_next(tenant_id: uuid.UUID, after: Place) -> tuple[int, Place | None]:
    """Have the engine told of what is lost of the next open cases: how much that was, and how far
    it has been, None where these were the last. In the caller's transaction; nothing is locked."""
    found = fetched(_NEXT, [tenant_id, *after, AT_ONCE])
    told = tell_of(tenant_id, found)
    return told, (found[-1][0], found[-1][1]) if len(found) == AT_ONCE else None


def tell_of(tenant_id: uuid.UUID, found: Collection[Any]) -> int:
    """Have the engine told of what is lost of these cases, read as (definition, id, status); how
    much that was. In the caller's transaction; nothing is locked."""
    running = [id_ for _definition, id_, status in found if status == CaseStatus.RUNNING]
    told = tell_of_lost(tenant_id, _OF_CASE, Case.subject_type, running, last=LAST)
    failed = _undone_when_failed(tenant_id, found)
    told += tell_of_lost(tenant_id, _OF_FAULT, Case.subject_type, failed, last=LAST)
    return told


def _undone_when_failed(tenant_id: uuid.UUID, found: Collection[Any]) -> list[uuid.UUID]:
    """Return the failed cases whose definitions want them undone then."""
    failed = {id_: of for of, id_, status in found if status == CaseStatus.FAULTED}
    known = compiled_all(tenant_id, set(failed.values())) if failed else {}
    return [id_ for id_, of in failed.items() if known[of].on_fault == "compensate"]
