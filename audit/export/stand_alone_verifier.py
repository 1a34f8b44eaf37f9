"""Checks an evidence pack of Amends, without Amends: python verify.py [PACK] [--key KEY ...]

PACK is the zip, or the folder it was unpacked into; by default the folder of this file. It needs
Python 3.11 and the package `cryptography`, and nothing else.

It says `valid`, `valid with N erased payloads` or `broken at entry N because ...`, exiting 0 or 1;
of a pack of before receipts were shown, `valid with N payloads that are gone`.
The keys in the pack are those of whoever made it: give the key that you were told before (`--key`,
one line of keys/), or a pack made anew by somebody else looks as good. What others have signed of
its checkpoints is checked where you say whom of them you trust: `--witness` a witness's key (C2SP),
`--timestamp-ca` a file of certificates (PEM) for time stamps (RFC 3161).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import IO, Any

from audit.export.stand_alone_envelopes import MALFORMED, read_envelope
from audit.export.stand_alone_notes import (
    HASH,
    Broken,
    open_note,
    printable,
    read_key,
    unbase64,
)
from audit.export.stand_alone_outside import Outside, check_outside, read_outside
from audit.export.stand_alone_pack import Pack
from audit.export.stand_alone_receipts import Receipts
from audit.export.stand_alone_signatures import SignedEntry, check_signatures
from ledger.entry_signatures import PAYLOAD

WIDTH, LEVELS, GROUP = 256, 8, 1000
KEYS = "keys/signatures.jsonl"
FORMAT, EMPTY = "amends-evidence/2", hashlib.sha256(b"").digest()
#: The form before: of what is gone it shows no receipts.
EARLIER = "amends-evidence/1"
MANIFEST = {"about": str, "tenant": str, "origin": str, "made_at": str, "size": int,
            "chains": dict, "files": dict, "parts": dict}  # fmt: skip
NOBODY = Outside()
#: How checkpoints and time stamps are named by their sizes. Under another name of the same size one
#: could stand beside what is checked, and be believed in its place.
NOTES = re.compile("checkpoints/([1-9][0-9]{0,18})")
STAMPS = re.compile("timestamps/([1-9][0-9]{0,18})[.]tst")
HINTS = ["The keys are those of the pack. Give the one you were told by --key."]


def over(hashes: list[bytes]) -> bytes:
    """Return the root over any number of hashes (RFC 6962)."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else EMPTY
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + over(hashes[:half]) + over(hashes[half:])).digest()


