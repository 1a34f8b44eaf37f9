"""Undoing a case that failed, because its definition says so (`on_fault: compensate`).

Heard as news of the failure, in the lane of the case: whatever made it fail, the run begins in a
transaction of its own, and not where somebody has decided meanwhile. It is the run that an operator
would begin over all of the case, with less: it stops at points of no return, and what needs
approval is left to people. What is not begun is on record, and the case stays FAULTED.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from accounts.acting import authority_of, system_of
from cases.actions.changes import lock_case
from cases.lifecycle import CaseStatus
from cases.models import Case
from cases.selectors import compiled_of
from compensation.actions.run_by_rule import ByRule, roll_back_by_rule
from compensation.lifecycle import Trigger
from compensation.plan import Scope
from compensation.subject import Cause, whole_subject
from ledger.dispatch.consumer_registry import Done, Event
from ledger.errors import Refusal
from ledger.record import EntryRef, record
from ledger.tenancy import set_tenant
from verbs.move import change_of

REFUSED = "compensation_refused"


def hear(events: Sequence[Event], done: Done) -> None:
    """Begin what follows from the failures of one case."""
    with transaction.atomic(durable=True):
        set_tenant(events[0].tenant_id)
        for event in events:
            _roll_back(event)
        done()


def _roll_back(event: Event) -> None:
    case = lock_case(event.tenant_id, event.subject_id)
    # Whoever tried again or rolled back since has decided; a repeated event finds that too.
    if case is None or case.status != CaseStatus.FAULTED:
        return
    if compiled_of(case.tenant_id, case.definition_id).on_fault != "compensate":
        return
    kind = whole_subject(Case.subject_type)
    if kind is None:
        raise LookupError("cases are not registered")
    cause = Cause(authority_of(system_of(case.tenant_id)).ref(), EntryRef(event.id, event.hash))
    wanted = ByRule(Scope(), reason=case.fault, resumes=False, ends=False, trigger=Trigger.FAULT)
    try:
        roll_back_by_rule(kind, case, wanted, kind.parts(case, lock=True), cause=cause)
    except Refusal as refused:
        record(
            change_of(
                case, REFUSED, before=str(case.status), by=cause.by, caused_by=cause.entry,
                payloads={"code": refused.code, "detail": str(refused.detail)}, kind="REFUSAL",
            )
        )  # fmt: skip
