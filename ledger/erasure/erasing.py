"""Erasing a person: counted, confirmed, and worked portion by portion by any worker.

A portion is one transaction: rows of one table, what is gone of them, the counts, and the place to
go on at. A worker that is killed at any moment leaves the place of the last portion, and the next
goes on there. The order: all tables are swept; then it is removed whose the token is; then, when no
process has in memory any more what it read before, all are swept again, because until that moment
others could copy the name out of it; then the receipt.
"""

from __future__ import annotations

import collections
import logging
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.db import connection, transaction

from ledger import failpoints
from ledger.clock import now
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.erasure.erasure_tables import Erasure, ErasureReceipt
from ledger.erasure.gone_payloads import GONE, gone_of
from ledger.erasure.held_rows import acted_in, begin_portion, held
from ledger.erasure.identity import identities
from ledger.erasure.naming import Names
from ledger.erasure.personal_data import KEPT_SECONDS, outside_copies, swept_tables
from ledger.erasure.portions import Search, sweep
from ledger.erasure.receipt_entries import gone_under, receipt_hash
from ledger.faults import words_of
from ledger.ids import new_token
from ledger.tenancy import set_tenant, system_scope

log = logging.getLogger(__name__)
BASIS: Final = "GDPR_17"
ERASURES = LeaseTable(
    "ledger_erasure", "id", waiting="t.state IN ('COUNTING', 'ERASING')", seconds="120"
)
_LEASE_SECONDS = 60.0
_SLICE_SECONDS = 10.0
# What was made of something kept may be kept as long once more, and a transaction that has begun
# with it ends by then.
_REST_SECONDS = 2 * KEPT_SECONDS + 30.0
#: What somebody is yet to hear of is erased when they have heard of it.
_AGAIN_SECONDS = 30.0
_ERROR_LENGTH = 300
_MOST_READ = 4_000
failpoints.declare("erase.portion", "erase.identity", "erase.receipt")


