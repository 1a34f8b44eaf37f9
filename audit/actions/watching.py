"""Looking after the ledger: every hour whether anything is in the way of its tree, every night
whether anything is missing. Whoever looks after the organisation is told, once for what is found.

Each tenant has one row that falls due. What is in the way is noted under the row's lock, which also
says what was noted last: two that look at once, or one that is killed and looks again, tell once.
It is told before anything is counted: the larger the ledger, the likelier that a count is killed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Final

from django.db import transaction

from accounts.acting import authority_of, system_of
from accounts.actions import note_on_tenant
from audit.actions import due_work
from audit.actions.noting_gaps import note_gaps
from audit.models import LedgerWatch
from audit.tree_trouble import Trouble, trouble_of
from ledger.clock import now
from ledger.dispatch.consumer_registry import Source
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.ids import new_token
from ledger.tenancy import set_tenant
from ledger.tree.standing import tree_standing
from ledger.tree.stored_tree import seal_lag

TROUBLE_FOUND: Final = "ledger_trouble_found"
TROUBLE_OVER: Final = "ledger_trouble_over"
WATCHES: Final = LeaseTable("audit_ledgerwatch", "id", seconds="600")
_LEASE_SECONDS: Final = 600.0
_EVERY_SECONDS: Final = 3600.0
#: All of it is counted once a day: that reads the whole index of a tenant.
_COUNT_EVERY: Final = dt.timedelta(hours=23)


def watch_due(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Look after a tenant's ledger whose time has come; whether it had."""
    due = Due(tenant_id, id_, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not WATCHES.take(due, _LEASE_SECONDS):
            return False
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        if not WATCHES.is_ours(due):
            return True
        counted_at = _settle(tenant_id, id_)
        counts = counted_at is None or now() - counted_at > _COUNT_EVERY
        # Before the count, which is ended long before that: one that fails is tried in an hour.
        WATCHES.put_back(tenant_id, id_, _EVERY_SECONDS, ended=not counts)
    if counts:
        note_gaps(tenant_id)
    return True


SOURCE: Final = Source("ledger_watch", WATCHES, watch_due)


def _settle(tenant_id: uuid.UUID, id_: uuid.UUID) -> dt.datetime | None:
    """Note what is in the way, or that nothing is any more. Returns when all was counted last."""
    row, moment = LedgerWatch.objects.get(tenant_id=tenant_id, id=id_), now()
    trouble = trouble_of(tree_standing(tenant_id), seal_lag(tenant_id), moment)
    code = "" if trouble is None else trouble.code
    if code != row.noted:
        _note(tenant_id, row.noted, trouble)
        row.noted = code
    row.checked_at = moment
    row.save(update_fields=["checked_at", "noted"])
    due_work.compare(row, but=SOURCE.name)
    return row.counted_at


def _note(tenant_id: uuid.UUID, before: str, trouble: Trouble | None) -> None:
    by = authority_of(system_of(tenant_id)).ref()
    if trouble is None:
        note_on_tenant(tenant_id, TROUBLE_OVER, by=by, payloads={"trouble": before})
    else:
        said: dict[str, object] = {"trouble": trouble.code, "detail": trouble.detail}
        note_on_tenant(tenant_id, TROUBLE_FOUND, by=by, payloads=said)
