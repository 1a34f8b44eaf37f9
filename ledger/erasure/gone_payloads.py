"""Which payloads went under one receipt: a tree over them, whose root the receipt's entry keeps.

The tree is that of RFC 6962 over (entry, name) in the order of both, so that of any payload it can
be shown that a receipt tells of it, and of no other is anything said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Final, TypedDict

from ledger.tree.merkle import Edge, node_hash

#: The name of the payload in which a receipt's entry says it.
GONE: Final = "gone"
# Made once: whoever checks a ledger writes one for each payload that is gone.
_leaf_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
# A complete subtree: its hash, and the proofs, so far, of what is wanted below it.
_Subtree = tuple[bytes, list[list[bytes]]]


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
    """Inclusion proofs of some payloads, made while the tree over all of them grows leaf by leaf:
    kept are its edge and these proofs, however many leaves there are."""

    def __init__(self) -> None:
        self.size = 0
        # Those that stand side by side, from the largest to the smallest.
        self._edge: list[_Subtree] = []
        self._proofs: list[tuple[int, list[bytes]]] = []

    def push(self, leaf: bytes, *, wanted: bool) -> None:
        """Append a leaf, of which a proof is wanted or not."""
        below = list[list[bytes]]()
        if wanted:
            below.append([])
            self._proofs.append((self.size, below[0]))
        place, found = self.size, leaf
        while place & 1:
            found, below = _joined(self._edge.pop(), (found, below))
            place >>= 1
        self._edge.append((found, below))
        self.size += 1

    def proofs(self) -> list[tuple[int, bytes]]:
        """Return index and inclusion proof, its hashes side by side, of each that was wanted, in
        the order of the tree. Nothing is pushed afterwards."""
        while len(self._edge) > 1:
            last = self._edge.pop()
            self._edge.append(_joined(self._edge.pop(), last))
        return [(index, b"".join(path)) for index, path in self._proofs]


def _joined(left: _Subtree, right: _Subtree) -> _Subtree:
    """Return the subtree over two that stand side by side; each proof below has the other's."""
    for path in left[1]:
        path.append(right[0])
    for path in right[1]:
        path.append(left[0])
    return node_hash(left[0], right[0]), left[1] + right[1]