def erase_due(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Work on one erasure that is due, for some seconds; whether there was one."""
    due = Due(tenant_id, id_, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        if not ERASURES.take(due, _LEASE_SECONDS):
            return False
    until = time.monotonic() + _SLICE_SECONDS
    try:
        while _portion(due) and time.monotonic() < until:
            pass
    except Exception as error:
        log.exception("erasure %s could not go on", id_)
        # The first line: what follows it in PostgreSQL's errors are the values of rows.
        _put_back(due, words_of(error, _MOST_READ).partition("\n")[0])
        raise
    _put_back(due, "")
    return True


def _put_back(due: Due, error: str) -> None:
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        if not ERASURES.is_ours(due):
            return
        row = Erasure.objects.get(tenant_id=due.tenant_id, id=due.id)
        row.last_error = search_of(row).names.without(error)[:_ERROR_LENGTH]
        row.save(update_fields=["last_error"])
        again = _AGAIN_SECONDS if error or row.place.get("waits") else 0
        ERASURES.put_back(due.tenant_id, due.id, again, ended=not error)


def _portion(due: Due) -> bool:
    """Do the next portion; whether there may be more to do now."""
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        begin_portion(due.tenant_id)
        if not ERASURES.is_ours(due):
            log.warning("erasure %s was taken over", due.id)
            return False
        row = Erasure.objects.get(tenant_id=due.tenant_id, id=due.id)
        if row.state not in {"COUNTING", "ERASING"}:
            return False
        more = _next(row) if row.place.get("tables_done") else _sweep_on(row)
        row.last_error = ""
        row.save(
            update_fields=["place", "found", "kept", "erased", "state", "names", "also", "version",
                           "ended_at", "last_error"]
        )  # fmt: skip
        failpoints.reach("erase.portion")
    return more


def search_of(row: Erasure) -> Search:
    """Return whom an erasure looks for. In the tenant's scope."""
    token = str(row.actor_id)
    called = row.names or names_of(row)
    names = Names(token, called["username"], called["texts"])
    return Search(row.tenant_id, row.actor_id, names, held(row.tenant_id, row.actor_id), row.id)


def names_of(row: Erasure) -> dict[str, Any]:
    """Return what somebody is called by, as the request keeps it while it is worked on: now, and
    by what it knows already. Who is behind the token nobody else knows once that is removed."""
    before = row.names or {"username": "", "texts": []}
    called = identities().called(row.tenant_id, row.actor_id)
    if called is None:
        username, now_called = before["username"], []
    else:
        username, now_called = called.username, [before["username"], *called.texts]
    texts = [each for each in (*now_called, *before["texts"], *row.also) if each != username]
    return {"username": username, "texts": [each for each in dict.fromkeys(texts) if each]}


def _sweep_on(row: Erasure) -> bool:
    """Sweep the next rows, or go on to the next table."""
    tables = {each.table: each for each in swept_tables()}
    place = row.place
    name = place.get("table") or min(tables)
    applies, search = row.state == "ERASING", search_of(row)
    if name in tables:
        with system_scope("erase"):
            counts = sweep(tables[name], search, place.get("after"), apply=applies)
            # The guards of rows are asked while the role says who is at work.
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        gone = "erased" if applies else "found"
        setattr(row, gone, _added(getattr(row, gone), counts.found))
        row.kept = _added(row.kept, counts.kept)
        waits = place.get("waits", False) or counts.waiting > 0
        row.place = {**place, "waits": waits, "table": name, "after": counts.last}
        if counts.again:
            row.place["after"] = place.get("after")
            return True
        if counts.last is not None:
            return True
    later = [each for each in sorted(tables) if each > name]
    if later:
        row.place = {**row.place, "table": later[0], "after": None}
    else:
        row.place = {**row.place, "tables_done": True}
    return True


def _next(row: Erasure) -> bool:
    """Do what comes after all tables; whether there may be more to do now."""
    if row.state == "COUNTING":
        _count_outside(row)
        row.state, row.place = "COUNTED", {}
        row.version += 1
        return False
    if row.place.get("waits"):
        if row.place.get("waited"):
            # Due again in a while, from the first table.
            row.place = {"round": row.place.get("round", 1)}
            row.kept = {}
            return True
        row.place = {**row.place, "waited": True}
        return False
    what = held(row.tenant_id, row.actor_id)
    if row.kept or acted_in(row.tenant_id, row.actor_id, what):
        # A hold that was lifted since they were counted keeps nothing.
        row.state = "HELD" if what.all or what.subjects else "ERASING"
        row.place = {"round": row.place.get("round", 1)}
        row.kept = row.kept if row.state == "HELD" else {}
        row.version += 1
        return row.state == "ERASING"
    if row.place.get("round", 1) == 1:
        row.names = names_of(row)
        with system_scope("erase"):
            identities().remove(row.tenant_id, row.actor_id, search_of(row).names)
        failpoints.reach("erase.identity")
        row.place = {"round": 2}
        ERASURES.put_back(row.tenant_id, row.id, _REST_SECONDS)
        return False
    return _finish(row)


def _count_outside(row: Erasure) -> None:
    names = search_of(row).names
    for copy in outside_copies():
        found = copy.count(_told(names), False)
        row.found = _added(row.found, {copy.kind: found} if found else {})


def _told(names: Names) -> list[str]:
    return [each for each in (names.username, *names.texts) if each]


def _finish(row: Erasure) -> bool:
    """Write the receipt and forget what the person was called by, in one transaction."""
    names = search_of(row).names
    for copy in outside_copies():
        # Before the row forgets: whoever is killed in between does it again.
        gone = copy.count(_told(names), True)
        row.erased = _added(row.erased, {copy.kind: gone} if gone else {})
    receipt = make_receipt(
        row.tenant_id, row.id, row.erased, basis=BASIS, actor_id=row.actor_id,
        by=row.confirmed_by_id,
    )  # fmt: skip
    payloads = {
        "receipt": str(row.id), "hash": receipt.hash.hex(), "erased": row.erased,
        GONE: gone_of(each[1:] for each in gone_under(row.tenant_id, [row.id])),
    }  # fmt: skip
    by = row.confirmed_by_id or row.requested_by_id
    identities().note(row.tenant_id, row.actor_id, "erased", by, payloads)
    failpoints.reach("erase.receipt")
    row.state, row.names, row.also, row.place = "DONE", None, [], {}
    row.ended_at = now()
    row.version += 1
    return False


def make_receipt(
    tenant_id: uuid.UUID,
    id_: uuid.UUID,
    counts: Mapping[str, int],
    *,
    basis: str,
    actor_id: uuid.UUID | None = None,
    by: uuid.UUID | None = None,
) -> ErasureReceipt:
    """Write the receipt of what is gone, in the caller's transaction."""
    at = now()
    receipt = ErasureReceipt(
        id=id_, tenant_id=tenant_id, actor_id=actor_id, confirmed_by_id=by, basis=basis,
        counts=dict(counts), at=at,
        hash=receipt_hash(tenant_id, id_, counts, basis=basis, actor_id=actor_id, by=by, at=at),
    )  # fmt: skip
    receipt.save(force_insert=True)
    return receipt


def _added(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return dict(collections.Counter(before) + collections.Counter(more))
