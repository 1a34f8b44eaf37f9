"""Keys of members and what they sign, for tests: the signed bytes are written out here, too, as the
documentation has them."""

from __future__ import annotations

import base64
import dataclasses
import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.acting import ActingUser
from accounts.signature_keys import signature_keys
from audit.actions.entry_signing import sign
from ledger.selectors import Entry, entries_of
from ledger.tenancy import tenant_scope
from people.key_verbs import register_key, retire_key
from tests import states
from verbs.call import Call


@dataclasses.dataclass(frozen=True, slots=True)
class SigningKey:
    """A registered key, with its private half."""

    id: uuid.UUID
    private: Ed25519PrivateKey

    def over(self, entry: Entry, word: str = "signed") -> dict[str, str]:
        """Return what signs an entry, as verbs and the API take it."""
        said = f"amends/entry-signature/v1\n{word}\n{entry.hash.hex()}\n".encode("ascii")
        return {
            "key": str(self.id), "signature": base64.b64encode(self.private.sign(said)).decode(),
        }  # fmt: skip


def public_of(private: Ed25519PrivateKey) -> str:
    """Return the public half as it is registered."""
    return base64.b64encode(private.public_key().public_bytes_raw()).decode()


def registered(who: ActingUser, name: str = "Of the service", **more: Any) -> SigningKey:
    """Register a new key."""
    private = Ed25519PrivateKey.generate()
    row: Any = register_key(call=Call(who), name=name, public_key=public_of(private), **more)
    return SigningKey(row.id, private)


def retire_all(who: ActingUser) -> None:
    """Retire all keys of somebody."""
    with tenant_scope(who.tenant_id):
        rows = signature_keys(who.tenant_id).filter(actor_id=who.actor_id, retired_at=None)
        ids = list(rows.values_list("id", flat=True))
    for id_ in ids:
        retire_key(id_, call=Call(who))


def signed_by(who: ActingUser, key: SigningKey, entry: Entry) -> Any:
    """Sign an entry of what somebody did."""
    return sign(entry.id, call=Call(who), **key.over(entry))


def something_signed(who: ActingUser) -> uuid.UUID:
    """Register a key of somebody who has done a task, which is signed with it, and return it."""
    key, item = registered(who), states.completed(who, title="Signed")
    with tenant_scope(who.tenant_id):
        done = entries_of(who.tenant_id, "work_item", item.id)[-1]
    signed_by(who, key, done)
    return key.id
