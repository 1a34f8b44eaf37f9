"""Checks what is missing: a payload that is gone has to be told of, and by an entry.

Whoever owns the server can remove a payload, and write rows that say it was erased. The entry that
tells of a receipt is of the chain and of the tree: it says how many payloads went, and the root
over them. Memory does not grow with what was erased.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from django.db import connection

from ledger.broken import Broken
from ledger.erasure.gone_payloads import GONE, gone_in, gone_leaf
from ledger.erasure.receipt_entries import ALL_TOLD, RECEIPT_GONE, ReceiptTold, receipt_hash
from ledger.statements import fetched, server
from ledger.tree.merkle import Edge

_FETCH: Final = 2000
# So many entries of which something is missing are looked up by one statement.
_PORTION: Final = 1000
_MARKED: Final = """
SELECT entry_id, name FROM ledger_erasedpayload WHERE entry_id = ANY(%s::uuid[])
"""
_GONE: Final = """
SELECT tenant_id, receipt_id, entry_id, name FROM ledger_erasedpayload
ORDER BY tenant_id, receipt_id, entry_id, name COLLATE "C"
"""


class Missing:
    """Payloads that are not there any more, of entries as they are read."""

    def __init__(self) -> None:
        self._portion: dict[uuid.UUID, Collection[str]] = {}

    def add(self, entry: str, names: Collection[str]) -> None:
        """Take what is missing of one entry. Raises Broken, for this or an earlier one."""
        if names:
            self._portion[uuid.UUID(entry)] = names
        if len(self._portion) == _PORTION:
            self.settle()

    def settle(self) -> None:
        """See that something tells of all that was missing so far. Raises Broken."""
        if not self._portion:
            return
        with connection.cursor() as cursor:
            cursor.execute(_MARKED, [list(self._portion)])
            marked = set(cursor.fetchall())
        for entry, names in self._portion.items():
            for name in sorted(names):
                if (entry, name) not in marked:
                    message = f"payload {name} is gone, and no receipt tells of it"
                    raise Broken(message, entry=entry, kind="payload")
        self._portion.clear()


def check_receipts() -> None:
    """See that every mark of what is gone is of a receipt, that the entry that tells of it tells of
    these payloads and of no others, and that no such entry tells of a receipt that is not there.
    Raises Broken."""
    gone = _streamed("ledger_gone", _GONE)
    mark = next(gone, None)
    for row in _streamed("ledger_receipts", ALL_TOLD):
        told = ReceiptTold(*row)
        edge, first = Edge(0, []), None
        while mark is not None and mark[:2] <= (told.tenant_id, told.id):
            if mark[1] != told.id:
                _say_untold(mark)
            first = first or mark[2]
            edge.push([gone_leaf(str(mark[2]), mark[3])])
            mark = next(gone, None)
        wrong = _wrong_with(told, edge)
        if wrong:
            raise Broken(wrong, entry=told.entry_id or first, kind="payload")
    if mark is not None:
        _say_untold(mark)
    for entry, receipt in fetched(RECEIPT_GONE):
        raise Broken(f"receipt {receipt}, of which it tells, is gone", entry=entry, kind="payload")


def _say_untold(mark: Sequence[Any]) -> None:
    _tenant, receipt, entry, name = mark
    message = f"payload {name} is gone under receipt {receipt}, and there is no such receipt"
    raise Broken(message, entry=entry, kind="payload")


def _streamed(name: str, statement: str) -> Iterator[tuple[Any, ...]]:
    # The driver's own cursor knows nothing of what was put off until now.
    server().ensure_connection()
    server().flush()
    with connection.connection.cursor(name=name) as cursor:
        cursor.itersize = _FETCH
        yield from cursor.execute(statement, binary=True)


def _wrong_with(told: ReceiptTold, edge: Edge) -> str:
    """Return what is wrong with a receipt and what is marked as gone under it, or nothing."""
    if told.body is None:
        return f"no entry tells of receipt {told.id}"
    try:
        counts = json.loads(told.counts)
        if counts.get("payloads", 0) != edge.size:
            return (
                f"{edge.size} payloads are marked as gone under receipt {told.id}, which tells of"
                f" {counts.get('payloads', 0)}"
            )
        if told.hash is None:
            return _wrong_with_confirmation(told)
        return _wrong_with_entry(told, counts, edge)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return f"receipt {told.id} is in no form that is known"


def _wrong_with_confirmation(told: ReceiptTold) -> str:
    # Those of earlier versions say only whose erasure it is.
    if "receipt" in _committed(told) and json.loads(told.says["receipt"]) != str(told.id):
        return f"it tells of another erasure than {told.id}"
    return ""


def _committed(told: ReceiptTold) -> set[str]:
    return {each["name"] for each in json.loads(bytes(told.body or b""))["commitments"]}


def _wrong_with_entry(told: ReceiptTold, counts: Any, edge: Edge) -> str:
    found = receipt_hash(
        told.tenant_id, told.id, counts, basis=told.basis, actor_id=told.actor_id,
        by=told.confirmed_by_id, at=told.at,
    )  # fmt: skip
    says = {name: json.loads(body) for name, body in told.says.items()}
    if found != bytes(told.hash or b"") or says.get("hash", found.hex()) != found.hex():
        return f"receipt {told.id} is not as it was written"
    # Entries of earlier versions say how many payloads went, and not which.
    if GONE in _committed(told) and says.get(GONE) != gone_in(edge):
        return f"it tells of other payloads than those that are gone under receipt {told.id}"
    return ""
