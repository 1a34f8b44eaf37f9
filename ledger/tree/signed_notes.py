"""Checkpoints as signed notes, proofs as one file: C2SP signed-note, tlog-checkpoint, tlog-proof.

A note is a text whose lines all end, an empty line, and a line for each signature: an em dash, the
name of the key, and base64 of the key's id and the signature. The id of a key is the first four
bytes of SHA-256(name ‖ LF ‖ 0x01 ‖ public key), 0x01 being Ed25519. Nothing here reads anything.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
from collections.abc import Collection, Iterable, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
_DASH = "\N{EM DASH} "
_PROOF = "c2sp.org/tlog-proof@v1"
_KEY_ID_BYTES = 4


class Forged(Exception):
    """A note that is none, or that none of the keys in question has signed."""


@dataclasses.dataclass(frozen=True, slots=True)
class SignedTree:
    """What a checkpoint says: of which tree, how large it was, and its root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text of its note."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes by which a signature names its key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, public: bytes) -> str:
    """Return a public key as one line that verifiers of signed notes read."""
    return f"{name}+{key_id(name, public).hex()}+{_base64(ED25519 + public)}"


def signed(tree: SignedTree, keys: Iterable[Ed25519PrivateKey]) -> str:
    """Return the note of a checkpoint, signed with each of `keys` under the tree's origin."""
    text = tree.text
    lines = []
    for key in keys:
        public = key.public_key().public_bytes_raw()
        said = key_id(tree.origin, public) + key.sign(text.encode())
        lines.append(f"{_DASH}{tree.origin} {_base64(said)}\n")
    return f"{text}\n{''.join(lines)}"


def opened(note: str, publics: Collection[bytes]) -> SignedTree:
    """Return what a note says that at least one of the keys has signed.

    Signatures of others are passed over. Raises Forged for a note in another form, without a
    signature of these keys, or with one of theirs that is wrong.
    """
    text, tree = _read(note)
    known = {key_id(tree.origin, each): each for each in publics}
    verified = 0
    for name, id_, signature in _signatures(note[len(text) + 1 :]):
        public = known.get(id_) if name == tree.origin else None
        if public is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
        except InvalidSignature:
            raise Forged("its signature is not of its text") from None
        verified += 1
    if not verified:
        raise Forged("no known key has signed it")
    return tree


def _read(note: str) -> tuple[str, SignedTree]:
    text, found, _ = note.partition("\n\n")
    lines = text.split("\n")
    if not found or len(lines) < 3:  # noqa: PLR2004  -- origin, size, root
        raise Forged("it is no checkpoint")
    origin, size, root, *_extensions = lines
    try:
        decoded = base64.b64decode(root, validate=True)
    except (binascii.Error, ValueError):
        raise Forged("its root is no hash") from None
    if not origin or not (size.isascii() and size.isdigit()) or str(int(size)) != size:
        raise Forged("it is no checkpoint")
    return f"{text}\n", SignedTree(origin, int(size), decoded)


def _signatures(lines: str) -> list[tuple[str, bytes, bytes]]:
    found = []
    for line in lines.splitlines():
        name, _, said = line.removeprefix(_DASH).partition(" ")
        try:
            decoded = base64.b64decode(said, validate=True)
        except (binascii.Error, ValueError):
            raise Forged("a line is no signature") from None
        if not line.startswith(_DASH) or len(decoded) <= _KEY_ID_BYTES:
            raise Forged("a line is no signature")
        found.append((name, decoded[:_KEY_ID_BYTES], decoded[_KEY_ID_BYTES:]))
    return found


def proof_file(index: int, path: Sequence[bytes], checkpoint: str) -> str:
    """Return a proof that a leaf is in the tree of a checkpoint, as one text file."""
    hashes = "".join(f"{_base64(each)}\n" for each in path)
    return f"{_PROOF}\nindex {index}\n{hashes}\n{checkpoint}"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