class Entries:
    """The entries of a pack, checked one after the other."""

    def __init__(self, pack: Pack, manifest: dict[str, Any]) -> None:
        self._tenant, self.unsealed = str(manifest["tenant"]), 0
        self.receipts = Receipts(pack, self._tenant, shown=manifest["format"] != EARLIER)
        self.payloads: dict[tuple[str, str], dict[str, Any]] = {}
        self.hashes: dict[str, str] = {}
        self.actors: dict[str, str] = {}
        self.leaves: list[tuple[int, bytes, str]] = []
        self.ends: dict[str, tuple[int, int, str, str, str]] = {}
        self._places: set[int] = set()
        self._links: list[tuple[str, str, str, str]] = []
        self.signed: list[SignedEntry] = []
        for each in pack.lines("payloads.jsonl"):
            self.payloads[str(each.get("entry")), str(each.get("name"))] = each
        for each in pack.lines("entries.jsonl"):
            try:
                self._add(each)
            except MALFORMED:
                raise Broken("bytes", "its bytes are no envelope", str(each.get("id"))) from None
        for id_, name, other, hash_ in self._links:
            if self.hashes.get(other, hash_) != hash_:
                raise Broken("link", f"its {name} names a hash that entry {other} has not", id_)
        for entry, name in self.payloads:
            raise Broken("payload", f"nobody committed to payload {name}", entry)

    def _add(self, line: dict[str, Any]) -> None:
        id_, body = str(line.get("id")), str(line.get("body"))
        leaf = hashlib.sha256(b"\x00" + body.encode("utf-8", "surrogatepass")).digest()
        if leaf.hex() != line.get("hash"):
            raise Broken("bytes", "its hash is not the hash of its bytes", id_)
        if id_ in self.hashes:
            raise Broken("duplicated", "it is there twice", id_)
        said = read_envelope(body, id_)
        if said["id"] != id_:
            raise Broken("column", "it stands under another id than its bytes say", id_)
        if said["tenant"] != self._tenant:
            raise Broken("column", f"it is of another tenant than {self._tenant}", id_)
        self._follow(said, id_, leaf.hex())
        self._place(line.get("tree_index"), leaf, id_)
        for name in ("caused_by", "original"):
            if said.get(name):
                self._links.append((id_, name, said[name]["id"], said[name]["hash"]))
        self._payloads(id_, said)
        self.hashes[id_], self.actors[id_] = leaf.hex(), said["actor"]["token"]

    def _payloads(self, id_: str, said: dict[str, Any]) -> None:
        for each in said["commitments"]:
            kept = self._payload(id_, each["name"], each["hash"])
            if kept is not None and (each["name"], said["kind"]) == (PAYLOAD, "ATTESTATION"):
                self.signed.append(SignedEntry(id_, said, kept))

    def _follow(self, said: dict[str, Any], id_: str, leaf: str) -> None:
        subject = f"{said['subject']['type']}:{said['subject']['id']}"
        first, last, before, begun, _ = self.ends.get(subject, (0, 0, "", id_, id_))
        seq, previous = said["subject_seq"], said["previous_hash"]
        if last and seq != last + 1:
            raise Broken("chain", f"its chain should go on at {last + 1}, not {seq}", id_)
        # The first of all follows nothing.
        if (last and previous != before) or (seq == 1) != (previous is None):
            raise Broken("chain", "it does not follow the entry before it", id_)
        self.ends[subject] = (first or seq, seq, leaf, begun, id_)

    def _place(self, index: Any, leaf: bytes, id_: str) -> None:
        if index is None:
            self.unsealed += 1
            return
        if type(index) is not int or index in self._places:
            raise Broken("tree", "its place in the tree is another entry's", id_)
        self._places.add(index)
        self.leaves.append((index, leaf, id_))

    def _payload(self, id_: str, name: str, committed: str) -> str | None:
        kept = self.payloads.pop((id_, name), None)
        if kept is None:
            self.receipts.check(id_, name)
            return None
        found = hashlib.sha256(unbase64(kept.get("salt")) + str(kept.get("body")).encode())
        if found.hexdigest() != committed:
            raise Broken("payload", f"payload {name} does not match its commitment", id_)
        return str(kept.get("body"))


