"""What is below a case is closed with it: it stays able to be undone until then, and not longer.

Lock order: from the root to the leaves, level by level, then their work. Who closes has the case
above locked: no case is opened below it meanwhile, and no rollback begins in its tree. The undo of
one piece locks that alone, and asks how its case stands then: either it has begun and is found, or
it waits and finds the case closed.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.utils.translation import gettext as _

from cases.actions.changes import change_case
from cases.lifecycle import CLOSABLE, CaseStatus
from cases.models import Case
from compensation.lifecycle import CompensationState
from compensation.locking import lock_many
from compensation.sentences import title_of
from compensation.subject import Cause, is_undoable, read_rows, undoable, wholes_of
from executions.selectors import in_doubt
from ledger.errors import Conflict
from ledger.record import EntryRef
from ledger.statements import fetched
from verbs.move import Moves
from verbs.subject import Ref, Subject, all_subjects

_BELOW = """
SELECT c.id FROM cases_case c
WHERE c.tenant_id = %s AND c.parent_id = ANY(%s) AND c.parent_id IS NOT NULL
"""
# All of it: what is not finished yet could be, and its undo begin, before this ends. The status is
# looked at afterwards: as a condition it would be asked of rows that nobody has locked yet.
_WORK = """
SELECT r.id, r.status FROM {table} r
WHERE r.tenant_id = %s AND r.case_id = ANY(%s) AND r.case_id IS NOT NULL
ORDER BY r.id FOR UPDATE
"""
# Of what is undone; what undoes it keeps a status of its own.
_UNDOING = frozenset({CompensationState.COMPENSATING, CompensationState.COMPENSATION_FAULTED})


def lock_below(case: Case) -> list[Case]:
    """Lock every case below a locked one, those above first."""
    found: list[Case] = []
    above = [case.id] if case.has_children else []
    while above:
        ids = [id_ for (id_,) in fetched(_BELOW, [case.tenant_id, above])]
        level = lock_many(Case, Case.subject_type, case.tenant_id, ids) if ids else []
        found += level
        above = [row.id for row in level if row.has_children]
    return found


def check_closable(case: Case, below: Sequence[Case]) -> None:
    """Raise Conflict where a case below has not ended, where something of these cases is being
    undone or its undo needs a decision, or nobody knows whether something below happened: nothing
    of it could be undone any more. Locks the work of all of them."""
    extra = {"current_status": str(case.status)}
    open_ = [row for row in below if row.status not in CLOSABLE | {CaseStatus.CLOSED}]
    if open_:
        numbers = ", ".join(str(row.number) for row in open_)
        said = _("Cases below it have not ended: %(numbers)s. End or cancel them first.")
        raise Conflict(said % {"numbers": numbers}, code="open_below", extra=extra)
    undoing = _lock_work(case, below)
    if undoing:
        rows = read_rows(case.tenant_id, undoing).values()
        names = ", ".join(title_of(undoable(row.subject_type).name(row)) for row in rows)
        said = _("It is being undone, or its undo needs a decision: %(names)s. End that first.")
        raise Conflict(said % {"names": names}, code="undo_under_way", extra=extra)
    unclear = in_doubt(case.tenant_id, [row.id for row in below]) if below else {}
    if unclear:
        names = ", ".join(title_of(each.name) for found in unclear.values() for each in found)
        said = _("Nobody knows whether it happened: %(names)s. Settle that first.")
        raise Conflict(said % {"names": names}, code="outcome_unknown", extra=extra)


def _lock_work(case: Case, below: Sequence[Case]) -> list[Ref]:
    """Lock all work of those of these cases that are not closed yet, by its subject's rank and then
    by id, and return what of it is being undone."""
    ids = [row.id for row in (case, *below) if row.status != CaseStatus.CLOSED]
    found: list[Ref] = []
    for kind in filter(_is_piece, all_subjects()):
        text = _WORK.format(table=kind.model._meta.db_table)
        rows = fetched(text, [case.tenant_id, ids])
        found += [(kind.subject_type, id_) for id_, status in rows if status in _UNDOING]
    return found


def _is_piece(kind: Subject) -> bool:
    """Whether cases are made of such work."""
    if not is_undoable(kind.subject_type):
        return False
    return any(each.model is Case for each in wholes_of(kind.subject_type))


def close_below(below: Sequence[Case], *, cause: Cause, case: Case) -> None:
    """Close the cases below one that was closed, each because of the one right above it."""
    entries: dict[uuid.UUID | None, EntryRef | None] = {case.id: cause.entry}
    moves = Moves()
    for row in below:
        because = entries.get(row.parent_id, cause.entry)
        if row.status == CaseStatus.CLOSED:
            entries[row.id] = because
            continue
        entries[row.id] = change_case(
            row, "closed", moves=moves, cause=Cause(cause.by, because), step=row.close
        ).ref
    moves.record()
