"""Who asked for what a case does: people, behind the steps that the system opens for them.

Whoever opened it, or tried it again; whoever sent what its steps hear; and of a sub-case the same
of every case above it. They have asked for its steps as much as if they had called them.
"""

from __future__ import annotations

import uuid

from cases.actions.arrivals import SIGNALLED
from cases.arrival_tables import Arrival
from cases.lifecycle import ArrivalStatus
from cases.models import Case
from ledger.selectors import people_behind

_ASKING = ("opened", "retried", SIGNALLED)


def askers(tenant_id: uuid.UUID, case_id: uuid.UUID) -> list[uuid.UUID]:
    """Return the actors who asked for what a case does, who opened it first: three queries, and one
    for each case above it."""
    ids = _with_those_above(tenant_id, case_id)
    came = Arrival.objects.filter(
        tenant_id=tenant_id, case_id__in=ids, status=ArrivalStatus.TAKEN
    ).exclude(heard="moment")
    said_so = people_behind(tenant_id, Case.subject_type, ids, _ASKING)
    told = people_behind(tenant_id, entries=came.values_list("entry_id", flat=True))
    return list(dict.fromkeys([*said_so, *told]))


def _with_those_above(tenant_id: uuid.UUID, case_id: uuid.UUID) -> list[uuid.UUID]:
    """Return a case and those above it, the one at the root first."""
    found: list[uuid.UUID] = []
    above: uuid.UUID | None = case_id
    while above is not None:
        found.insert(0, above)
        rows = Case.objects.filter(tenant_id=tenant_id, id=above)
        above = rows.values_list("parent_id", flat=True).first()
    return found
