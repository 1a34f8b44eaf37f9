"""A case as it was: once its n-th completion had been taken in, and before anything followed.

The context is what the case was opened with and, in the order of its chain, what its entries say
was changed, up to the version at which the n-th result had been taken in, the results of later
completions left out. What such an entry kept and was erased since is not made up: it is named, with
the receipt.

Plan items know themselves how they ended, and when. Whether one was undone by then, the entries of
its work say. Everything runs in the caller's tenant scope.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from cases.events import CONTEXT_CHANGED
from cases.lifecycle import PlanItemStatus
from cases.models import Case, PlanItem, undo_of
from cases.selectors import plan_items
from compensation.events import STATES_OF_UNDO
from compensation.lifecycle import CompensationState
from ledger.errors import Invalid
from ledger.selectors import Entry, all_entries, kept_bytes, open_entries

_OPENED: Final = "opened"
_SAID: Final = ("context", "changed", "invalidated")
#: What a change kept may be long: so many are in memory at once, and all together, in bytes, are no
#: more than one answer may cost.
_PORTION: Final = 20
MOST_BYTES: Final = 32 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """When a completion of a case had been taken in. `seq`: its number, 0 before the first;
    `version` of the case."""

    seq: int
    version: int
    at: dt.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class PastContext:
    """The context of a case at a moment. `erased`: entries whose change is not known any more."""

    seq: int
    context: dict[str, Any]
    invalidated: list[str]
    erased: list[Entry]


def moment_of(case: Case, seq: int) -> Moment:
    """Return the moment of the newest completion up to `seq`."""
    done = Q(completion_seq__lte=seq)
    found = PlanItem.objects.filter(tenant_id=case.tenant_id, case_id=case.id).aggregate(
        seq=Max("completion_seq", filter=done),
        version=Max("taken_version", filter=done),
        at=Max("ended_at", filter=done),
    )
    return Moment(found["seq"] or 0, found["version"] or 1, found["at"] or case.created_at)


def context_at(case: Case, seq: int) -> PastContext:
    """Return the context once the completion `seq` had been taken in. Raises Invalid where too
    much was changed until then to be gone through."""
    moment = moment_of(case, seq)
    found = PastContext(moment.seq, {}, [], [])
    for entry in _changes(case, moment):
        if entry.erased:
            found.erased.append(entry)
        said = entry.payloads
        stated = said.get("context" if entry.action == _OPENED else "changed", {})
        found.context.update(stated)
        marked = (set(found.invalidated) | set(said.get("invalidated", ()))) - stated.keys()
        found.invalidated[:] = sorted(marked)
    return found


def _changes(case: Case, moment: Moment) -> Iterable[Entry]:
    """Yield what made the context what it was, oldest first. Raises Invalid."""
    later = PlanItem.objects.filter(
        tenant_id=case.tenant_id, case_id=case.id, completion_seq__gt=moment.seq,
        taken_version__lte=moment.version,
    )  # fmt: skip
    rows = all_entries(case.tenant_id).filter(
        subject_type=Case.subject_type, subject_id=case.id,
        action__in=[_OPENED, CONTEXT_CHANGED], subject_version__lte=moment.version,
    ).exclude(subject_version__in=list(later.values_list("taken_version", flat=True)))  # fmt: skip
    if kept_bytes(case.tenant_id, rows, _SAID) > MOST_BYTES:
        words = _("at: until then more was changed than is gone through: ask for an earlier one")
        raise Invalid.field("at", words, code="too_large")
    rows, after = rows.order_by("subject_seq"), 0
    while portion := open_entries(rows.filter(subject_seq__gt=after)[:_PORTION], only=_SAID):
        yield from portion
        after = portion[-1].subject_seq


def items_at(case: Case, moment: Moment) -> QuerySet[PlanItem]:
    """Return the plan items that there were, as they are now; see `as_they_were`."""
    there = Q(completion_seq__lte=moment.seq) | Q(created_at__lte=moment.at)
    return plan_items(case.tenant_id, case.id).filter(there)


def as_they_were(items: Sequence[PlanItem], moment: Moment) -> list[PlanItem]:
    """Set the state of plan items to what it was at a moment. They are not saved."""
    undone = _states(items, moment)
    for item in items:
        item.compensation_state = undone.get(item.target_id, CompensationState.NONE)
        if not _had_ended(item, moment):
            item.status, item.ended_at, item.error = PlanItemStatus.ACTIVE, None, ""
            item.completion_seq, item.written = None, []
    return list(items)


def _had_ended(item: PlanItem, moment: Moment) -> bool:
    # The number is the order, and not the clock, of whatever has one.
    if item.completion_seq is not None:
        return item.completion_seq <= moment.seq
    return item.ended_at is not None and item.ended_at <= moment.at


def _states(items: Sequence[PlanItem], moment: Moment) -> dict[uuid.UUID | None, CompensationState]:
    """Return how far the undo of each was; what was never undone is not looked for."""
    moved = [item for item in items if item.compensation_state != CompensationState.NONE]
    if not moved:
        return {}
    # The undo of a piece is told by what was done to it, that of a case by what it has become.
    told = Q(subject_type=Case.subject_type) | Q(action__in=list(STATES_OF_UNDO))
    entries = (
        all_entries(moved[0].tenant_id)
        .filter(
            told, at__lte=moment.at,
            subject_type__in={item.work[0] for item in moved},
            subject_id__in=[item.work[1] for item in moved],
        )
        .order_by("subject_id", "-subject_seq")
        .distinct("subject_id")
    )  # fmt: skip
    found = entries.values_list("subject_id", "subject_type", "action", "to_status")
    return {
        id_: undo_of(status) if type_ == Case.subject_type else STATES_OF_UNDO[action]
        for id_, type_, action, status in found
    }
