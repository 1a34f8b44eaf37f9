"""Calling off what is open in a case: its tasks, its programs, and the cases below it with theirs.

Everything is locked first, in the order for all: cases from root to leaf, then rows of work. What
is already dispatched goes on, and its result is taken in when it comes.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cases.actions.awaited_cases import lock_awaited
from cases.actions.changes import change_case
from cases.lifecycle import CANCELLABLE, OPEN_ITEMS, ROLLING_BACK, CaseStatus, PlanItemStatus
from cases.models import Case, PlanItem
from compensation.locking import lock_many, lock_rows
from compensation.subject import Cause, undoable
from ledger.clock import now
from ledger.record import EntryRef
from verbs.move import Moves
from verbs.row_reading import literal, read
from verbs.subject import subject_of

_OPEN = f"r.tenant_id = %s AND r.case_id = ANY(%s) AND r.status IN ({literal(OPEN_ITEMS)})"
# Undone by itself while it was waited for: nothing of it is called off, nobody waits for it more.
_NO_MORE = {CaseStatus.CANCELLED, *ROLLING_BACK}

FORSAKEN = "The case above does not wait for it any more."


@dataclasses.dataclass(frozen=True, slots=True)
class OpenWork:
    """What is open in a locked case, locked: plan items, their rows, and the cases below."""

    case: Case
    items: list[PlanItem]
    rows: Mapping[uuid.UUID, Any]
    below: list[Case]

    def call_off(self, *, cause: Cause, reason: str) -> None:
        """Cancel all of it, with an entry of each."""
        if not self.items and not self.below:
            return
        cause.write()
        entries = {self.case.id: cause.entry, **self._cancel_cases(cause, reason)}
        for item in self.items:
            if item.is_case:
                self._leave(item)
            else:
                row = self.rows[item.work[1]]
                why = entries.get(item.case_id, cause.entry)
                kind = undoable(item.type)
                if kind.call_off(row, by=cause.by, caused_by=why, reason=reason):
                    _cancelled(item)

    def _cancel_cases(self, cause: Cause, reason: str) -> dict[uuid.UUID, EntryRef | None]:
        moves, entries = Moves(), dict[uuid.UUID, EntryRef | None]()
        for row in self.below:
            above = entries.get(row.parent_id, cause.entry) if row.parent_id else cause.entry
            # Nobody waits for it any more: the case above need not hear of it.
            entries[row.id] = change_case(
                row, "cancelled", moves=moves, cause=Cause(cause.by, above), step=row.cancel,
                also={"ended_at": now(), "held_by": None}, payloads={"reason": reason},
                heard_by=(),
            ).ref  # fmt: skip
        moves.record()
        return entries

    def _leave(self, item: PlanItem) -> None:
        """Close the step of a sub-case that will not be done. One that is done is heard of yet."""
        ref, id_ = item.work
        known = next((row for row in self.below if row.id == id_), None)
        row = known or subject_of(ref).read_one(item.tenant_id, id_)
        if row.status in _NO_MORE:
            _cancelled(item)


def _cancelled(item: PlanItem) -> None:
    item.status = PlanItemStatus.CANCELLED
    item.ended_at = now()
    item.save(update_fields=["status", "ended_at"])


def lock_open_work(
    case: Case,
    *,
    but: Collection[uuid.UUID] = (),
    bindings: Collection[str] | None = None,
    rows: Mapping[uuid.UUID, Any] | None = None,
) -> OpenWork:
    """Lock what is open in a locked case: but for the plan items of these ids, and of these
    bindings alone, if they are named. `rows`: the case's work if the caller has locked it."""
    own = [
        item
        for item in read(PlanItem, _OPEN, [case.tenant_id, [case.id]])
        if item.id not in but and (bindings is None or item.binding in bindings)
    ]
    only = None if bindings is None else {item.target_id for item in own if item.is_case}
    # What is being rolled back ends as its run does, and nobody waits for it any more.
    below = [row for row in lock_awaited(case, only) if row.status in CANCELLABLE]
    if below:
        own += read(PlanItem, _OPEN, [case.tenant_id, [row.id for row in below]])
    known = dict(rows or {})
    unlocked = [item.work for item in own if not item.is_case and item.target_id not in known]
    if unlocked:
        known |= lock_rows(case.tenant_id, unlocked)
    return OpenWork(case, own, known, below)


def lock_open_work_of(case: Case, unawaited: Sequence[Case]) -> None:
    """Lock what is open in a locked case, and in these locked cases below it that nobody waits for,
    with all that is waited for below any of them."""
    below = [row for row in lock_awaited(case, beside=unawaited) if row.status in CANCELLABLE]
    of = [row.id for row in (case, *unawaited, *below)]
    items = read(PlanItem, _OPEN, [case.tenant_id, of])
    lock_rows(case.tenant_id, [item.work for item in items if not item.is_case])


def cancel_open_work(
    case: Case,
    *,
    cause: Cause,
    reason: str,
    rows: Mapping[uuid.UUID, Any] | None = None,
) -> None:
    """Call off what is open in a locked case; `rows` as above."""
    lock_open_work(case, rows=rows).call_off(cause=cause, reason=reason)


def cancel_unawaited(case: Case, ids: Collection[uuid.UUID], *, cause: Cause, reason: str) -> None:
    """Call off, with what is open in them, those of these cases below a locked one that nobody
    waits for: a rollback is about to undo them. None of them is below another of them."""
    cause.write()
    for row in lock_many(Case, Case.subject_type, case.tenant_id, ids):
        if not row.awaited and row.status in CANCELLABLE:
            _cancel(row, cause=cause, reason=reason)


def call_off_if_forsaken(case: Case, *, cause: Cause) -> None:
    """Cancel a locked sub-case that would go on after a rollback although the step above that
    waited for it was called off meanwhile: the case above is over, or its group was met without."""
    goes_on = case.status in {CaseStatus.RUNNING, CaseStatus.SUSPENDED}
    if not (goes_on and case.parent_id is not None and case.awaited):
        return
    above = PlanItem.objects.filter(tenant_id=case.tenant_id, target_id=case.id)
    if not above.filter(status=PlanItemStatus.CANCELLED).exists():
        return
    cause.write()
    _cancel(case, cause=cause, reason=FORSAKEN)


def _cancel(case: Case, *, cause: Cause, reason: str) -> None:
    """Cancel a locked case of which nobody hears, with what is open in it."""
    rest, moves = lock_open_work(case), Moves()
    entry = change_case(
        case, "cancelled", moves=moves, cause=Cause(cause.by, cause.entry), step=case.cancel,
        also={"ended_at": now(), "held_by": None}, payloads={"reason": reason}, heard_by=(),
    )  # fmt: skip
    moves.record()
    rest.call_off(cause=Cause(cause.by, entry.ref), reason=reason)
