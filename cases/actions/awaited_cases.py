"""The cases below one that it waits for, at all levels: locked, held and let go with it.

Lock order: from the root to the leaves, level by level. Only the engine of a case opens cases below
it, under its lock: who holds that lock has all of the next level, and none is opened meanwhile.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.utils.translation import gettext_lazy

from cases.actions.changes import change_case
from cases.lifecycle import CANCELLABLE, CaseStatus
from cases.models import Case
from compensation.locking import lock_many
from compensation.subject import Cause
from ledger.errors import Conflict
from ledger.record import EntryRef
from ledger.statements import fetched
from verbs.move import Moves
from verbs.row_reading import literal

_BELOW = f"""
SELECT c.id FROM cases_case c
WHERE c.tenant_id = %s AND c.parent_id = ANY(%s) AND c.parent_id IS NOT NULL AND c.awaited
    AND c.status IN ({literal(CANCELLABLE)})
"""  # noqa: S608  -- own words


class ParentOnHold(Conflict):
    """A sub-case goes on with the case above it, and not before."""

    default_code = "parent_on_hold"
    default_detail = gettext_lazy("The case above it is on hold: it goes on when that does.")


def lock_awaited(case: Case, only: Collection[uuid.UUID] | None = None) -> list[Case]:
    """Lock the cases below a locked one that have not ended and are waited for, those above first.

    `only`: of the first level these alone.
    """
    found: list[Case] = []
    above = [case.id] if case.has_children else []
    while above:
        rows = fetched(_BELOW, [case.tenant_id, above])
        ids = [id_ for (id_,) in rows if found or only is None or id_ in only]
        level = lock_many(Case, Case.subject_type, case.tenant_id, ids) if ids else []
        # One that ended before its lock was to be had has ended.
        level = [row for row in level if row.status in CANCELLABLE]
        found += level
        above = [row.id for row in level if row.has_children]
    return found


def hold(case: Case, *, cause: Cause) -> None:
    """Put what runs below a case on hold with it."""
    _along(case, "suspended", cause=cause)


def release(case: Case, *, cause: Cause) -> None:
    """Let go on what was put on hold with it; not what somebody held by itself."""
    _along(case, "resumed", cause=cause)


def _along(case: Case, action: str, *, cause: Cause) -> None:
    moves, entries = Moves(), {case.id: cause.entry}
    for row in lock_awaited(case):
        because = Cause(cause.by, _above(row, entries, cause))
        if action == "suspended" and row.status == CaseStatus.RUNNING:
            step, held_by = row.suspend, case.id
        elif action == "resumed" and row.status == CaseStatus.SUSPENDED and row.held_by == case.id:
            step, held_by = row.resume, None
        else:
            continue
        entries[row.id] = change_case(
            row, action, moves=moves, cause=because, step=step, also={"held_by": held_by}
        ).ref
    moves.record()


def _above(row: Case, entries: dict[uuid.UUID, EntryRef | None], cause: Cause) -> EntryRef | None:
    """Return what led to it: the entry of the case right above it, if that has one."""
    return entries.get(row.parent_id, cause.entry) if row.parent_id else cause.entry
