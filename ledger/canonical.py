"""Canonical bytes and the hashes over them.

An entry's envelope is serialised by RFC 8785 (JSON Canonicalization Scheme). Its hash is the leaf
hash of RFC 6962 §2.1, SHA-256(0x00 ‖ bytes), so that the same value links the subject's chain today
and sits in the Merkle tree tomorrow.

Free text and payloads never enter the envelope. What enters is a commitment, SHA-256(salt ‖ bytes),
over bytes kept in a row of their own: removing row and salt makes the text unrecoverable and leaves
every hash valid.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from typing import Any

import rfc8785

SALT_BYTES = 32
LEAF_PREFIX = b"\x00"
# The largest whole number that a double holds exactly, with all below it.
_EXACT = 2**53 - 1
# Made once: `json.dumps` would make one for each value.
_SORTED = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a value.

    Raises rfc8785.CanonicalizationError for what that form does not know. Of texts, whole numbers
    and ASCII keys, which is all there is in an envelope, Python's own sorted compact JSON is the
    same bytes at a twentieth of the cost.
    """
    return _if_simple(value) or rfc8785.dumps(value)


def _if_simple(value: Any) -> bytes | None:
    if _is_simple(value):
        with contextlib.suppress(UnicodeEncodeError):
            return _SORTED.encode(value).encode()
    return None


def envelope_bytes_of(envelope: dict[str, Any]) -> bytes:
    """Return the RFC 8785 bytes of an envelope, which has texts, whole numbers, truth values, null,
    and what is made of these.

    Raises ValueError for a fraction, which RFC 8785 knows and `verify` would call broken for ever;
    and rfc8785.CanonicalizationError, which is one too, for any other value that is none of these:
    a larger number than a double holds exactly, a moment that nobody wrote as text.
    """
    body = _if_simple(envelope)
    if body is not None:
        # It has no fraction, and nearly all are such: nothing more is looked for in them.
        return body
    if (fraction := _fraction_in(envelope)) is not None:
        raise ValueError(f"an envelope holds whole numbers only, not {fraction!r}")
    return rfc8785.dumps(envelope)


def _fraction_in(value: Any) -> float | None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next((found for each in value if (found := _fraction_in(each)) is not None), None)
    return value if isinstance(value, float) else None


def _is_simple(value: Any) -> bool:
    """Whether a value holds nothing that RFC 8785 writes in a way of its own: fractions, large
    numbers, or keys whose order is another in UTF-16."""
    if value is None or isinstance(value, str):
        return True
    if isinstance(value, dict):
        ascii_keys = all(isinstance(key, str) and key.isascii() for key in value)
        return ascii_keys and all(map(_is_simple, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_simple, value))
    return isinstance(value, int) and -_EXACT <= value <= _EXACT


def leaf_hash(body: bytes) -> bytes:
    """Return the RFC 6962 leaf hash of an entry's canonical bytes."""
    return hashlib.sha256(LEAF_PREFIX + body).digest()


def new_salt() -> bytes:
    """Return fresh salt for one payload."""
    return secrets.token_bytes(SALT_BYTES)


def payload_bytes(value: Any) -> bytes:
    """Return the bytes kept for one payload value: compact JSON in UTF-8, keys sorted.

    Not RFC 8785: a payload may hold integers beyond 2^53, which that form refuses.
    """
    return _SORTED.encode(value).encode()


def commitment(salt: bytes, body: bytes) -> bytes:
    """Return the salted commitment over one payload's bytes."""
    return hashlib.sha256(salt + body).digest()


def digest(value: Any) -> str:
    """Return the SHA-256 of the RFC 8785 bytes of `value`, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()
