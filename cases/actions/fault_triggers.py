"""What a case that failed is rolled back for: a step that failed, or a time that was over."""

from __future__ import annotations

import uuid
from typing import Any

from cases.models import Case
from compensation.lifecycle import Trigger
from ledger.selectors import all_entries

_FAULTED, _HELD = "faulted", "failure_held"
_RAN_OUT = frozenset({"expired", "escalated", "milestone_overdue"})


def trigger_of(case: Case) -> Trigger:
    """Return why a case that failed is rolled back by itself.

    Asked of the ledger, for the words of the failure are for people: from its newest failure, of
    one that was on hold from what had failed then, to what caused that; through those of the cases
    below, each of which came from its own.
    """
    tenant_id = case.tenant_id
    cause = _failure(tenant_id, case.id, action=_FAULTED)
    while cause is not None and _is_of_a_case(cause):
        if cause.action == _FAULTED:
            before = _failure(
                tenant_id, cause.subject_id, action__in=[_FAULTED, _HELD],
                subject_seq__lt=cause.subject_seq,
            )  # fmt: skip
            cause = before if before is not None and before.action == _HELD else cause
        cause = _entries(tenant_id).filter(id=cause.caused_by_id).first()
    ran_out = cause is not None and cause.action in _RAN_OUT
    return Trigger.DEADLINE if ran_out else Trigger.FAULT


def _is_of_a_case(cause: Any) -> bool:
    return cause.subject_type == Case.subject_type and cause.action in {_FAULTED, _HELD}


def _failure(tenant_id: uuid.UUID, case_id: uuid.UUID, **which: Any) -> Any:
    """Return the newest of some entries of a case that say it failed, if there is one."""
    rows = _entries(tenant_id).filter(subject_type=Case.subject_type, subject_id=case_id, **which)
    return rows.order_by("-subject_seq").first()


def _entries(tenant_id: uuid.UUID) -> Any:
    names = ("subject_type", "subject_id", "subject_seq", "action", "caused_by_id")
    return all_entries(tenant_id).values_list(*names, named=True)
