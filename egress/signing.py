"""Signatures of Standard Webhooks (version 1, HMAC-SHA256): that a call is ours, whole, and new."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

_PREFIX = "whsec_"
_LEAST_BYTES, _MOST_BYTES = 24, 64


def secrets(given: str) -> tuple[bytes, ...]:
    """Read secrets, separated by blanks: one, or while it is changed the new one before the old.

    Each is `whsec_` and 24 to 64 bytes in base64. Raises ValueError, which does not repeat them.
    """
    found = tuple(_secret(each) for each in given.split())
    if not found:
        raise ValueError("names no secret")
    return found


def _secret(text: str) -> bytes:
    try:
        read = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        read = b""
    if not text.startswith(_PREFIX) or not _LEAST_BYTES <= len(read) <= _MOST_BYTES:
        raise ValueError(
            f"must be {_PREFIX} and {_LEAST_BYTES} to {_MOST_BYTES} random bytes in base64"
        )
    return read


def signed(keys: Sequence[bytes], *, id_: str, at: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign a call: `id_` is the same for every attempt at it, `at` the time
    of this one in seconds since 1970."""
    told = f"{id_}.{at}.".encode() + body
    marks = (hmac.new(key, told, hashlib.sha256).digest() for key in keys)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(mark).decode('ascii')}" for mark in marks
        ),
    }
