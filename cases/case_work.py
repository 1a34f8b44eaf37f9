"""The work of a case and what becomes of it, as one list: left what was done, right its undoing.

While a case is undone what needs a person comes first; otherwise the order is that of opening.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from accounts.selectors import Person
from cases.fault_words import of_step
from cases.lifecycle import OPEN_ITEMS, PlanItemStatus, PlanItemType
from cases.models import PlanItem
from compensation.exclusion_groups import group_of
from compensation.lifecycle import DONE_STEPS, UNDER_WAY, CompensationState, StepStatus
from compensation.run_context import RunContext
from compensation.sentences import exclusion_words, joined, shown_in, title_of
from executions.lifecycle import ExecutionStatus
from verbs.subject import Description, Ref
from workitems.words import said_outcome

# In this order: needs a decision, under way, not started, open, undone, cannot be undone, stays.
_DECIDE, _UNDER_WAY, _PLANNED, _OPEN, _UNDONE, _CANNOT, _STAYS = range(7)
_ENDED = {"COMPLETED", "SUCCEEDED"}
_ICONS = {
    PlanItemType.WORK_ITEM: "user",
    PlanItemType.EXECUTION: "bot",
    PlanItemType.SUB_CASE: "briefcase",
    PlanItemType.SIGNAL: "radio",
    PlanItemType.THROW: "undo-2",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """One plan item in the list. `at` is where its step is among those of the run, `left_out` the
    plan's exclusion of it; None where there is none."""

    item: PlanItem
    rank: int = _STAYS
    order: int = 0
    at: int | None = None
    left_out: Mapping[str, Any] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class CaseWork:
    """A case's plan items with their work, and the rollback that undoes them, if one does."""

    items: list[PlanItem]
    rows: Mapping[uuid.UUID, Any]
    described: Mapping[Ref, Description]
    named: Mapping[uuid.UUID, Person]
    run: RunContext | None

    @property
    def places(self) -> list[Place]:
        """Every item, in the order of the list."""
        if self.run is None:
            return [Place(item) for item in self.items]
        steps = {each.step.original_id: at for at, each in enumerate(self.run.found.steps)}
        # As `runs_in` reads it: the plan itself is as long as the run.
        excluded: list[dict[str, Any]] = vars(self.run.found.run)["excluded"]
        left_out = {uuid.UUID(each["original"]["id"]): each for each in excluded}
        found = [self._place(item, steps, left_out, self.run) for item in self.items]
        return sorted(found, key=lambda place: (place.rank, place.order))

    def _place(
        self,
        item: PlanItem,
        steps: Mapping[uuid.UUID, int],
        left_out: Mapping[uuid.UUID, Mapping[str, Any]],
        run: RunContext,
    ) -> Place:
        at = steps.get(item.target_id) if item.target_id else None
        if at is not None:
            step = run.found.steps[at].step
            return Place(item, _rank_of(step.status), step.n, at)
        code = left_out.get(item.target_id) if item.target_id else None
        if item.compensation_state == CompensationState.COMPENSATED:
            rank = _UNDONE
        elif code is not None and group_of(code["code"]).key == "cannot":
            rank = _CANNOT
        else:
            rank = _OPEN if item.status in OPEN_ITEMS else _STAYS
        # What was finished last comes first, as in the undoing.
        return Place(item, rank, -(item.completion_seq or 0), None, code)

    def shown(self, places: Iterable[Place]) -> list[dict[str, Any]]:
        """Return `work` of `cases/detail.html` for some of the places."""
        return [self._row(place) for place in places]

    def _row(self, place: Place) -> dict[str, Any]:
        item = place.item
        row = self.rows.get(item.target_id) if item.target_id else None
        below = item.is_case and item.target_id is not None
        found = {
            "title": title_of(item.binding),
            "url": self.described[item.work].url if row is not None or below else "",
            "icon": _ICONS[PlanItemType(item.type)],
            "who": self._who(item, row),
            "outcome": said_outcome(row, row.outcome)
            if row is not None and item.type == "work_item"
            else "",
            "at": self._at(item, row),
            "error": "" if row is not None or not item.error else _trouble(item),
            "step": None,
        }
        if place.at is not None and self.run is not None:
            return found | {"step": self.run.step(place.at)}
        return found | self._state(place, row)

    def _state(self, place: Place, row: Any) -> dict[str, Any]:
        """Return how the right half of a row reads that no step of the rollback is about."""
        item, left_out = place.item, place.left_out
        state = str(item.compensation_state)
        if state != CompensationState.NONE:
            return {"status": state, "kind": "compensation", "note": ""}
        if place.rank == _CANNOT and left_out is not None:
            return {
                "status": left_out["code"],
                "kind": "exclusion",
                "note": exclusion_words(left_out),
            }
        if row is not None and row.status == ExecutionStatus.UNCERTAIN:
            return {"status": str(row.status), "kind": "execution", "note": ""}
        status = _status_of(item, row)
        if self.run is None or status != PlanItemStatus.COMPLETED:
            return {"status": status, "kind": "plan_item", "note": ""}
        note = _("before the chosen point") if left_out is None else exclusion_words(left_out)
        if row is not None and row.reversibility == "not_needed":
            note = _("needs no undo")
        return {"status": "", "kind": "", "note": note}

    def _who(self, item: PlanItem, row: Any) -> str:
        if item.is_case and item.target_id is not None:
            return self.described[item.work].title
        if row is None:
            return ""
        if item.type == "execution":
            return _("Automatic")
        actor = row.completed_by_id or row.assignee_id
        if actor in self.named:
            return shown_in(self.named, actor)
        return joined(sorted(row.groups_asked))

    def _at(self, item: PlanItem, row: Any) -> dt.datetime | None:
        if row is None:
            return item.ended_at
        at = getattr(row, "completed_at", None) or row.ended_at
        return at if isinstance(at, dt.datetime) else None


def _trouble(item: PlanItem) -> str:
    return of_step(item.binding, item.error).sentence


def _rank_of(status: str) -> int:
    if status == StepStatus.FAILED:
        return _DECIDE
    if status in UNDER_WAY:
        return _UNDER_WAY
    if status in DONE_STEPS:
        return _UNDONE
    return _PLANNED if status == StepStatus.PLANNED else _CANNOT


def _status_of(item: PlanItem, row: Any) -> str:
    # A plan item follows its work a moment later; what is over is over.
    over = row is not None and item.status in OPEN_ITEMS and row.status in _ENDED
    return str(PlanItemStatus.COMPLETED if over else item.status)
