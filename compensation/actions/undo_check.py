"""Every night: is anything being undone with nothing under way, or does it wait for people of whom
nobody is left? It is brought to where a person can act on it, with an entry, and told (DESIGN
§1.6).

An undo and its original are settled in one transaction, so this should find nothing, ever. Each
tenant has one row that falls due; whoever leases it looks, and settles what it finds under the
locks that ending an undo takes, so that one which is just ending is not taken for one that hangs.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from accounts.acting import authority_of, system_of
from compensation.actions import undo
from compensation.actions.attempts import newest_attempt
from compensation.check_tables import UndoCheck
from compensation.lifecycle import AttemptOutcome, CompensationState
from compensation.locking import lock_rows
from compensation.models import CompensationAttempt
from compensation.subject import UndoableSubject, read_rows, undoable
from ledger.clock import now
from ledger.dispatch.consumer_registry import Source
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.ids import new_token
from ledger.tenancy import set_tenant, tenant_scope
from verbs.subject import Ref, all_subjects

log = logging.getLogger(__name__)
CHECKS = LeaseTable("compensation_undocheck", "id", seconds="600")
_LEASE_SECONDS = 600.0
#: When the night's check falls due, UTC.
_HOUR = 2


def check_due(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Look through a tenant whose check has come; whether it had."""
    due = Due(tenant_id, id_, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not CHECKS.take(due, _LEASE_SECONDS):
            return False
    found = sum(_settled(tenant_id, ref) for ref in hanging(tenant_id))
    found += sum(kind.left_to_nobody(tenant_id) for kind in _kinds())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        if CHECKS.is_ours(due):
            UndoCheck.objects.filter(id=id_).update(checked_at=now(), found=found)
            CHECKS.put_back(tenant_id, id_, _until_night())
    return True


SOURCE = Source("undo_checks", CHECKS, check_due)


def hanging(tenant_id: uuid.UUID) -> list[Ref]:
    """Return what a tenant is undoing with nothing under way, as committed now."""
    with tenant_scope(tenant_id):
        return [ref for kind in _kinds() for ref in _hanging(tenant_id, kind)]


def _kinds() -> Iterator[UndoableSubject]:
    return (each for each in all_subjects() if isinstance(each, UndoableSubject))


def _hanging(tenant_id: uuid.UUID, kind: UndoableSubject) -> Iterator[Ref]:
    state = CompensationState.COMPENSATING
    rows = kind.model._default_manager.filter(  # noqa: SLF001  -- Django's documented name
        tenant_id=tenant_id, compensation_state=state, status=state
    )
    ids = set(rows.values_list("pk", flat=True))
    if not ids:
        return
    attempts = CompensationAttempt.objects.filter(
        tenant_id=tenant_id, original_id__in=ids, outcome=AttemptOutcome.OPEN
    )
    by = {each.original_id: (each.compensation_type, each.compensation_id) for each in attempts}
    undos = read_rows(tenant_id, by.values())
    for id_ in sorted(ids):
        if id_ not in by or not _is_under_way(undos.get(by[id_][1])):
            yield kind.subject_type, id_


def _is_under_way(row: Any | None) -> bool:
    return row is not None and row.ended_at is None


def _settled(tenant_id: uuid.UUID, ref: Ref) -> bool:
    """Settle what hangs, unless it does not after all: it ended, or another attempt was begun."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        seen = newest_attempt(tenant_id, *ref)
        refs = [ref] if seen is None else [ref, (seen.compensation_type, seen.compensation_id)]
        rows = lock_rows(tenant_id, refs, finished=True)
        last, original = newest_attempt(tenant_id, *ref), rows[ref[1]]
        row = None if last is None else rows.get(last.compensation_id)
        goes_on = last is not None and last.outcome == AttemptOutcome.OPEN and _is_under_way(row)
        if original.status != CompensationState.COMPENSATING or last != seen or goes_on:
            return False
        log.error("%s %s was being undone with nothing under way", *ref)
        by = authority_of(system_of(tenant_id)).ref()
        entry = undo.settle_hanging(original, last, by=by)
        if row is not None and _is_under_way(row):
            undoable(row.subject_type).call_off(row, by=by, caused_by=entry, reason=undo.HANGING)
        return True


def _until_night() -> float:
    moment = now()
    night = moment.replace(hour=_HOUR, minute=0, second=0, microsecond=0)
    if night <= moment:
        night += dt.timedelta(days=1)
    return (night - moment).total_seconds()
