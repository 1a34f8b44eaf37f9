"""The entries about an actor, whose row is locked; its version rises with each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from accounts.models import Actor
from ledger.record import ActorRef, Change, record


def note(
    actor: Actor,
    action: str,
    by: ActorRef,
    *,
    changed: Collection[str] = (),
    before: str | None = None,
    payloads: Mapping[str, Any] | None = None,
    kind: str = "ADMIN",
) -> None:
    """Record one act about an actor, and save what of the row it `changed`. `before` is the status
    it had, where the act changed that."""
    actor.version += 1
    actor.save(update_fields=["version", *changed])
    _record(
        actor, action, by, from_status=before or _state(actor), payloads=payloads or {}, kind=kind
    )


def open_entries_of(actor: Actor, action: str, by: ActorRef, payloads: Mapping[str, Any]) -> None:
    """Record the first act about a new actor."""
    _record(actor, action, by, from_status="", opens=True, payloads=payloads)


def state(*, active: bool) -> str:
    """Return the status of an actor, as entries say it."""
    return "ACTIVE" if active else "INACTIVE"


def _state(actor: Actor) -> str:
    return state(active=actor.is_active)


def _record(actor: Actor, action: str, by: ActorRef, *, kind: str = "ADMIN", **said: Any) -> None:
    record(
        Change(
            tenant_id=actor.tenant_id,
            subject_type="actor",
            subject_id=actor.id,
            version=actor.version,
            kind=kind,
            action=action,
            actor=by,
            to_status=_state(actor),
            **said,
        )
    )
