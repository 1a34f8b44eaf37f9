"""Pruning payloads by age: what entries of one kind kept goes after so long, and never the entries.

Each policy is a due row. A portion is one transaction: some entries are looked at, oldest first,
what of them may go is removed with its salts, and the place to go on at, a receipt and an entry of
the organisation are written with it. Whoever is killed at any moment leaves the last portion whole.

Kept is what a legal hold keeps, what somebody is yet to hear of, and what still goes on or is being
undone, as apps say. It is looked at again the next day. Never pruned are signatures, which prove
who did it, and what entries of lasting actions keep: keys, holds, erasures, policies.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection, transaction

from ledger.clock import now
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.durations import parse_duration
from ledger.entry_signatures import PAYLOAD
from ledger.erasure.erasing import make_receipt
from ledger.erasure.erasure_tables import ErasureReceipt, Retention
from ledger.erasure.gone_payloads import GONE, gone_of
from ledger.erasure.held_rows import begin_portion, held
from ledger.erasure.identity import identities
from ledger.faults import words_of
from ledger.ids import new_id, new_token
from ledger.selectors import PRUNED
from ledger.tenancy import set_tenant, system_scope
from ledger.vocabulary import lasting_actions

log = logging.getLogger(__name__)
RETENTIONS = LeaseTable("ledger_retention", "id", waiting="t.ended_at IS NULL", seconds="120")
#: Entries that are looked at in one transaction.
PORTION: Final = 500
_LEASE_SECONDS: Final = 60.0
_SLICE_SECONDS: Final = 10.0
_DAILY_SECONDS: Final = 86_400.0
#: So long after it was set a policy prunes first: a wrong one is ended before anything is gone.
FIRST_AFTER: Final = dt.timedelta(days=1)
_AGAIN_SECONDS: Final = 300.0
_ERROR_LENGTH: Final = 300
_FIRST: Final = ("-infinity", str(uuid.UUID(int=0)))
_kept: list[str] = []
_LASTING = (
    "(e.subject_type, e.action) IN"
    " (SELECT * FROM unnest(%(lasting_types)s::text[], %(lasting_actions)s::text[]))"
)
_LOOK = f"""
SELECT e.id, e.at, e.kind = %(kind)s AND NOT {_LASTING} AND EXISTS (SELECT 1 FROM ledger_payload p
           WHERE p.entry_id = e.id AND p.name <> %(stays)s) AS found,
       (e.subject_type, e.subject_id) IN (SELECT * FROM unnest(%(types)s::text[], %(ids)s::uuid[]))
       OR coalesce(e.case_id = ANY(%(cases)s::uuid[]), false)
       OR e.actor_id = ANY(%(actors)s::uuid[])
       OR coalesce(e.on_behalf_of_id = ANY(%(actors)s::uuid[]), false)
       OR EXISTS (SELECT 1 FROM ledger_outboxtask o WHERE o.tenant_id = e.tenant_id
                  AND o.event_id = e.id AND o.done_at IS NULL) {{live}} AS kept
FROM (SELECT * FROM ledger_ledgerentry
      WHERE tenant_id = %(tenant)s AND at < %(until)s
        AND (at, id) > (%(at)s::timestamptz, %(id)s::uuid)
      ORDER BY at, id LIMIT %(portion)s) e
