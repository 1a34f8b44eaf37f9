"""What a member signs with a key of their own, and whether a signature is one. Pure.

Signed are exactly these bytes, in ASCII, each of the three lines ended by one line feed:

    amends/entry-signature/v1
    <word>
    <leaf hash of the entry, 64 hexadecimal digits in lower case>

The first line keeps these signatures apart from any others that the key makes. The word says what
is meant: `signed` by whoever did what the entry tells of, else the attestation that it is given
with. So one that vouches for an entry cannot be shown as one that doubts it. The leaf hash is of
all bytes of the entry, its tenant and its id among them.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CONTEXT: Final = "amends/entry-signature/v1"
#: By its own author: that they did it.
SIGNED: Final = "signed"
#: What entries that carry a signature keep it under.
PAYLOAD: Final = "signature"
KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
VALID, INVALID, UNSIGNED, SUSPECT = "valid", "invalid", "unsigned", "suspect"
#: Of several signatures of one entry the first of these that there is decides: whoever signs anew
#: with a sound key takes the suspicion away, and nobody a signature that does not hold.
VERDICTS: Final = (INVALID, VALID, SUSPECT, UNSIGNED)
# The points of small order, in every encoding, without the sign: a signature that holds for one of
# them holds for any text.
_SMALL: Final = frozenset(
    bytes.fromhex(each)
    for each in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


def signed_bytes(word: str, leaf_hash: bytes) -> bytes:
    """Return what is signed of an entry."""
    return f"{CONTEXT}\n{word}\n{leaf_hash.hex()}\n".encode()


def read_bytes(text: str, length: int) -> bytes | None:
    """Return what base64 says, None where it is none or of another length."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == length else None


def is_sound(public_key: bytes) -> bool:
    """Whether something can be a public key: of the right length, and of no point that anything is
    signed by."""
    if len(public_key) != KEY_BYTES:
        return False
    return public_key[:-1] + bytes([public_key[-1] & 0x7F]) not in _SMALL


def holds(public_key: bytes, signature: bytes, word: str, leaf_hash: bytes) -> bool:
    """Whether a signature is that of the key, of this entry, in this meaning."""
    if not is_sound(public_key) or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        known = Ed25519PublicKey.from_public_bytes(public_key)
        known.verify(signature, signed_bytes(word, leaf_hash))
    except InvalidSignature:
        return False
    return True
