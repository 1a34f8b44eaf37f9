"""How far a case is: its work, and the undo of it, which are told apart and never touch each other.

The work are its steps that are done or open: what is done is done whatever undoes it later, an open
task is as far as was reported of it. The undo are those steps that something undoes or undid. So
many more steps may begin later: nobody knows that before.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases.lifecycle import OPEN_ITEMS, PlanItemStatus
from cases.models import PlanItem
from compensation.lifecycle import CompensationState
from workitems.around.addition_tables import FORWARD, UNDO
from workitems.around.case_reports import Report, reports_in

_ALL = 100
_UNDO_STATES = frozenset(CompensationState) - {CompensationState.NONE}
#: How many plan items there are, by status and compensation state.
Counts = Mapping[tuple[str, str], int]


@dataclasses.dataclass(frozen=True, slots=True)
class Dimension:
    """So many steps of so many, and how much of a hundred that is; None where there are none."""

    done: int
    total: int
    percent: int | None

    def to_json(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, slots=True)
class CaseProgress:
    """How far a case is, in each dimension."""

    forward: Dimension
    undo: Dimension

    def to_json(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {FORWARD: self.forward.to_json(), UNDO: self.undo.to_json()}

    def bars(self) -> dict[str, Any]:
        """Return `progress` of workitems/progress.html."""
        said = (
            (self.forward, _("The work"), False, _done(self.forward)),
            (self.undo, _("Its undo"), True, _undone(self.undo)),
        )
        bars = [
            {"label": label, "words": words, "share": each.percent, "undo": undo}
            for each, label, undo, words in said
            if each.total
        ]
        return {"bars": bars, "form": None, "url": ""}


def progress_read(tenant_id: uuid.UUID, case_id: uuid.UUID) -> CaseProgress:
    """Return how far a case is: two queries, however large it is."""
    rows = PlanItem.objects.filter(tenant_id=tenant_id, case_id=case_id)
    counted = rows.values_list("status", "compensation_state").annotate(number=Count("id"))
    counts = {(status, state): number for status, state, number in counted.order_by()}
    return _progress(counts, reports_in(tenant_id, case_id))


def progress_of_steps(steps: Iterable[PlanItem], reports: Iterable[Report]) -> CaseProgress:
    """Return the same of steps that are read already, and what was reported of their tasks."""
    counts = Counter((str(each.status), str(each.compensation_state)) for each in steps)
    return _progress(counts, reports)


def _progress(counts: Counts, reports: Iterable[Report]) -> CaseProgress:
    shares: dict[str, int] = {FORWARD: 0, UNDO: 0}
    for each in reports:
        shares[each.dimension] += each.share
    return CaseProgress(
        forward=_dimension(
            _number(counts, lambda status, _other: status == PlanItemStatus.COMPLETED),
            _number(counts, lambda status, _other: status in OPEN_ITEMS),
            shares[FORWARD],
        ),
        undo=_dimension(
            _number(counts, lambda _status, state: state == CompensationState.COMPENSATED),
            _number(
                counts,
                lambda _status, state: state in _UNDO_STATES - {CompensationState.COMPENSATED},
            ),
            shares[UNDO],
        ),
    )


def _number(counts: Counts, counts_for: Any) -> int:
    return sum(number for key, number in counts.items() if counts_for(*key))


def _dimension(done: int, others: int, reported: int) -> Dimension:
    """Return how far it is; `reported` is what is said of the others, of a hundred each."""
    total = done + others
    percent = (done * _ALL + min(reported, others * _ALL)) // total if total else None
    return Dimension(done, total, percent)


def _done(found: Dimension) -> str:
    text = ngettext("%(done)d of %(n)d step done.", "%(done)d of %(n)d steps done.", found.total)
    return text % {"done": found.done, "n": found.total}


def _undone(found: Dimension) -> str:
    text = ngettext(
        "%(done)d of %(n)d step undone.", "%(done)d of %(n)d steps undone.", found.total
    )
    return text % {"done": found.done, "n": found.total}
