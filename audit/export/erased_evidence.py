"""What a pack holds of payloads that are gone: under which receipts, and that these tell of them.

`erased.jsonl` has each payload with its place in the tree of its receipt; `receipts.jsonl` the
entries that tell of receipts. They stand beside the chains of the pack, which has no others of
their own.
"""

from __future__ import annotations

import base64
import itertools
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from ledger.erasure.gone_payloads import GONE, GonePaths, gone_leaf
from ledger.erasure.receipt_entries import gone_from, gone_under, telling
from ledger.selectors import EntryBytes, all_entries, bytes_of

#: What of such an entry is given out: which receipt it tells of, and the root over what went.
_GIVEN = ("receipt", GONE)
Lines = Iterator[dict[str, Any]]
#: Of a payload that is gone: its receipt, its entry, and how it was called there.
Gone = tuple[uuid.UUID, str, str]


class ErasedEvidence:
    """Of some entries of a tenant what is gone. Runs in its scope, and after the entries were read:
    what goes meanwhile is told of too."""

    def __init__(self, tenant_id: uuid.UUID, rows: Any) -> None:
        self._tenant_id = tenant_id
        self._gone = gone_from(tenant_id, rows)
        told = telling(tenant_id, {receipt for _entry, _name, receipt in self._gone})
        self._told = {row.entry_id: row for row in told.values() if row.entry_id is not None}
        wanted = all_entries(tenant_id).filter(id__in=list(self._told))
        self._entries = list(bytes_of(wanted)) if self._told else []

    def __bool__(self) -> bool:
        return bool(self._gone)

    def indices(self, size: int) -> list[int]:
        """Return the places of these entries in a tree of so many."""
        places = (each.tree_index for each in self._entries)
        return [index for index in places if index is not None and index < size]

    def receipts(self, size: int) -> Lines:
        """Yield the lines of `receipts.jsonl`, of a tree of so many entries."""
        for each in self._entries:
            index = each.tree_index
            yield {
                "receipt": str(self._told[each.id].id), "id": str(each.id),
                "tree_index": index if index is not None and index < size else None,
                "hash": each.hash.hex(), "body": each.body.decode(), "payloads": _given(each),
            }  # fmt: skip

    def payloads(self) -> Lines:
        """Yield the lines of `erased.jsonl`."""
        proved = {
            row.id for row in self._told.values() if row.hash is not None and GONE in row.says
        }
        wanted = {(entry, name) for entry, name, receipt in self._gone if receipt in proved}
        yield from (_line(*each) for each in self._gone if each[2] not in proved)
        # All of every receipt, since a proof is of the whole tree; one statement, and streamed.
        found = gone_under(self._tenant_id, proved)
        for receipt, under in itertools.groupby(found, lambda each: each[0]):
            yield from _proved(receipt, under, wanted)


def _proved(receipt: uuid.UUID, under: Iterable[Gone], wanted: set[tuple[str, str]]) -> Lines:
    """Yield the lines of what is wanted of all that went under a receipt."""
    paths, here = GonePaths(), list[tuple[str, str]]()
    for _receipt, entry, name in under:
        paths.push(gone_leaf(entry, name), wanted=(entry, name) in wanted)
        if (entry, name) in wanted:
            here.append((entry, name))
    for (entry, name), (index, path) in zip(here, paths.proofs(), strict=True):
        said = {"index": index, "path": base64.b64encode(path).decode()}
        yield {**_line(entry, name, receipt), **said}


def _line(entry: str, name: str, receipt: uuid.UUID) -> dict[str, Any]:
    return {"entry": entry, "name": name, "receipt": str(receipt)}


def _given(entry: EntryBytes) -> dict[str, Any]:
    return {
        name: {"salt": base64.b64encode(salt).decode(), "body": body.decode()}
        for name, salt, body in entry.payloads
        if name in _GIVEN
    }
