"""Work that falls due and is not done: told of once a source, and once more when it goes on.

`row_trouble` finds out, as often as it happens, that trouble lasts or is over. What people were
told of is kept with the watch (`LedgerWatch.stopped`) and decided under its lock: of two that find
the same at once the second sees what the first has noted. It is locked before the tenant, as the
watch does.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Final

from django.db import transaction

from accounts.acting import authority_of, system_of
from accounts.actions import note_on_tenant
from audit.models import LedgerWatch
from ledger.clock import rfc3339
from ledger.dispatch.consumer_registry import Source, sources
from ledger.dispatch.lease_table import trouble_of
from ledger.dispatch.row_trouble import Teller
from ledger.tenancy import set_tenant

STOPPED: Final = "due_work_stopped"
RESUMED: Final = "due_work_resumed"
#: What was in the way where nobody has lived to say.
UNFINISHED: Final = "no worker has come to the end of it"


def note_stopped(source: Source, tenant_id: uuid.UUID, since: dt.datetime, words: str) -> None:
    """Note that rows of a source are in trouble since then, unless that is noted, or over by now.

    Of ten thousand rows in trouble each says so every few seconds: it is looked first, and locked
    only where there is something to say.
    """
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        if source.name in _noted(tenant_id):
            return
        row = _locked(tenant_id)
        if row is None or source.name in row.stopped or not source.table.in_trouble(tenant_id):
            return
        _stopped(row, source.name, since, words)


def note_over(source: Source, tenant_id: uuid.UUID) -> None:
    """Note of a source that was told of and has no row in trouble any more that it goes on.

    What is noted only after it was looked here is compared with the rows by the next look.
    """
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        if source.name not in _noted(tenant_id) or source.table.in_trouble(tenant_id):
            return
        row = _locked(tenant_id)
        if row is None or source.name not in row.stopped or source.table.in_trouble(tenant_id):
            return
        _over(row, source.name)


def compare(row: LedgerWatch, *, but: str) -> None:
    """Compare what a locked watch has noted with the rows: people may have ended what was in
    trouble, and a worker that is killed at each try tells nobody. Of the source `but`, whose row
    is being worked on, nothing is told: how that ends is not known yet."""
    found = trouble_of({each.name: each.table for each in sources()}, row.tenant_id)
    for name in [each for each in row.stopped if each not in found]:
        _over(row, name)
    for name, (since, lasts) in found.items():
        if lasts and name not in row.stopped and name != but:
            _stopped(row, name, since, UNFINISHED)


TELLER: Final = Teller(lasts=note_stopped, is_over=note_over)


def _noted(tenant_id: uuid.UUID) -> dict[str, str]:
    rows = LedgerWatch.objects.filter(tenant_id=tenant_id).values_list("stopped", flat=True)
    return rows.first() or {}


def _locked(tenant_id: uuid.UUID) -> LedgerWatch | None:
    rows = LedgerWatch.objects.select_for_update(of=("self",))
    return rows.filter(tenant_id=tenant_id).first()


def _stopped(row: LedgerWatch, name: str, since: dt.datetime, words: str) -> None:
    moment = rfc3339(since)
    row.stopped = {**row.stopped, name: moment}
    _save(row, STOPPED, {"detail": name, "since": moment, "cause": words})


def _over(row: LedgerWatch, name: str) -> None:
    row.stopped = {each: at for each, at in row.stopped.items() if each != name}
    _save(row, RESUMED, {"detail": name})


def _save(row: LedgerWatch, action: str, said: dict[str, object]) -> None:
    row.save(update_fields=["stopped"])
    by = authority_of(system_of(row.tenant_id)).ref()
    note_on_tenant(row.tenant_id, action, by=by, payloads=said)