class Tree:
    """The tiles of a pack, and the root that they give."""

    def __init__(self, pack: Pack, size: int) -> None:
        self._pack, self.size = pack, size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}
        self._rooted: set[tuple[int, int]] = set()

    def tile(self, level: int, number: int, entry: str = "") -> list[bytes]:
        """Return the hashes of a tile."""
        if (level, number) not in self._tiles:
            width = min(WIDTH, (self.size >> (LEVELS * level)) - number * WIDTH)
            said = self._pack.read(tile_name(level, number, width))
            if len(said) != width * HASH:
                raise Broken("tree", f"tile {number} of level {level} has another length", entry)
            self._tiles[level, number] = [said[n : n + HASH] for n in range(0, len(said), HASH)]
        return self._tiles[level, number]

    def check(self, index: int, leaf: bytes, entry: str) -> None:
        """See that a leaf is in its place."""
        if not 0 <= index < self.size:
            raise Broken("tree", f"the tree has no entry {index}", entry)
        if self.tile(0, index // WIDTH, entry)[index % WIDTH] != leaf:
            raise Broken("tree", "it is not what is in its place in the tree", entry)
        self.climb(index, entry)

    def climb(self, index: int, entry: str) -> None:
        """See that each tile above a leaf is in the one above it."""
        level, number = 0, index // WIDTH
        while (level, number) not in self._rooted:
            self._rooted.add((level, number))
            hashes = self.tile(level, number, entry)
            if len(hashes) < WIDTH:
                return
            above = self.tile(level + 1, number // WIDTH, entry)
            if above[number % WIDTH] != over(hashes):
                raise Broken("tree", f"tile {number} of level {level} is not in the next", entry)
            level, number = level + 1, number // WIDTH

    def root(self, size: int) -> bytes:
        """Return the root that the tree had, from the tiles at the edge that it had then."""
        rest, level = list[bytes](), 0
        while count := size >> (LEVELS * level):
            row = self.tile(level, count // WIDTH)[: count % WIDTH] if count % WIDTH else []
            rest = [over([*row, *rest])] if row or rest else []
            level += 1
        return rest[0] if rest else EMPTY


def tile_name(level: int, number: int, width: int) -> str:
    """Return where a tile is."""
    place = f"{number % GROUP:03d}" + ("" if width == WIDTH else f".p/{width}")
    while number >= GROUP:
        number //= GROUP
        place = f"x{number % GROUP:03d}/{place}"
    return f"tiles/{level}/{place}"


def check(path: Path | IO[bytes], trusted: list[str], outside: Outside = NOBODY) -> str:
    """Check a pack, and say what it is. Raises Broken for the first thing that is wrong."""
    pack = Pack(path)
    kept = dict(map(read_key, pack.read("keys/keys").decode("utf-8", "replace").split()))
    keys = dict(map(read_key, filter(None, trusted))) or kept
    try:
        check_signed(pack, keys)
    except Broken as unsigned:
        # It is broken whatever else there is: what is in it may say which entry, and why.
        with contextlib.suppress(*MALFORMED):
            check_content(pack, {*keys}, {*keys, *kept})
        raise unsigned from None
    try:
        said, notes = check_content(pack, {*keys}, {*keys, *kept})
        stamps = {size: pack.read(name) for size, name in by_size(pack, STAMPS).items()}
        return "\n".join([said, *map(printable, check_outside(notes, stamps, outside))])
    except MALFORMED:
        raise Broken("manifest", f"it is in another form than {FORMAT}") from None


def by_size(pack: Pack, form: re.Pattern[str]) -> dict[int, str]:
    """Return the names of the files of one folder by their sizes. Raises Broken for another name
    in it: nothing there is passed over."""
    folder, found = form.pattern.partition("/")[0], dict[int, str]()
    for name in pack.names():
        if name.startswith(f"{folder}/"):
            said = form.fullmatch(name)
            if said is None:
                raise Broken("file", f"{name} is not how anything in {folder} is named")
            found[int(said[1])] = name
    return found


def check_signed(pack: Pack, keys: dict[bytes, str]) -> None:
    """See that whoever made the pack signed what is in it, before it is read. Raises Broken."""
    note = pack.read("manifest.note")
    origin = note.decode("utf-8", "replace").partition("\n")[0].removesuffix("/export")
    for name in set(keys.values()) - {origin}:
        raise Broken("forged", f"the key is of {name}, and the pack of {origin}")
    _, digest = open_note(note, f"{origin}/export", keys, "manifest.json")
    if digest != hashlib.sha256(pack.read("manifest.json")).digest():
        raise Broken("manifest", "manifest.json is not what was signed")
    manifest = read_manifest(pack)
    if manifest["origin"] != origin:
        raise Broken("manifest", f"it says {manifest['origin']}, and is signed by {origin}")
    # Before any of them is read.
    for name in sorted({*manifest["files"]} - {*pack.names()}):
        raise Broken("file", f"{name} is not in the pack")
    for name in {*pack.names()} - {"manifest.json", "manifest.note"}:
        if hashlib.sha256(pack.read(name)).hexdigest() != manifest["files"].get(name):
            raise Broken("file", f"{name} is not as it was when the pack was made")


def read_manifest(pack: Pack) -> dict[str, Any]:
    """Return what the pack says it is. Raises Broken."""
    with contextlib.suppress(*MALFORMED):
        found = json.loads(pack.read("manifest.json"))
        whole = all(isinstance(found[name], type_) for name, type_ in MANIFEST.items())
        if whole and found["format"] in {FORMAT, EARLIER} and found["size"] >= 0:
            return dict(found)
    raise Broken("manifest", f"manifest.json is in another form than {FORMAT}")


def check_content(pack: Pack, *keys: set[bytes]) -> tuple[str, dict[int, str]]:
    """See that entries, tree and chains are whole, and say what they are; and return the
    checkpoints that were looked at. Raises Broken."""
    manifest = read_manifest(pack)
    entries = Entries(pack, manifest)
    notes = check_tree(pack, manifest, entries, *keys)
    check_ends(manifest, entries)
    check_altered(manifest)
    gone = entries.receipts.gone()
    waiting = f"; {entries.unsealed} not sealed when it was made" if entries.unsealed else ""
    told = [f"valid{gone}: {len(entries.hashes)} entries of {manifest['about']}{waiting}"]
    for subject, last in sorted(manifest["parts"].items()):
        first, there = entries.ends[subject][:2]
        told.append(f"A part: of {subject} the entries {first} to {there}, of 1 to {last}.")
    told += entries.receipts.told()
    known = list(pack.lines(KEYS)) if KEYS in pack.names() else []
    told += check_signatures(entries.signed, known, entries.actors)
    told.append(f"Of {manifest['origin']}, {manifest['size']} entries, at {manifest['made_at']}.")
    return "\n".join(map(printable, told)), notes


def check_tree(
    pack: Pack, manifest: dict[str, Any], entries: Entries, *keys: set[bytes]
) -> dict[int, str]:
    """See that each sealed entry is in the tree of the newest checkpoint, which one of the first
    keys has signed, and that older ones, signed with any of the others, are of this tree then.
    Returns these checkpoints with all that stands below them, by size: no other is one."""
    tree = Tree(pack, manifest["size"])
    for index, leaf, id_ in [*entries.leaves, *entries.receipts.leaves]:
        tree.check(index, leaf, id_)
    last = entries.leaves[-1][2] if entries.leaves else ""
    notes = dict[int, str]()
    for size in sorted({tree.size, *by_size(pack, NOTES)} - {0}):
        note, what = pack.read(f"checkpoints/{size}"), f"the checkpoint of {size} entries"
        publics = keys[0] if size == tree.size else keys[1]
        said, root = open_note(note, manifest["origin"], publics, what, last)
        if size <= tree.size:
            tree.climb(size - 1, last)
        if said != size or size > tree.size or root != tree.root(size):
            raise Broken("checkpoint", f"the tiles do not give the root of {what}", last)
        notes[size] = note.decode("utf-8", "replace")
    return notes


def check_ends(manifest: dict[str, Any], entries: Entries) -> None:
    """See that every chain is there as the pack says: from its first entry on, or a part of it."""
    for subject, (first, last) in manifest["chains"].items():
        found = entries.ends.get(subject)
        if found is None:
            raise Broken("removed", f"all entries of {subject} are gone")
        if found[:2] != (first, last):
            message = f"of {subject} there should be the entries {first} to {last}"
            raise Broken("removed", f"{message}; there are {found[0]} to {found[1]}", found[4])
        if first != 1 and subject not in manifest["parts"]:
            raise Broken("removed", f"of {subject} the entries before {first} are gone", found[3])
    for subject in entries.ends.keys() - manifest["chains"].keys():
        raise Broken("manifest", f"it says nothing of {subject}")


def check_altered(manifest: dict[str, Any]) -> None:
    """See that whoever made the pack found no entry beside whose bytes the database says something
    else: nobody shall take its bytes for what was read there. Raises Broken."""
    for entry, why in sorted(manifest.get("altered", {}).items()):
        raise Broken("column", str(why), entry)


def main(arguments: list[str] | None = None) -> int:
    """Check what the command line names, say what it is, and return the exit code."""
    parser = argparse.ArgumentParser(description="Check an evidence pack of Amends.")
    parser.add_argument("pack", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    more: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--key", **more, help="a key that you trust")
    parser.add_argument("--witness", **more, help="the key of a witness that you trust")
    parser.add_argument("--timestamp-ca", **more, help="a file of certificates that you trust")
    given = parser.parse_args(arguments)
    try:
        outside = read_outside(given.witness, given.timestamp_ca)
        print(check(given.pack, given.key, outside), *HINTS[: not given.key], sep="\n")  # noqa: T201  -- the answer
    except Broken as broken:
        where = f" at entry {broken.entry}" if broken.entry else ""
        wrong = f"broken{where} because {broken.message} ({broken.kind})"
    except Exception as error:  # noqa: BLE001  -- whatever a pack holds, it is answered
        wrong = f"broken because it cannot be read: {error} (file)"
    else:
        return 0
    print(printable(wrong))  # noqa: T201  -- the answer
    return 1


if __name__ == "__main__":
    sys.exit(main())
