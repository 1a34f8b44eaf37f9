"""Registering keys by which a member signs, retiring them, and noting that one was compromised; in
the caller's transaction.

It is recorded of the member whose key it is, whose actor is locked.
"""

from __future__ import annotations

import base64
import datetime as dt

from django.utils.translation import gettext as _

from accounts.actions.actor_entries import note
from accounts.models import Actor, SignatureKey
from accounts.signature_keys import signature_keys
from ledger.clock import now, rfc3339
from ledger.entry_signatures import KEY_BYTES, is_sound, read_bytes
from ledger.errors import Conflict, Invalid
from ledger.ids import new_id
from ledger.record import ActorRef

#: A member has so many at most that are neither retired nor compromised.
MOST = 20


def register_key(actor: Actor, *, name: str, public_key: str, by: ActorRef) -> SignatureKey:
    """Register a public key of the locked actor. Raises Invalid, and Conflict where it is known."""
    found = read_bytes(public_key, KEY_BYTES)
    if found is None:
        said = _("must be base64 of the 32 bytes of an Ed25519 public key")
        raise Invalid.field("/public_key", said, code="no_key")
    if not is_sound(found):
        said = _("a point of small order is nobody's key: anything is signed by it")
        raise Invalid.field("/public_key", said, code="weak_key")
    rows = signature_keys(actor.tenant_id)
    if rows.filter(public_key=found).exists():
        said = _("This key is registered already; make another.")
        raise Conflict(said, code="key_known")
    used = rows.filter(actor=actor, retired_at=None, compromised_since=None)
    if used.count() >= MOST:
        raise Conflict(_("There are %(n)d keys: that is the most.") % {"n": MOST}, code="too_many")
    row = SignatureKey(
        id=new_id(), tenant_id=actor.tenant_id, actor=actor, name=name, public_key=found,
        created_at=now(),
    )  # fmt: skip
    row.save(force_insert=True)
    said_of = {"key": str(row.id), "name": name, "public_key": base64.b64encode(found).decode()}
    note(actor, "key_registered", by, payloads=said_of)
    return row


def retire_key(actor: Actor, row: SignatureKey, *, by: ActorRef) -> None:
    """Let a key sign nothing from now on. One that is retired already stays as it is."""
    if row.retired_at is not None:
        return
    row.retired_at = now()
    _save(row, "retired_at")
    note(actor, "key_retired", by, payloads={"key": str(row.id), "name": row.name})


def note_compromise(
    actor: Actor, row: SignatureKey, *, since: dt.datetime | None, reason: str, by: ActorRef
) -> None:
    """Note since when others may have had a key. Later findings may say earlier, never later:
    nobody takes a suspicion back. Raises Invalid, Conflict."""
    moment = since or now()
    if moment > now():
        raise Invalid.field("/since", _("must not lie in the future"), code="future")
    if row.compromised_since is not None and moment >= row.compromised_since:
        said = _("It is known as compromised since then, or before.")
        raise Conflict(said, code="key_compromised")
    row.compromised_since = moment
    _save(row, "compromised_since")
    payloads = {"key": str(row.id), "name": row.name, "since": rfc3339(moment), "reason": reason}
    note(actor, "key_compromised", by, payloads=payloads)


def _save(row: SignatureKey, *fields: str) -> None:
    row.version += 1
    row.save(update_fields=[*fields, "version"])
