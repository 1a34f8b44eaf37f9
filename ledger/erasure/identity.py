"""What `accounts` tells erasure of people, who alone knows whose an actor's token is."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ledger.erasure.naming import Names


@dataclasses.dataclass(frozen=True, slots=True)
class Called:
    """What somebody is called by: a username, and all else that says who they are."""

    username: str
    texts: Sequence[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Identities:
    """`called(tenant, actor)`: what somebody is called by, None where nobody is behind the token.
    `remove(tenant, actor, names)` removes who is behind it, whom `names` find, in the role of
    erasure, also a second time.
    `note(tenant, actor, action, by, payloads)` records what was done about them, where `by` is the
    actor on whose word the system does it; `note_on_tenant(tenant, action, by, payloads)` what was
    done to the whole organisation, whose row `lock_tenant(tenant)` locks."""

    called: Callable[[uuid.UUID, uuid.UUID], Called | None]
    remove: Callable[[uuid.UUID, uuid.UUID, Names], None]
    note: Callable[[uuid.UUID, uuid.UUID, str, uuid.UUID, Mapping[str, Any]], None]
    note_on_tenant: Callable[[uuid.UUID, str, uuid.UUID, Mapping[str, Any]], None]
    lock_tenant: Callable[[uuid.UUID], object]


_known: list[Identities] = []


def register(identities: Identities) -> None:
    """Make known who knows people. Called in `AppConfig.ready()`; again replaces."""
    _known[:] = [identities]


def identities() -> Identities:
    """Return who knows people. Raises LookupError where nobody does."""
    if not _known:
        raise LookupError("nobody has said whom tokens stand for")
    return _known[0]
