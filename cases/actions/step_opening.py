"""Opening what steps become, with their plan items; the case is locked."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from cases.actions.arrivals import send_signal
from cases.actions.firing import NewSignal, NewThrow, Opening
from cases.actions.sub_cases import NewSubCase, draw_completion, numbers_for, open_sub_case
from cases.definitions import CapabilityCall, HumanTask, SignalSent, SubCase, Throw
from cases.lifecycle import PlanItemStatus, PlanItemType
from cases.models import Case, PlanItem
from cases.selectors import compiled_of
from compensation.subject import Cause
from executions.actions.execution_opening import NewExecution, open_execution
from ledger.clock import now
from verbs.move import Moves
from workitems.actions.item_opening import NewWorkItem, open_item

_TYPES = {
    HumanTask: PlanItemType.WORK_ITEM,
    CapabilityCall: PlanItemType.EXECUTION,
    SubCase: PlanItemType.SUB_CASE,
    SignalSent: PlanItemType.SIGNAL,
    Throw: PlanItemType.THROW,
}


def open_all(case: Case, fired: Sequence[Opening], *, cause: Cause, moves: Moves) -> list[PlanItem]:
    """Open the work of what fires, and return its plan items, not saved yet. Case locked."""
    below = [each.work for each in fired if isinstance(each.work, NewSubCase)]
    numbers = numbers_for(below) if below else {}
    return [_opened(case, each, cause, moves, numbers) for each in fired]


def _opened(
    case: Case,
    opening: Opening,
    cause: Cause,
    moves: Moves,
    numbers: Mapping[uuid.UUID, str],
) -> PlanItem:
    item = PlanItem(
        tenant_id=case.tenant_id,
        case_id=case.id,
        binding=opening.binding.name,
        type=_TYPES[type(opening.binding.target)],
        case_version=case.version,
        input_digest=opening.input_digest,
        rerouted=opening.rerouted,
        created_at=now(),
    )
    if opening.work is not None:
        item.written = sorted(opening.binding.context_write or ())
    if isinstance(opening.work, NewWorkItem):
        item.target_id = open_item(opening.work, by=cause.by, caused_by=cause.entry, moves=moves).id
    elif isinstance(opening.work, NewExecution):
        item.target_id = open_execution(
            opening.work, by=cause.by, caused_by=cause.entry, moves=moves
        ).id
    elif isinstance(opening.work, NewSubCase):
        item.target_id = opening.work.id
        open_sub_case(case, opening.work, numbers[opening.work.id], cause=cause, moves=moves)
        if not opening.work.waits:
            item.status, item.ended_at = PlanItemStatus.COMPLETED, item.created_at
            draw_completion(case, item)
    elif isinstance(opening.work, NewSignal | NewThrow):
        # Done as it is said; it does no work, and so has no place in the order of that.
        item.status, item.ended_at = PlanItemStatus.COMPLETED, item.created_at
        if isinstance(opening.work, NewSignal):
            definition, said = compiled_of(case.tenant_id, case.definition_id), opening.work
            send_signal(case, definition, said.name, said.data, cause=cause, moves=moves)
    else:
        item.status, item.error = PlanItemStatus.FAULTED, opening.error
        item.ended_at = item.created_at
    return item
