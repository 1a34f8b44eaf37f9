"""Saving what changed about a case, with its entry: in the caller's transaction, case locked.

What takes `moves` leaves the appending of its entry to whoever made those.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from cases.events import CASE
from cases.lifecycle import CaseStatus
from cases.models import Case, CaseDefinition, PlanItem
from cases.selectors import compiled_of
from compensation.locking import lock_many
from compensation.subject import Cause
from ledger.clock import now
from ledger.record import Recorded
from verbs.move import Moves, sharing
from verbs.row_reading import Beside, read

_NAMES = {f"definition_{name}": name for name in ("namespace", "name", "version", "title")}
_DEFINITION = Beside(
    "".join(f", d.{name} AS {said}" for said, name in _NAMES.items()),
    " JOIN cases_casedefinition d ON d.tenant_id = r.tenant_id AND d.id = r.definition_id",
)


def lock_case(tenant_id: uuid.UUID, case_id: uuid.UUID) -> Case | None:
    """Lock a case, and only it; what its definition is called is read with it."""
    rows = lock_many(Case, Case.subject_type, tenant_id, [case_id], beside=_DEFINITION)
    return _with_definition(rows[0]) if rows else None


def read_cases(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Case]:
    """Return cases as committed now, each with what its definition is called."""
    rows = read(Case, "r.tenant_id = %s AND r.id = ANY(%s)", [tenant_id, list(ids)], _DEFINITION)
    return {case.id: _with_definition(case) for case in rows}


def _with_definition(case: Case) -> Case:
    values = [case.definition_id, case.tenant_id, *map(case.__dict__.pop, _NAMES)]
    case.definition = CaseDefinition.from_db(
        connection.alias, ["id", "tenant_id", *_NAMES.values()], values
    )
    return case


def change_case(
    case: Case,
    action: str,
    *,
    moves: Moves,
    cause: Cause,
    step: Callable[[], object] | None = None,
    also: Mapping[str, Any] | None = None,
    payloads: Mapping[str, Any] | None = None,
    **said: Any,
) -> Recorded:
    """Save a case one version on, after its FSM method `step`, which may need the old values of the
    columns that are `also` set."""
    before = str(case.status)
    if step is not None:
        step()
    changed = dict(also or {})
    if action in CASE:
        changed["triggered"] = case.version + 1
    for column, value in changed.items():
        setattr(case, column, value)
    return moves.change(
        case, action, before=before, by=cause.by, fields=changed, caused_by=cause.entry,
        payloads=payloads, **said,
    )  # fmt: skip


def save_case(case: Case, action: str, **how: Any) -> Recorded:
    """Do the same at once, or with what the cause gathers; `how` as for `change_case`."""
    with sharing(how["cause"].moves) as own:
        return change_case(case, action, moves=own, **how)


def fault_case(case: Case, detail: str, *, cause: Cause, moves: Moves | None = None) -> None:
    """Let a running or suspended case fail, with the reason where people see it.

    One on hold whose definition has it undone then keeps that it has failed, and stays on hold:
    nothing begins by itself before it goes on (`fail_after_hold`).
    """
    if case.status not in {CaseStatus.RUNNING, CaseStatus.SUSPENDED}:
        return
    fault = detail[:4000]
    if not _waits_to_fail(case):
        _fail(case, fault, cause, moves)
    elif not case.fault:
        with sharing(moves) as own:
            change_case(
                case, "failure_held", moves=own, cause=cause, also={"fault": fault},
                payloads={"detail": fault},
            )  # fmt: skip


def fail_after_hold(case: Case, *, cause: Cause, moves: Moves | None = None) -> bool:
    """Let a case that goes on fail of what failed while it was on hold, in the transaction in which
    it goes on: it is never seen running with that. Returns whether anything did."""
    if case.status != CaseStatus.RUNNING or not case.fault:
        return False
    _fail(case, case.fault, cause, moves)
    return True


def _waits_to_fail(case: Case) -> bool:
    on_hold = case.status == CaseStatus.SUSPENDED
    return on_hold and compiled_of(case.tenant_id, case.definition_id).on_fault == "compensate"


def _fail(case: Case, fault: str, cause: Cause, moves: Moves | None) -> None:
    with sharing(moves) as own:
        change_case(
            case, "faulted", moves=own, cause=cause, step=case.fail,
            also={"fault": fault, "ended_at": now()}, payloads={"detail": fault},
        )  # fmt: skip


def plan_items_of(case: Case) -> QuerySet[PlanItem]:
    """Return every plan item of a case."""
    return PlanItem.objects.filter(tenant_id=case.tenant_id, case_id=case.id)
