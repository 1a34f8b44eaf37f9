"""Which payloads went under one receipt: a tree over them, whose root the receipt's entry keeps.

The tree is that of RFC 6962 over (entry, name) in the order of both, so that of any payload it can
be shown that a receipt tells of it, and of no other is anything said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Final, TypedDict

from ledger.tree.merkle import Edge, complete, fold, inclusion_places

#: The name of the payload in which a receipt's entry says it.
GONE: Final = "gone"
# Made once: whoever checks a ledger writes one for each payload that is gone.
_leaf_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Gone(TypedDict):
    """How many payloads went under a receipt, and the root over them in hexadecimal."""

    payloads: int
    root: str


def gone_leaf(entry: str, name: str) -> bytes:
    """Return the leaf of one payload: the entry's id, and how the payload was called there."""
    said = _leaf_text([entry, name])
    return hashlib.sha256(b"\x00" + said.encode("utf-8", "surrogatepass")).digest()


def gone_in(edge: Edge) -> Gone:
    """Return what a receipt's entry says, of a tree that has grown leaf by leaf."""
    return {"payloads": edge.size, "root": edge.root().hex()}


def gone_of(payloads: Iterable[tuple[str, str]]) -> Gone:
    """Return what a receipt's entry says of payloads, given in the order of entry and name."""
    edge = Edge(0, [])
    for entry, name in payloads:
        edge.push([gone_leaf(entry, name)])
    return gone_in(edge)


class GonePaths:
    """The tree over the payloads of a receipt as a whole, for those who show what is in it."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._size, self._rows = len(leaves), [list(leaves)]
        while len(row := self._rows[-1]) > 1:
            self._rows.append([complete(row[n : n + 2]) for n in range(0, len(row) - 1, 2)])

    def of(self, index: int) -> bytes:
        """Return the inclusion proof of one leaf, its hashes side by side."""
        return b"".join(
            fold([self._rows[node.level][node.number] for node in nodes])
            for nodes in inclusion_places(index, self._size)
        )
