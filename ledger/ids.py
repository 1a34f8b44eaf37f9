"""Identifiers. Rows get UUIDv7 (RFC 9562 §5.7) so that indexes grow at one end; actors get random
UUIDv4 tokens, because a token that carries its time of birth says more about a person than it must.
"""

from __future__ import annotations

import uuid

import uuid_utils


def new_id() -> uuid.UUID:
    """Return a fresh time-ordered identifier (UUIDv7)."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def new_token() -> uuid.UUID:
    """Return a fresh random identifier (UUIDv4) that says nothing about when it was made."""
    return uuid.uuid4()
