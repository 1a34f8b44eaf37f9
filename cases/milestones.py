"""What a case has reached, and what it still is to: read off its definition and what is stored."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from cases.definitions import CompiledDefinition, Milestone
from cases.lifecycle import MilestoneStatus
from cases.models import Case
from json_values.moments import NotAMoment, checked
from ledger.clock import rfc3339


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """One milestone of a case. `due_at`: until when it is to be reached; None: nothing says."""

    name: str
    status: MilestoneStatus
    activated_at: dt.datetime | None
    reached_at: dt.datetime | None
    due_at: dt.datetime | None
    overdue_since: dt.datetime | None

    def to_json(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        moments = ("activated_at", "reached_at", "due_at", "overdue_since")
        found = {name: getattr(self, name) for name in moments}
        said = {name: at and rfc3339(at) for name, at in found.items()}
        return {"name": self.name, "status": str(self.status), **said}


def standings(case: Case, definition: CompiledDefinition) -> list[Standing]:
    """Return all milestones of a case, as its definition has them."""
    return [_standing(case, each) for each in definition.milestones]


def _standing(case: Case, milestone: Milestone) -> Standing:
    known = {
        name: dt.datetime.fromisoformat(at)
        for name, at in case.milestones.get(milestone.name, {}).items()
    }
    activated = known.get("activated_at", None if milestone.entry else case.created_at)
    reached, overdue = known.get("reached_at"), known.get("overdue_since")
    status = MilestoneStatus.ACTIVE if activated else MilestoneStatus.AHEAD
    if reached or overdue:
        status = MilestoneStatus.REACHED if reached else MilestoneStatus.OVERDUE
    from_ = activated if milestone.counts_from_activation else case.created_at
    due = from_ and due_at(milestone, from_)
    return Standing(milestone.name, status, activated, reached, due, overdue)


def due_at(milestone: Milestone, since: dt.datetime) -> dt.datetime | None:
    """Return until when it is to be reached; None where nothing says, or the calendar ends
    before."""
    if milestone.allowed is None:
        return None
    try:
        return checked(since + milestone.allowed)
    except (OverflowError, NotAMoment):
        return None
