"""Canonical bytes and the hashes over them.

An entry's envelope is serialised by RFC 8785 (JSON Canonicalization Scheme). Its hash is the leaf
hash of RFC 6962 §2.1, SHA-256(0x00 ‖ bytes), so that the same value links the subject's chain today
and sits in the Merkle tree tomorrow.

Free text and payloads never enter the envelope. What enters is a commitment, SHA-256(salt ‖ bytes),
over bytes kept in a row of their own: removing row and salt makes the text unrecoverable and leaves
every hash valid.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

import rfc8785

SALT_BYTES = 32
LEAF_PREFIX = b"\x00"


def canonical(envelope: dict[str, Any]) -> bytes:
    """Return the RFC 8785 bytes of `envelope`."""
    return rfc8785.dumps(envelope)


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
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def commitment(salt: bytes, body: bytes) -> bytes:
    """Return the salted commitment over one payload's bytes."""
    return hashlib.sha256(salt + body).digest()


def digest(value: Any) -> str:
    """Return the SHA-256 of the RFC 8785 bytes of `value`, in hexadecimal."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()
