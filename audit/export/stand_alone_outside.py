"""What others have signed of the checkpoints of a pack: witnesses, and authorities of time stamps.

Looked at is what those have signed whom the reader trusts: a key in the pack would prove nothing.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from audit.export.stand_alone_notes import Broken
from ledger.tree.cosignatures import Unsigned, Witness, cosignature, is_of, read_cosigner
from ledger.tree.timestamps import Unstamped, stamped_at


class Outside(NamedTuple):
    """Whom a reader trusts: witnesses by their keys, authorities by their certificates."""

    witnesses: tuple[Witness, ...] = ()
    authorities: tuple[x509.Certificate, ...] = ()


def read_outside(keys: list[str], files: list[str]) -> Outside:
    """Return who is named by verifier keys, and by files of certificates (PEM). Raises ValueError
    or OSError for what is none."""
    found = (each for name in files for each in x509.load_pem_x509_certificates(_read(name)))
    return Outside(tuple(map(read_cosigner, keys)), tuple(found))


def _read(name: str) -> bytes:
    return Path(name).read_bytes()


def check_outside(notes: dict[int, str], stamps: dict[int, bytes], trusted: Outside) -> list[str]:
    """See that what trusted ones have signed, by the size of the tree, is of these checkpoints, and
    say what it proves. Raises Broken for what is not."""
    told = [_witnessed(each, notes) for each in trusted.witnesses]
    return told + (_stamped(notes, stamps, trusted) if trusted.authorities else [])


def _witnessed(witness: Witness, notes: dict[int, str]) -> str:
    found = {}
    for size, note in sorted(notes.items()):
        lines = [each for each in note.partition("\n\n")[2].splitlines() if is_of(witness, each)]
        try:
            if lines:
                said = "\n".join(lines).encode()
                found[size] = cosignature(witness, note, said, dt.datetime.now(dt.UTC)).at
        except Unsigned as error:
            raise Broken("forged", f"the checkpoint of {size} entries: {error}") from None
    if not found:
        return f"Witness {witness.name} has signed none of its checkpoints."
    size = max(found)
    count = f"{len(found)} of {len(notes)} checkpoints"
    return f"Witness {witness.name} signed {count}; that of {size} entries at {found[size]:%FT%TZ}."


def _stamped(notes: dict[int, str], stamps: dict[int, bytes], trusted: Outside) -> list[str]:
    told = []
    for size, token in sorted(stamps.items()):
        what = f"the stamp of the checkpoint of {size} entries"
        if size not in notes:
            raise Broken("file", f"{what} is of none that is there")
        text = notes[size].partition("\n\n")[0] + "\n"
        try:
            at = stamped_at(token, text, trusted.authorities, dt.datetime.now(dt.UTC))
        except Unstamped as error:
            raise Broken("forged", f"{what}: {error}") from None
        told.append(f"Time stamp: the tree of {size} entries was there at {at:%FT%TZ}.")
    return told or ["No checkpoint of it has a time stamp."]
