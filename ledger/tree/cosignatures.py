"""What is said to a witness, and what it answers: C2SP tlog-witness and tlog-cosignature.

A witness keeps the last checkpoint that it saw of a tree, and signs a later one only where that is
proven to go on from it. Its signature, a cosignature, says when. Nothing here reads or sends
anything. Cosignatures are Ed25519; those of ML-DSA-44 are passed over.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import hashlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = b"\x04"
_DASH = "\N{EM DASH} "
_ID_BYTES, _TIME_BYTES, _KEY_BYTES, _SIGNATURE_BYTES = 4, 8, 32, 64
#: So far may the clock of a witness be before ours, in seconds.
_SECONDS_AHEAD = 300
#: A proof of more hashes than these is of no tree (C2SP tlog-witness).
MOST_HASHES = 63


class NoWitness(ValueError):
    """What should say who a witness is does not."""


class Unsigned(Exception):
    """An answer that holds no cosignature of the witness, or one that is wrong."""


@dataclasses.dataclass(frozen=True, slots=True)
class Witness:
    """Whom checkpoints are shown to: a name, a public key, and where requests go."""

    name: str
    public: bytes
    url: str

    @property
    def key_id(self) -> bytes:
        """The four bytes by which its signatures name its key."""
        said = self.name.encode() + b"\n" + ED25519 + self.public
        return hashlib.sha256(said).digest()[:_ID_BYTES]


@dataclasses.dataclass(frozen=True, slots=True)
class Cosignature:
    """A signature line of a witness under a checkpoint, and when it says that it signed."""

    line: str
    at: dt.datetime


def read_witness(said: str) -> Witness:
    """Read a witness: its verifier key (`name+id+key`), a blank, and its submission prefix.

    Raises NoWitness in words that name the rule.
    """
    key, _, url = said.strip().partition(" ")
    url = url.strip()
    if not url.startswith(("http://", "https://")):
        raise NoWitness("must be name+id+key and an address, separated by a blank")
    return dataclasses.replace(read_cosigner(key), url=url.rstrip("/"))


def read_cosigner(key: str) -> Witness:
    """Read a witness's verifier key alone (`name+id+key`). Raises NoWitness."""
    name, _, rest = key.strip().partition("+")
    id_, _, encoded = rest.partition("+")
    try:
        decoded, known = base64.b64decode(encoded, validate=True), bytes.fromhex(id_)
    except (binascii.Error, ValueError):
        raise NoWitness("must be name+id+key and an address, separated by a blank") from None
    if not name:
        raise NoWitness("must be name+id+key and an address, separated by a blank")
    if decoded[:1] != ED25519 or len(decoded) != 1 + _KEY_BYTES:
        raise NoWitness(f"the key of {name} must be an Ed25519 cosigner's (type 0x04)")
    found = Witness(name, decoded[1:], "")
    if found.key_id != known:
        raise NoWitness(f"the id in the key of {name} is not its own")
    return found


def request(old_size: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return the body of `add-checkpoint`: what it saw last, the proof from there, the note.

    Raises ValueError for a proof that no tree has.
    """
    if len(proof) > MOST_HASHES:
        raise ValueError(f"a proof of {len(proof)} hashes is of no tree")
    hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
    return f"old {old_size}\n{hashes}\n{note}".encode()


def size_said(body: bytes) -> int | None:
    """Return the size that a witness says it saw last (409), or None where it says none."""
    text = body.removesuffix(b"\n")
    if (
        not text.isdigit()
        or (text.startswith(b"0") and text != b"0")
        or len(text) > len(str(2**63))
    ):
        return None
    return int(text)


def cosignature(witness: Witness, note: str, answer: bytes, now: dt.datetime) -> Cosignature:
    """Return what a witness has signed of a checkpoint, the newest where it is several.

    Lines of other keys are passed over. Raises Unsigned where there is none of its key, or one that
    is wrong, or of a time to come.
    """
    text = note.partition("\n\n")[0] + "\n"
    found = [
        _verified(witness, text, line, now)
        for line in answer.decode("utf-8", "replace").splitlines()
        if is_of(witness, line)
    ]
    if not found:
        raise Unsigned(f"there is no cosignature of {witness.name} in its answer")
    return max(found, key=lambda each: each.at)


def is_line(line: str, name: str) -> bool:
    """Whether a text is one signature line of this name in its one form, with the bytes that an
    Ed25519 cosignature has: what else stood below a note, nobody could read the note any more."""
    return len(_decoded(name, line)) == _ID_BYTES + _TIME_BYTES + _SIGNATURE_BYTES


def is_of(witness: Witness, line: str) -> bool:
    """Whether a line is one of the witness's key, whatever it signs."""
    return _decoded(witness.name, line)[:_ID_BYTES] == witness.key_id


def _decoded(name: str, line: str) -> bytes:
    """Return what a line of a witness says, nothing where it is none in its one form: the line is
    kept as it is and given out below our notes, which nobody could read with another in it."""
    start = f"{_DASH}{name} "
    try:
        decoded = base64.b64decode(line.removeprefix(start), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return decoded if line == start + base64.b64encode(decoded).decode() else b""


def _verified(witness: Witness, text: str, line: str, now: dt.datetime) -> Cosignature:
    said = _decoded(witness.name, line)[_ID_BYTES:]
    if len(said) != _TIME_BYTES + _SIGNATURE_BYTES:
        raise Unsigned(f"the cosignature of {witness.name} has another length")
    seconds = int.from_bytes(said[:_TIME_BYTES], "big")
    message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    try:
        Ed25519PublicKey.from_public_bytes(witness.public).verify(said[_TIME_BYTES:], message)
    except InvalidSignature:
        raise Unsigned(f"the cosignature of {witness.name} is not of this checkpoint") from None
    if seconds > now.timestamp() + _SECONDS_AHEAD:
        raise Unsigned(f"the cosignature of {witness.name} is of a time to come")
    return Cosignature(line, dt.datetime.fromtimestamp(seconds, dt.UTC))
