"""Payloads that are gone from a pack: each has to be told of by a receipt, and that by an entry.

The entry is in the tree, as all are. It says how many payloads went under the receipt, and the root
of a tree over them; of each payload the pack shows that it is in that tree. Of an erasure that was
under way, and of receipts of earlier versions, no more is known than that there was one. Packs of
the form before this one show no receipts.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any

from audit.export.stand_alone_envelopes import MALFORMED, read_envelope
from audit.export.stand_alone_notes import Broken, unbase64
from audit.export.stand_alone_pack import Pack
from ledger.erasure.gone_payloads import GONE, gone_leaf
from ledger.tree.merkle import hashes_in, root_of_inclusion

RECEIPTS, ERASED = "receipts.jsonl", "erased.jsonl"
TELLING = {"erased", "payloads_pruned", "erasure_confirmed"}


class Receipts:
    """The receipts of a pack, and what it says went under them. `shown`: whether the form of the
    pack has them."""

    def __init__(self, pack: Pack, tenant: str, *, shown: bool = True) -> None:
        self._tenant, names = tenant, {*pack.names()}
        self._shown = shown or bool({RECEIPTS, ERASED} & names)
        self.leaves: list[tuple[int, bytes, str]] = []
        self._told = self._unproved = self._hidden = self._waiting = 0
        self._unsealed: set[str] = set()
        self._roots: dict[str, tuple[int, bytes] | None] = {}
        self._marks: dict[tuple[str, str], dict[str, Any]] = {}
        for each in pack.lines(RECEIPTS) if RECEIPTS in names else ():
            try:
                self._add(each)
            except MALFORMED:
                raise Broken("bytes", "its bytes are no envelope", str(each.get("id"))) from None
        for each in pack.lines(ERASED) if ERASED in names else ():
            self._marks[str(each.get("entry")), str(each.get("name"))] = each

    def _add(self, line: dict[str, Any]) -> None:
        id_, body, receipt = str(line.get("id")), str(line.get("body")), line.get("receipt")
        leaf = hashlib.sha256(b"\x00" + body.encode("utf-8", "surrogatepass")).digest()
        if leaf.hex() != line.get("hash"):
            raise Broken("bytes", "its hash is not the hash of its bytes", id_)
        said = read_envelope(body, id_)
        if (said["id"], said["tenant"]) != (id_, self._tenant):
            raise Broken("column", "it is another entry, or of another tenant", id_)
        if said["kind"] != "ERASURE" or said["action"] not in TELLING:
            raise Broken("payload", "it tells of no receipt", id_)
        if type(receipt) is not str or receipt in self._roots:
            raise Broken("payload", "its receipt has no name of its own", id_)
        self._roots[receipt] = _root(line, said, id_)
        index = line.get("tree_index")
        if index is None:
            self._unsealed.add(receipt)
        elif type(index) is int:
            self.leaves.append((index, leaf, id_))
        else:
            raise Broken("tree", "its place is no place in a tree", id_)

    def check(self, entry: str, name: str) -> None:
        """See that a receipt tells of a payload that is not there. Raises Broken."""
        if not self._shown:
            self._hidden += 1
            return
        mark = self._marks.get((entry, name), {})
        receipt = mark.get("receipt")
        if type(receipt) is not str or receipt not in self._roots:
            raise Broken("payload", f"payload {name} is gone, and no receipt tells of it", entry)
        self._told += 1
        self._waiting += receipt in self._unsealed
        root = self._roots[receipt]
        if root is None:
            self._unproved += 1
            return
        index, path, leaf = mark.get("index"), b"", gone_leaf(entry, name)
        with contextlib.suppress(Broken):
            path = unbase64(mark.get("path"))
        if (
            type(index) is not int
            or root_of_inclusion(leaf, index, root[0], hashes_in(path)) != root[1]
        ):
            message = f"payload {name} is gone, and receipt {receipt} does not tell of it"
            raise Broken("payload", message, entry)

    def gone(self) -> str:
        """Return what is said of it beside `valid`."""
        if self._hidden:
            return f" with {self._hidden} payloads that are gone"
        waiting = f", {self._waiting} of them by receipts not sealed yet" if self._waiting else ""
        return f" with {self._told} erased payloads{waiting}" if self._told else ""

    def told(self) -> list[str]:
        """Return what there is to say of them beside what is wrong."""
        lines = []
        if self._hidden:
            lines.append("A pack of this form does not show receipts of payloads that are gone.")
        if self._unproved:
            lines.append(f"Of {self._unproved} erased payloads their receipts do not say which.")
        if self._unsealed:
            number = len(self._unsealed)
            lines.append(f"{number} entries of receipts were not sealed when it was made.")
        return lines


def _root(line: dict[str, Any], said: dict[str, Any], id_: str) -> tuple[int, bytes] | None:
    """Return how many payloads went under a receipt, and the root over them; None where its entry
    does not say it. Raises Broken."""
    committed = {each["name"]: each["hash"] for each in said["commitments"]}
    kept: dict[str, Any] = {}
    for name, each in line["payloads"].items():
        found = hashlib.sha256(unbase64(each["salt"]) + str(each["body"]).encode()).hexdigest()
        if found != committed.get(name):
            raise Broken("payload", f"payload {name} does not match its commitment", id_)
        kept[name] = json.loads(each["body"])
    if kept.get("receipt", line["receipt"]) != line["receipt"]:
        raise Broken("payload", f"it tells of another receipt than {line['receipt']}", id_)
    confirmed, whole = said["action"] == "erasure_confirmed", GONE in committed
    # Of earlier versions the words may be erased too. What says more says of which receipt.
    if (whole or confirmed) and not {"receipt", GONE} & committed.keys() <= kept.keys():
        raise Broken("payload", "what it says of its receipt is not there", id_)
    if not whole:
        return None
    return kept[GONE]["payloads"], bytes.fromhex(kept[GONE]["root"])
