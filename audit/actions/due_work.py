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
from ledger.dispatch.consumer_registry import Source, source_named
from ledger.dispatch.row_trouble import Teller
from ledger.tenancy import set_tenant

STOPPED: Final = "due_work_stopped"
RESUMED: Final = "due_work_resumed"


def note_stopped(source: Source, tenant_id: uuid.UUID, since: dt.datetime, words: str) -> None:
    """Note that rows of a source are in trouble since then, unless that is noted."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = _locked(tenant_id)
        if row is None or source.name in row.stopped:
            return
        moment = rfc3339(since)
        row.stopped = {**row.stopped, source.name: moment}
        _save(row, STOPPED, {"detail": source.name, "since": moment, "cause": words})


def note_over(_source: Source, tenant_id: uuid.UUID) -> None:
    """Note of each source that was told of and has no row in trouble any more that it goes on."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = _locked(tenant_id)
        if row is not None:
            end_what_is_over(row)


def end_what_is_over(row: LedgerWatch) -> None:
    """The same of a locked watch: people may have ended what was in trouble."""
    for name in list(row.stopped):
        source = source_named(name)
        if source is None or not source.table.in_trouble(row.tenant_id):
            row.stopped = {each: at for each, at in row.stopped.items() if each != name}
            _save(row, RESUMED, {"detail": name})


TELLER: Final = Teller(lasts=note_stopped, is_over=note_over)


def _locked(tenant_id: uuid.UUID) -> LedgerWatch | None:
    rows = LedgerWatch.objects.select_for_update(of=("self",))
    return rows.filter(tenant_id=tenant_id).first()


def _save(row: LedgerWatch, action: str, said: dict[str, object]) -> None:
    row.save(update_fields=["stopped"])
    by = authority_of(system_of(row.tenant_id)).ref()
    note_on_tenant(row.tenant_id, action, by=by, payloads=said)
