"""A step that was declined, failed or ran out, and is opened once more for somebody else instead of
letting its case fail (`outcomePolicy`)."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from cases.definitions import Binding, CompiledDefinition, OutcomePolicy
from cases.lifecycle import MAY_BE_LATE, PlanItemStatus, PlanItemType
from cases.models import Case, PlanItem
from cases.plan_state import Fired, work_of

MOST_ATTEMPTS = 3
_RAN_OUT = frozenset({"EXPIRED", "ESCALATED"})
_FAILED = frozenset({PlanItemStatus.REJECTED, PlanItemStatus.FAULTED})


@dataclasses.dataclass(frozen=True, slots=True)
class Reroute:
    """How often a step was opened again in a row, this time included, and for whom it is not."""

    attempts: int = 0
    excluded: Sequence[uuid.UUID] = ()


def may_reroute(case: Case, definition: CompiledDefinition, item: PlanItem, row: Any) -> bool:
    """Whether a step whose work has ended like this is opened again, now or when its case goes
    on."""
    return case.status in MAY_BE_LATE and _follows(definition.binding(item.binding), item, row)


def reroute_of(binding: Binding, fired: Fired | None) -> Reroute:
    """Return how the step that fires now goes on from the one before it."""
    item = None if fired is None else fired.newest
    if item is None or binding.outcome_policy is None:
        return Reroute()
    # One with an error let its case fail: whoever tries that again begins anew.
    if item.status not in _FAILED or item.error or item.target_id is None:
        return Reroute()
    row = work_of([item])[item.target_id]
    if not _follows(binding, item, row):
        return Reroute()
    # Whoever was left out before stays so; an execution leaves nobody out.
    excluded = {uuid.UUID(actor) for actor in getattr(row, "excluded", ())}
    if item.status == PlanItemStatus.REJECTED and getattr(row, "assignee_id", None):
        excluded.add(row.assignee_id)
    return Reroute(item.rerouted + 1, sorted(excluded))


def _follows(binding: Binding, item: PlanItem, row: Any) -> bool:
    policy = binding.outcome_policy
    if policy is None or _said(policy, item, row) != "REROUTE":
        return False
    most = policy.max_reroute_attempts
    return item.rerouted < (MOST_ATTEMPTS if most is None else most)


def _said(policy: OutcomePolicy, item: PlanItem, row: Any) -> str | None:
    if item.status == PlanItemStatus.REJECTED:
        # Who declines a task leaves it to others. What policies or approvers refuse is refused:
        # asked for again, it would be put before them until somebody agrees.
        return policy.on_decline if item.type == PlanItemType.WORK_ITEM else None
    if item.status == PlanItemStatus.FAULTED:
        return policy.on_expired if row.status in _RAN_OUT else policy.on_failure
    return None
