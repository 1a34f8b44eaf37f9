"""What happens to the milestones of a case: they are looked for, reached, and late.

Reaching one is written with what the engine does (`record`); that one is late, by its own row that
falls due.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from accounts.acting import authority_of, system_of
from cases.actions.changes import change_case, fault_case, lock_case
from cases.definitions import Ahead, CompiledDefinition, Seen
from cases.fault_words import TOO_LATE
from cases.lifecycle import MAY_BE_LATE, ROLLING_BACK
from cases.milestones import due_at
from cases.models import Case, MilestoneDue
from cases.selectors import compiled_of
from compensation.subject import Cause
from ledger.clock import now, rfc3339
from ledger.dispatch.consumer_registry import Source
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.ids import new_token
from ledger.record import Recorded
from ledger.tenancy import set_tenant
from verbs.move import Moves

DUES = LeaseTable("cases_milestonedue", "id")
_LEASE_SECONDS = 10.0
#: How long it is before a case that is being rolled back is looked at again.
_LOOK_AGAIN_SECONDS = 300.0


def ahead_of(case: Case, definition: CompiledDefinition) -> list[Ahead]:
    """Return the milestones that a case has not reached."""
    return [
        Ahead(each, active=each.entry is None or "activated_at" in known)
        for each in definition.milestones
        if "reached_at" not in (known := case.milestones.get(each.name, {}))
    ]


def dues_of_opening(case: Case, definition: CompiledDefinition) -> list[MilestoneDue]:
    """Return the rows by which milestones of a case that is being opened fall due."""
    counted = (
        each for each in definition.milestones if not (each.entry and each.counts_from_activation)
    )
    return [
        MilestoneDue(
            tenant_id=case.tenant_id, case_id=case.id, milestone=each.name, due_at=due
        )
        for each in counted
        if (due := due_at(each, case.created_at)) is not None
    ]  # fmt: skip


def record(case: Case, seen: Iterable[Seen], *, cause: Cause, moves: Moves) -> None:
    """Write which milestones a locked case has reached, and which are looked for from now on."""
    for each in seen:
        at = now()
        known = case.milestones.get(each.milestone.name, {})
        if each.activated:
            known = {**known, "activated_at": rfc3339(at)}
            due = due_at(each.milestone, at) if each.milestone.counts_from_activation else None
            if due is not None and not each.reached:
                moves.add(
                    MilestoneDue(
                        tenant_id=case.tenant_id, case_id=case.id, milestone=each.milestone.name,
                        due_at=due,
                    )
                )  # fmt: skip
        if each.reached:
            known = {**known, "reached_at": rfc3339(at)}
        action = "milestone_reached" if each.reached else "milestone_activated"
        _said(case, action, each.milestone.name, known, cause=cause, moves=moves)


def _said(
    case: Case, action: str, name: str, known: dict[str, str], *, cause: Cause, moves: Moves,
    **more: Any,
) -> Recorded:  # fmt: skip
    return change_case(
        case, action, moves=moves, cause=cause,
        also={"milestones": {**case.milestones, name: known}},
        payloads={"milestone": name, "detail": name, **more},
    )  # fmt: skip


def breach_due(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Say of a milestone whose time is over that it is late, once; whether there was one to see to.

    The lease is committed first. The row goes with the entry, under the case's lock: a step that
    reaches the milestone at the same moment finds the case moved, or is before it. While a case is
    rolled back nobody knows whether it goes on: that is waited for.
    """
    due = Due(tenant_id, id_, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not DUES.take(due, _LEASE_SECONDS):
            return False
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = MilestoneDue.objects.filter(tenant_id=tenant_id, id=id_).first()
        case = None if row is None else lock_case(tenant_id, row.case_id)
        if row is not None and case is not None and DUES.is_ours(due):
            if case.status in ROLLING_BACK:
                DUES.put_back(tenant_id, id_, _LOOK_AGAIN_SECONDS)
            else:
                _breach(case, row)
                row.delete()
    return True


SOURCE = Source("case_milestones", DUES, breach_due, short=True)


def _breach(case: Case, row: MilestoneDue) -> None:
    known = case.milestones.get(row.milestone, {})
    if "reached_at" in known or case.status not in MAY_BE_LATE:
        return
    moves, cause = Moves(), Cause(authority_of(system_of(case.tenant_id)).ref(), None)
    known = {**known, "overdue_since": rfc3339(now())}
    recorded = _said(
        case, "milestone_overdue", row.milestone, known, cause=cause, moves=moves,
        due_at=rfc3339(row.due_at),
    )  # fmt: skip
    definition = compiled_of(case.tenant_id, case.definition_id)
    if definition.milestone(row.milestone).faults_when_late:
        because = cause.after(recorded.ref)
        fault_case(case, TOO_LATE + row.milestone, cause=because, moves=moves)
    moves.record()
