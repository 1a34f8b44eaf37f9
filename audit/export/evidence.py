"""The evidence pack of one thing or one case: a zip that needs neither us nor our database.

`manifest.json` says what it is about and what belongs to it, and is signed as checkpoints are,
under a name of its own. `verify.py` (`stand_alone_verifier`) checks all of it; `index.html` is for
people (`readable_page`). It is made of columns of the database, which are no part of a pack: what
they say otherwise than the hashed bytes is in the manifest (`altered`), and breaks the pack.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from typing import IO, Any

from django.utils.translation import gettext as _

from accounts.signature_keys import keys_by_id
from audit.entry_verdicts import keys_named
from audit.export.erased_evidence import ErasedEvidence
from audit.export.one_file import verifier_source
from audit.export.readable_page import readable_page
from audit.provenance.entries_around import decided_around, of_chains
from ledger.clock import now, rfc3339
from ledger.errors import Conflict, NotFound
from ledger.selectors import all_entries, bytes_of, ends_of
from ledger.tree.countersigned import cosignatures_of, notes_over, stamps_of
from ledger.tree.sealer import origin_of
from ledger.tree.signed_notes import SignedTree, opened, signed, verifier_key
from ledger.tree.signing_keys import key_ring
from ledger.tree.stored_tree import StoredCheckpoint, newest_checkpoint, tiles_for

FORMAT = "amends-evidence/2"
# What is larger goes to a file.
_IN_MEMORY = 8 * 1024 * 1024
#: So many entries are in one pack at most.
MOST_ENTRIES = 30_000
#: And so many older checkpoints; where there are more, they are evenly chosen.
MOST_CHECKPOINTS = 200
_GROUP = 1000
_WIDTH_BYTES = 256 * 32


class _Pack:
    """A zip as it is written, and the digest of each of its files."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self.files: dict[str, str] = {}

    def add(self, name: str, parts: Iterator[bytes] | bytes) -> None:
        """Write one file, part by part."""
        digest = hashlib.sha256()
        with self._zip.open(name, "w") as file:
            for part in [parts] if isinstance(parts, bytes) else parts:
                digest.update(part)
                file.write(part)
        self.files[name] = digest.hexdigest()

    def close(self) -> None:
        """Write what a zip ends with."""
        self._zip.close()


def evidence_of(
    tenant_id: uuid.UUID,
    *,
    subject: tuple[str, uuid.UUID] | None = None,
    case_id: uuid.UUID | None = None,
) -> IO[bytes]:
    """Return the pack of one subject and of what belongs to how it was decided and undone, or of a
    case and all its parts, as a file to be read.

    Runs in the caller's tenant scope. Raises NotFound where nothing was recorded, Conflict
    (`too_much`) where that is more than one pack holds.
    """
    rows = all_entries(tenant_id)
    if subject is not None:
        rows = rows.filter(of_chains(decided_around(tenant_id, subject)))
        about = f"{subject[0]}:{subject[1]}"
    else:
        rows = rows.filter(case_id=case_id)
        about = f"case:{case_id}"
    # Newer entries than the checkpoint's are told as not sealed; a sealed one is never missing.
    newest = newest_checkpoint(tenant_id)
    count = rows.order_by().values("id")[: MOST_ENTRIES + 1].count()
    if not count:
        raise NotFound(_("Nothing is recorded about that."))
    if count > MOST_ENTRIES:
        sentence = _("More than %(n)s entries: ask for its parts.")
        raise Conflict(sentence % {"n": MOST_ENTRIES}, code="too_much")
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  -- given on
    try:
        _write(_Pack(file), tenant_id, rows, about, newest)
    except BaseException:
        file.close()
        raise
    return file


