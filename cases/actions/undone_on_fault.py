"""Undoing a case that failed, because its definition says so (`on_fault: compensate`).

Heard as news of the failure, in the lane of the case: whatever made it fail, the run begins in a
transaction of its own, and not where somebody has decided meanwhile. It is the run that an operator
would begin over all of the case, with less: it stops at points of no return, and what needs
approval is left to people. What is not begun is on record, and the case stays FAULTED. Where
another rollback in its tree was in the way, of a case or of one piece of work, the end of that is
heard, and it is tried once more.
"""

from __future__ import annotations

import functools
import itertools
import uuid
from collections.abc import Sequence
from typing import Final

from django.db import transaction

from accounts.acting import authority_of, system_of
from cases.actions import stopping
from cases.actions.changes import lock_case
from cases.actions.fault_triggers import trigger_of
from cases.actions.sub_case_news import for_case_above
from cases.events import SETTLED
from cases.lifecycle import CaseStatus
from cases.models import Case
from cases.selectors import compiled_all, compiled_of
from compensation.actions.automatic_runs import REFUSED, Wanted, start_or_note
from compensation.errors import RunLive
from compensation.plan_scope import Scope
from compensation.subject import Cause
from ledger.dispatch.consumer_registry import Done, Event
from ledger.record import EntryRef
from ledger.selectors import entries_of
from ledger.statements import fetched
from ledger.tenancy import set_tenant
from verbs.answered_outside import answered_outside

# Those of one level by their ids, as they are locked elsewhere.
_FAILED: Final = f"""
WITH RECURSIVE above AS (
    SELECT c.id, c.definition_id, c.parent_id, 0 AS level FROM cases_case h
    JOIN cases_case c ON c.tenant_id = h.tenant_id
        AND (c.id = h.root_id OR (c.root_id = h.root_id AND c.parent_id IS NOT NULL))
    WHERE h.tenant_id = %(tenant)s AND h.id = %(case)s AND c.status = '{CaseStatus.FAULTED}'
    UNION ALL
    SELECT a.id, a.definition_id, c.parent_id, a.level + 1 FROM above a
    JOIN cases_case c ON c.tenant_id = %(tenant)s AND c.id = a.parent_id)
SELECT id, definition_id FROM above WHERE parent_id IS NULL ORDER BY level, id
"""  # noqa: S608  -- own words


def hear(events: Sequence[Event], done: Done) -> None:
    """Begin what follows from the failures of one case. What policies say of that may need jq: it
    is asked while nothing is locked."""
    answered_outside(functools.partial(_hear, events, done))


def _hear(events: Sequence[Event], done: Done) -> None:
    with transaction.atomic(durable=True):
        set_tenant(events[0].tenant_id)
        # First what may reach above, whatever came first: cases are locked from the root down. Of
        # one tree one rollback is under way at a time: where one has begun, no other can.
        for event in filter(_ends_a_rollback, events):
            if _once_more(event):
                break
        for event in itertools.filterfalse(_ends_a_rollback, events):
            _roll_back_if_failed(event)
        done()


def _ends_a_rollback(event: Event) -> bool:
    """Whether it tells of the end of a rollback, and else of the failure of a case."""
    return event.subject_type != Case.subject_type or event.action == SETTLED


def _roll_back_if_failed(event: Event) -> None:
    """Begin the rollback of a case that has failed, if its definition wants it."""
    case = _locked_if_wanted(event.tenant_id, event.subject_id)
    if case is not None:
        _roll_back(event, case)


def _once_more(event: Event) -> bool:
    """The rollback of a case below another, or of one piece of work, is over: a case of the tree
    may have found it in its way. The topmost of those that failed comes first, and its run undoes
    what is below. Whether one has begun.

    What was refused is asked of a locked case: else a refusal that is not committed yet is not
    seen, and nobody hears of that end again.
    """
    for id_ in _failed_in_tree(event):
        case = _locked_if_wanted(event.tenant_id, id_)
        if case is not None and _found_one_in_its_way(case) and _roll_back(event, case):
            return True
    return False


def _failed_in_tree(event: Event) -> list[uuid.UUID]:
    """Return the cases of the tree that failed and want to be undone then, from the root down; but
    not the one whose rollback is over."""
    about_case = event.subject_type == Case.subject_type
    case_id = event.subject_id if about_case or event.case_id is None else event.case_id
    found = fetched(_FAILED, {"tenant": event.tenant_id, "case": case_id})
    known = compiled_all(event.tenant_id, {definition_id for _id, definition_id in found})
    return [
        id_ for id_, definition_id in found
        if known[definition_id].on_fault == "compensate" and (not about_case or id_ != case_id)
    ]  # fmt: skip


def _found_one_in_its_way(case: Case) -> bool:
    """Whether the last that was said of a case's own wish is that another rollback was under way:
    what was refused for another reason is left to people."""
    said = [
        entry.payloads.get("code")
        for entry in entries_of(case.tenant_id, Case.subject_type, case.id)
        if entry.action == REFUSED
    ]
    return said[-1:] == [RunLive.default_code]


def _locked_if_wanted(tenant_id: uuid.UUID, case_id: uuid.UUID) -> Case | None:
    """Lock a case, and return it if it has failed and its definition wants it undone then."""
    case = lock_case(tenant_id, case_id)
    # Whoever tried again or rolled back since has decided; a repeated event finds that too.
    if case is None or case.status != CaseStatus.FAULTED:
        return None
    wanted = compiled_of(tenant_id, case.definition_id).on_fault == "compensate"
    return case if wanted else None


def _roll_back(event: Event, case: Case) -> bool:
    """Begin the rollback that the definition of a locked case wants; whether one has begun."""
    if case.stopped_since is not None and case.id == _as_heard(event).case_id:
        # Else the sign that this very news was in trouble would refuse what it begins.
        stopping.got_through(case, event)
    cause = Cause(authority_of(system_of(case.tenant_id)).ref(), EntryRef(event.id, event.hash))
    wanted = Wanted(Scope(), reason=case.fault, ends=False, trigger=trigger_of(case))
    return start_or_note(case, wanted, cause=cause) is not None


def stopped(event: Event, error: str) -> None:
    """Say on the case in whose lane it is heard that its engine has stopped, in the caller's
    transaction."""
    stopping.stopped(_as_heard(event), error)


def goes_on(event: Event) -> None:
    """Take that sign down, in the caller's transaction."""
    stopping.goes_on(_as_heard(event))


def _as_heard(event: Event) -> Event:
    """Return the news as of the case that hears it: the end of a rollback below is heard above."""
    about_case = event.subject_type == Case.subject_type
    return for_case_above(event) if about_case and event.action == SETTLED else event
