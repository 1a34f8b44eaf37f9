"""A step that has a part of its own case undone in the middle of its work (`throw`).

The case is locked. The plan is made of what is stored, so all else that was decided is written
before; the run is an operator's in all but who began it, and the case waits for it as for any.
"""

from __future__ import annotations

from collections.abc import Sequence

from cases.actions.changes import fault_case, save_case
from cases.actions.firing import MAX_ERROR, NewThrow, Opening
from cases.lifecycle import PlanItemStatus
from cases.models import Case, PlanItem
from compensation.actions.automatic_runs import Wanted, start
from compensation.subject import Cause, WholeSubject, whole_subject
from ledger.errors import Refusal
from verbs.move import Moves

NOTHING_TO_UNDO = "nothing_to_undo"


def lock_thrown(case: Case, fired: Sequence[Opening]) -> None:
    """Lock what a throw may undo, before anything is written: rows of work come before counters and
    chains."""
    if any(isinstance(each.work, NewThrow) for each in fired):
        _kind().parts(case, lock=True)


def carry_out_throw(
    case: Case, fired: Sequence[Opening], items: Sequence[PlanItem], *, cause: Cause, moves: Moves
) -> None:
    """Begin the rollback that a step wants, if one of those that have fired does; `items`: what
    these became. What refuses it lets the step fail, and the case."""
    for opening, item in zip(fired, items, strict=True):
        if isinstance(opening.work, NewThrow):
            moves.record()
            _begin(case, item, opening.work.wanted, cause)


def _begin(case: Case, item: PlanItem, wanted: Wanted, cause: Cause) -> None:
    try:
        run = start(case, wanted, cause=cause)
    except Refusal as refused:
        item.status, item.error = PlanItemStatus.FAULTED, refused.in_words[:MAX_ERROR]
        item.save(update_fields=["status", "error"])
        fault_case(case, f"{item.binding}: {item.error}", cause=cause)
        return
    if run is None:
        said = {"step": item.binding, "detail": item.binding}
        save_case(case, NOTHING_TO_UNDO, cause=cause, payloads=said)


def _kind() -> WholeSubject:
    found = whole_subject(Case.subject_type)
    if found is None:
        raise LookupError("cases are not registered")
    return found
