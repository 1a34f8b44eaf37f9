"""The cases below one that it waits for, at all levels: locked, held and let go with it.

Lock order: from the root to the leaves, level by level. Only the engine of a case opens cases below
it, under its lock: who holds that lock has all of the next level, and none is opened meanwhile.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from django.utils.translation import gettext_lazy

from cases.actions.changes import change_case, fail_after_hold
from cases.lifecycle import CANCELLABLE, ROLLING_BACK, CaseStatus
from cases.models import Case
from compensation.actions.run_verbs import lock_live_run, pause_live, resume_live
from compensation.lifecycle import RunStatus
from compensation.locking import lock_many
from compensation.subject import Cause
from ledger.errors import Conflict
from ledger.record import EntryRef
from ledger.statements import fetched
from verbs.move import Moves
from verbs.row_reading import literal

#: These may yet do something: what is rolled back may go on afterwards.
_GO_ON = CANCELLABLE | ROLLING_BACK
_BELOW = f"""
SELECT c.id FROM cases_case c
WHERE c.tenant_id = %s AND c.parent_id = ANY(%s) AND c.parent_id IS NOT NULL AND c.awaited
    AND c.status IN ({literal(_GO_ON)})
"""  # noqa: S608  -- own words


class ParentOnHold(Conflict):
    """A sub-case goes on with the case above it, and not before."""

    default_code = "parent_on_hold"
    default_detail = gettext_lazy("The case above it is on hold: it goes on when that does.")


def lock_awaited(
    case: Case, only: Collection[uuid.UUID] | None = None, *, beside: Sequence[Case] = ()
) -> list[Case]:
    """Lock the cases below a locked one that have not ended and are waited for, those above first;
    among them those that are being rolled back. `only`: of the first level these alone. `beside`:
    other locked cases below it, of which the same is wanted.

    Who ends a rollback has the lock of its case, and asks then whether it is still waited for, and
    not on hold: so it either finds that, or is found here as it goes on.
    """
    found: list[Case] = []
    above = [row.id for row in (case, *beside) if row.has_children]
    while above:
        rows = fetched(_BELOW, [case.tenant_id, above])
        ids = [id_ for (id_,) in rows if found or only is None or id_ in only]
        level = lock_many(Case, Case.subject_type, case.tenant_id, ids) if ids else []
        # One that ended before its lock was to be had has ended.
        level = [row for row in level if row.status in _GO_ON]
        found += level
        above = [row.id for row in level if row.has_children]
    return found


def hold(case: Case, *, cause: Cause) -> None:
    """Put what runs below a case on hold with it. A rollback there is paused, and goes on with it
    too; a case that somebody has to decide about only stays on hold after that."""
    _along(case, "suspended", cause=cause)


def release(case: Case, *, cause: Cause) -> None:
    """Let go on what was put on hold with it; not what somebody held by itself. What failed
    meanwhile, and has its case undone, lets that fail now."""
    _along(case, "resumed", cause=cause)


def _along(case: Case, action: str, *, cause: Cause) -> None:
    moves, entries = Moves(), {case.id: cause.entry}
    undone = []
    for row in lock_awaited(case):
        because = Cause(cause.by, _above(row, entries, cause))
        held_by = case.id if action == "suspended" else None
        if not _goes_along(row, action, case):
            continue
        step = {"suspended": row.suspend, "resumed": row.resume}[action]
        if row.status in ROLLING_BACK:
            undone.append(row)
        entries[row.id] = own = change_case(
            row, action, moves=moves, cause=because, also={"held_by": held_by},
            step=None if row.status in ROLLING_BACK else step,
        ).ref  # fmt: skip
        fail_after_hold(row, cause=because.after(own), moves=moves)
    moves.record()
    for row in undone:
        _rollback_along(row, action, cause)


def _goes_along(row: Case, action: str, case: Case) -> bool:
    """Whether what befalls a case befalls one below it."""
    if action == "suspended":
        undone = row.status in ROLLING_BACK and row.held_by is None
        return row.status == CaseStatus.RUNNING or undone
    return row.held_by == case.id and row.status in {CaseStatus.SUSPENDED, *ROLLING_BACK}


def _rollback_along(row: Case, action: str, cause: Cause) -> None:
    """Pause the run of a case below with that above, or let it go on."""
    run = lock_live_run(row)
    if action == "suspended" and run is not None and run.status == RunStatus.RUNNING:
        pause_live(row, by=cause.by, reason="")
    elif action == "resumed" and run is not None and run.status == RunStatus.PAUSED:
        resume_live(row, by=cause.by)


def _above(row: Case, entries: dict[uuid.UUID, EntryRef | None], cause: Cause) -> EntryRef | None:
    """Return what led to it: the entry of the case right above it, if that has one."""
    return entries.get(row.parent_id, cause.entry) if row.parent_id else cause.entry
