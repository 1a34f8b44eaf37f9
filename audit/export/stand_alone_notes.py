"""What is signed in a pack: keys and notes as they are written there (C2SP signed-note)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HASH, LINES = 32, 3


class Broken(Exception):
    """What is wrong, with which entry if it is one's, and of which kind it is."""

    def __init__(self, kind: str, message: str, entry: str = "") -> None:
        self.kind, self.message, self.entry = kind, message, entry


def read_key(line: str) -> tuple[bytes, str]:
    """Return public key and name of a verifier key. Raises Broken."""
    name, _, rest = line.strip().partition("+")
    id_, _, said = rest.partition("+")
    try:
        decoded, known = base64.b64decode(said, validate=True), bytes.fromhex(id_)
    except ValueError:
        raise Broken("forged", f"{line!r} is no key") from None
    if decoded[:1] != b"\x01" or len(decoded) != 1 + HASH:
        raise Broken("forged", f"{line!r} is no Ed25519 key")
    if hashlib.sha256(name.encode() + b"\n" + decoded).digest()[:4] != known:
        raise Broken("forged", f"the id of key {name} is not its own")
    return decoded[1:], name


def open_note(
    said: bytes, origin: str, publics: Iterable[bytes], what: str, entry: str = ""
) -> tuple[int, bytes]:
    """Return size and root of a note that one of the keys has signed. Raises Broken."""
    text, found, lines = said.decode("utf-8", "replace").partition("\n\n")
    parts = text.split("\n")
    if not found or parts[:1] != [origin] or len(parts) != LINES or not parts[1].isdecimal():
        raise Broken("forged", f"{what}: it is no checkpoint of {origin}", entry)
    ids = {hashlib.sha256(f"{origin}\n\x01".encode() + p).digest()[:4]: p for p in publics}
    good = 0
    for line in lines.splitlines():
        name, _, signature = line.removeprefix("\N{EM DASH} ").partition(" ")
        # What others have signed is not looked at, in whatever form it is.
        if name != origin or (decoded := unbase64(signature))[:4] not in ids:
            continue
        try:
            known = Ed25519PublicKey.from_public_bytes(ids[decoded[:4]])
            known.verify(decoded[4:], f"{text}\n".encode())
        except InvalidSignature:
            raise Broken("forged", f"{what}: its signature is not of its text", entry) from None
        good += 1
    if not good:
        raise Broken("forged", f"{what}: no known key has signed it", entry)
    return int(parts[1]), unbase64(parts[2])


def unbase64(said: Any) -> bytes:
    """Return what base64 says. Raises Broken."""
    try:
        return base64.b64decode(said, validate=True)
    except (ValueError, TypeError):
        raise Broken("file", f"{said!r} is no base64") from None


def printable(said: str) -> str:
    """Return a text that any terminal shows as it is: what was found may say anything."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in said)