ORDER BY e.at, e.id
"""  # noqa: S608  -- own words
_REMOVE = f"""
WITH gone AS (
    DELETE FROM ledger_payload p
    WHERE p.tenant_id = %(tenant)s AND p.entry_id = ANY(%(ids)s::uuid[]) AND p.name <> %(stays)s
      AND NOT EXISTS (SELECT 1 FROM ledger_ledgerentry e
                      WHERE e.tenant_id = p.tenant_id AND e.id = p.entry_id AND {_LASTING})
    RETURNING p.entry_id, p.name
), kept AS (
    INSERT INTO ledger_erasedpayload (entry_id, name, tenant_id, receipt_id, at)
    SELECT entry_id, name, %(tenant)s, %(receipt)s, %(now)s FROM gone
    ON CONFLICT DO NOTHING RETURNING entry_id, name
)
SELECT entry_id::text, name FROM kept ORDER BY entry_id, name COLLATE "C"
"""  # noqa: S608  -- own words


def declare_at_rest(subject_type: str, table: str, statuses: str, *, also: str = "") -> None:
    """Say in which statuses a thing is at rest: in any other it goes on, or is being undone, and
    what entries about it keep stays. With `also`, a column that names such a thing, entries of its
    parts stay as long. Called in `AppConfig.ready()`; again changes nothing."""
    at_rest = ", ".join(f"'{each}'" for each in statuses.split())
    live = (
        f"EXISTS (SELECT 1 FROM {table} t WHERE t.tenant_id = e.tenant_id AND t.id = {{}}"  # noqa: S608  -- own words
        f" AND t.status NOT IN ({at_rest}))"
    )
    declare_kept(f"(e.subject_type = '{subject_type}' AND {live.format('e.subject_id')})")
    if also:
        declare_kept(live.format(also))


def declare_kept(clause: str) -> None:
    """Say, as SQL over `e`, which entries of the tenant `%(tenant)s` keep all that they have for
    now. Called in `AppConfig.ready()`; again changes nothing."""
    if clause not in _kept:
        _kept.append(clause)


def prune_due(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Work on one policy that is due, for some seconds; whether there was one."""
    due = Due(tenant_id, id_, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        if not RETENTIONS.take(due, _LEASE_SECONDS):
            return False
    until, more = time.monotonic() + _SLICE_SECONDS, True
    try:
        while more and time.monotonic() < until:
            more = _portion(due)
    except Exception as error:
        log.exception("policy of retention %s could not go on", id_)
        # The first line: what follows it in PostgreSQL's errors are the values of rows.
        _put_back(due, words_of(error, _ERROR_LENGTH).partition("\n")[0], _AGAIN_SECONDS)
        raise
    _put_back(due, "", 0.0 if more else _DAILY_SECONDS)
    return True


def _put_back(due: Due, error: str, again: float) -> None:
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        if not RETENTIONS.is_ours(due):
            return
        rows = Retention.objects.filter(tenant_id=due.tenant_id, id=due.id)
        rows.update(last_error=error[:_ERROR_LENGTH])
        RETENTIONS.put_back(due.tenant_id, due.id, again, ended=not error)


def _portion(due: Due) -> bool:
    """Do the next portion; whether there may be more to do now."""
    with transaction.atomic(durable=True):
        set_tenant(due.tenant_id)
        # Before the lock of portions, as who places a hold takes both.
        identities().lock_tenant(due.tenant_id)
        begin_portion(due.tenant_id)
        row = Retention.objects.filter(tenant_id=due.tenant_id, id=due.id, ended_at=None).first()
        if row is None or not RETENTIONS.is_ours(due):
            return False
        receipt_id = new_id()
        with system_scope("erase"):
            looked = _looked_at(row)
            ids = [id_ for id_, _at, found, kept in looked if found and not kept]
            gone = _removed(row, ids, receipt_id) if ids else []
        if gone:
            counts = {"payloads": len(gone)}
            _told(row, gone, make_receipt(
                row.tenant_id, receipt_id, counts, basis=PRUNED, by=row.set_by_id
            ))  # fmt: skip
        more = len(looked) == PORTION
        row.place, row.pruned = _place_after(row, looked, more=more), row.pruned + len(gone)
        row.save(update_fields=["place", "pruned"])
    return more


def _looked_at(row: Any) -> list[tuple[uuid.UUID, Any, bool, bool]]:
    """Return the next entries: id, time, whether something of them is to go, and is kept."""
    what = held(row.tenant_id, None)
    at, id_ = row.place.get("after", _FIRST)
    given = {
        "tenant": row.tenant_id, "kind": row.kind, "stays": PAYLOAD, "at": at, "id": id_,
        "until": now() - parse_duration(row.keep), "portion": PORTION,
        "types": [type_ for type_, _id in what.subjects],
        "ids": [each for _type, each in what.subjects],
        "cases": list(what.cases),
        "actors": [each for type_, each in what.subjects if type_ == "actor"],
        **_lasting_now(),
    }  # fmt: skip
    statement = _LOOK.format(live="".join(f" OR coalesce({each}, false)" for each in _kept))
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())


def _removed(row: Any, ids: Sequence[uuid.UUID], receipt_id: uuid.UUID) -> list[tuple[str, str]]:
    """Remove what entries keep, and return (entry, name) of each payload that is gone by this: one
    that went before, and was put back out of an old copy, stays under the receipt it had."""
    given = {
        "tenant": row.tenant_id, "ids": list(ids), "stays": PAYLOAD, "receipt": receipt_id,
        "now": now(), **_lasting_now(),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_REMOVE, given)
        return list(cursor.fetchall())


def _lasting_now() -> dict[str, list[str]]:
    lasting = lasting_actions()
    return {
        "lasting_types": [type_ for type_, _action in lasting],
        "lasting_actions": [action for _type, action in lasting],
    }


def _told(row: Any, gone: Sequence[tuple[str, str]], receipt: ErasureReceipt) -> None:
    payloads = {
        "receipt": str(receipt.id), "hash": receipt.hash.hex(), "pruned": len(gone),
        GONE: gone_of(gone), "kind": row.kind, "keep": row.keep,
    }  # fmt: skip
    identities().note_on_tenant(row.tenant_id, "payloads_pruned", row.set_by_id, payloads)


def _place_after(row: Any, looked: Sequence[Any], *, more: bool) -> dict[str, Any]:
    """Return where to go on: after what was looked at, or, once all is, at the first that was kept,
    which may go the next day."""
    kept = [at.isoformat() for _id, at, found, kept in looked if found and kept][:1]
    first = row.place.get("kept") or (kept[0] if kept else None)
    last = [looked[-1][1].isoformat(), str(looked[-1][0])] if looked else row.place.get("after")
    if more or first is None:
        return {"after": last, "kept": first} if last else {}
    return {"after": [first, _FIRST[1]]}


def retentions(tenant_id: uuid.UUID) -> Any:
    """Return the policies of a tenant, those that have ended too. In the tenant's scope."""
    return Retention.objects.filter(tenant_id=tenant_id)


def set_retention(tenant_id: uuid.UUID, kind: str, keep: str, by: uuid.UUID) -> Retention:
    """Keep payloads of a kind for so long and no longer, in the caller's transaction. The first go
    `FIRST_AFTER` from now. A second policy of one kind at once meets the unique key."""
    moment = now()
    row = Retention(
        id=new_id(), tenant_id=tenant_id, kind=kind, keep=keep, set_by_id=by, set_at=moment,
        due_at=moment + FIRST_AFTER,
    )  # fmt: skip
    row.save(force_insert=True)
    return row


def end_retention(row: Any, by: uuid.UUID) -> None:
    """End a locked policy: what is kept stays. What is gone does not come back."""
    row.ended_at, row.ended_by_id = now(), by
    row.version += 1
    row.save(update_fields=["ended_at", "ended_by_id", "version"])