def _write(
    pack: _Pack, tenant_id: uuid.UUID, rows: Any, about: str, newest: StoredCheckpoint | None
) -> None:
    keys, size = key_ring(), 0 if newest is None else newest.size
    origin = origin_of(tenant_id)
    if newest is not None:
        origin = opened(newest.note, keys.publics).origin
    # Before the entries: what is appended meanwhile is no part that is missing.
    heads = ends_of(tenant_id, rows)
    chains, indices, used = _write_entries(pack, rows, size)
    receipts = _write_erased(pack, ErasedEvidence(tenant_id, rows), size)
    parts = {
        subject: max(heads.get(subject, 0), last) for subject, (first, last) in chains.items()
        if first != 1 or last < heads.get(subject, 0)
    }  # fmt: skip
    if newest is not None:
        kept = _write_checkpoints(pack, tenant_id, indices, newest)
        # Checkpoints are chosen for what it is about, and not for the receipts.
        wanted = {*indices, *receipts, *kept}
        for (level, number), hashes in tiles_for(tenant_id, wanted, size):
            pack.add(tile_name(level, number, len(hashes)), hashes)
    lines = (verifier_key(origin, each) for each in keys.publics)
    if used:
        pack.add("keys/signatures.jsonl", _keys_of(tenant_id, used))
    pack.add("keys/keys", "".join(f"{line}\n" for line in lines).encode())
    pack.add("verify.py", verifier_source().encode())
    # What was altered is known when the page is written.
    altered: dict[str, str] = {}
    pack.add("index.html", readable_page(tenant_id, rows, about, size, altered))
    manifest = {
        "format": FORMAT, "about": about, "tenant": str(tenant_id), "origin": origin, "size": size,
        "made_at": rfc3339(now()), "chains": chains, "parts": parts,
        "files": dict(pack.files),
    }  # fmt: skip
    if altered:
        manifest["altered"] = altered
    said = json.dumps(manifest, indent=1, sort_keys=True).encode()
    pack.add("manifest.json", said)
    tree = SignedTree(f"{origin}/export", len(chains), hashlib.sha256(said).digest())
    pack.add("manifest.note", signed(tree, keys.signing).encode())
    pack.close()


def _write_checkpoints(
    pack: _Pack, tenant_id: uuid.UUID, indices: list[int], newest: StoredCheckpoint
) -> list[int]:
    """Write the newest checkpoint and the older ones by which it was first said that the entries
    are there, each with what others have signed of it. Returns the last leaf of each."""
    notes = notes_over(tenant_id, indices, newest.size, most=MOST_CHECKPOINTS)
    notes[newest.size] = newest.note
    lines = cosignatures_of(tenant_id, notes)
    for size, note in sorted(notes.items()):
        pack.add(f"checkpoints/{size}", (note + lines.get(size, "")).encode())
    for size, token in stamps_of(tenant_id, notes).items():
        pack.add(f"timestamps/{size}.tst", token)
    return [size - 1 for size in notes if size]


def _write_entries(
    pack: _Pack, rows: Any, size: int
) -> tuple[dict[str, tuple[int, int]], list[int], set[uuid.UUID]]:
    """Write entries and payloads. Returns from where to where each chain is there, the places of
    those that are sealed, and the keys that signatures among the payloads name."""
    chains: dict[str, tuple[int, int]] = {}
    indices: list[int] = []
    used: set[uuid.UUID] = set()
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as payloads:

        def entries() -> Iterator[bytes]:
            for each in bytes_of(rows):
                index = each.tree_index
                index = None if index is None or index >= size else index
                if index is not None:
                    indices.append(index)
                first, _last = chains.get(each.subject, (each.subject_seq, 0))
                chains[each.subject] = (first, each.subject_seq)
                used.update(keys_named(each.payloads))
                for name, salt, body in each.payloads:
                    payloads.write(
                        _line(entry=str(each.id), name=name, salt=_base64(salt), body=body.decode())
                    )
                yield _line(
                    id=str(each.id), tree_index=index, hash=each.hash.hex(), body=each.body.decode()
                )

        pack.add("entries.jsonl", entries())
        payloads.seek(0)
        pack.add("payloads.jsonl", iter(lambda: payloads.read(65_536), b""))
    return chains, indices, used


def _write_erased(pack: _Pack, erased: ErasedEvidence, size: int) -> list[int]:
    """Write what is gone, and what tells of it. Returns the places of the entries that do."""
    if erased:
        pack.add("erased.jsonl", (_line(**each) for each in erased.payloads()))
        pack.add("receipts.jsonl", (_line(**each) for each in erased.receipts(size)))
    return erased.indices(size)


def _keys_of(tenant_id: uuid.UUID, used: set[uuid.UUID]) -> bytes:
    """Return the keys that members signed with, by line, as they are known now."""
    keys = sorted(keys_by_id(tenant_id, used).values(), key=lambda each: each.id)
    return b"".join(
        _line(
            id=str(key.id), actor=str(key.actor_id), public_key=_base64(bytes(key.public_key)),
            registered_at=rfc3339(key.created_at), retired_at=_moment(key.retired_at),
            compromised_since=_moment(key.compromised_since),
        )
        for key in keys
    )  # fmt: skip


def _moment(at: Any) -> str | None:
    return None if at is None else rfc3339(at)


def _line(**said: Any) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def tile_name(level: int, number: int, length: int) -> str:
    """Return where a tile of so many bytes is in a pack, as C2SP tlog-tiles numbers them."""
    parts = [f"{number % _GROUP:03d}"]
    while number >= _GROUP:
        number //= _GROUP
        parts.insert(0, f"x{number % _GROUP:03d}")
    partial = "" if length == _WIDTH_BYTES else f".p/{length // 32}"
    return f"tiles/{level}/{'/'.join(parts)}{partial}"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
