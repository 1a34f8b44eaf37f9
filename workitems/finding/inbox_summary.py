"""How much there is for a person, and of what a team looks after: the counts of an inbox."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection

from django.db.models import TextField, Value

from accounts.acting import ActingUser, Authority
from web.counts import COUNTED
from workitems.lifecycle import Status
from workitems.selectors import visible
from workitems.standing_in import counted_for_others
from workitems.waiting import waiting

_FAULTED = (Status.FAULTED, Status.COMPENSATION_FAULTED)


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """Counts, each at most `COUNTED`: that much or more.

    `standing_in` is what waits for those whom the person stands in for; `overdue` is of `mine` and
    `groups`; of the whole tenant are what nobody has taken, what is
    being undone, and what failed.
    """

    mine: int
    groups: int
    unassigned: int
    standing_in: int
    overdue: int
    compensating: int
    faulted: int


def summary_of(who: ActingUser, authority: Authority) -> Summary:
    """Return the counts for a person: two statements, as much as there may be, and one more for who
    stands in for others."""
    found, of_all = waiting(who), _counts(who.tenant_id, [Status.COMPENSATING, *_FAULTED])
    return Summary(
        mine=found.mine,
        groups=found.groups,
        unassigned=found.unassigned,
        standing_in=counted_for_others(authority),
        overdue=found.late,
        compensating=of_all[Status.COMPENSATING],
        faulted=min(sum(of_all[each] for each in _FAULTED), COUNTED),
    )


def _counts(tenant_id: uuid.UUID, statuses: Collection[str]) -> dict[str, int]:
    """Return how many items are in each of some statuses."""
    first, *others = (
        visible(tenant_id)
        .prefetch_related(None)
        .filter(status=each)
        .order_by()
        .annotate(counted=Value(str(each), TextField()))
        .values_list("counted", "id")[:COUNTED]
        for each in statuses
    )
    found = [each for each, _id in first.union(*others, all=True)]
    return {each: found.count(str(each)) for each in statuses}
