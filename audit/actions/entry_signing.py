"""Signatures of entries: whoever did what an entry tells of signs it with a key of their own.

A signature is an entry itself, of the same subject, that names the signed one by id and hash and
keeps key and signature. `ledger.entry_signatures` says which bytes are signed. One that does not
hold is refused, and nothing is written.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Final

from django.utils.translation import gettext as _
from pydantic import Field

from accounts.acting import Authority
from accounts.signature_keys import signature_keys
from audit.actions.said_of_entries import KIND, say_of
from ledger.entry_signatures import PAYLOAD, SIGNATURE_BYTES, SIGNED, holds, read_bytes
from ledger.errors import Conflict, Invalid
from ledger.selectors import all_entries, open_entries
from verbs import catalogue
from verbs.input import Id, Input
from verbs.operation import operation
from verbs.shell import VerbContext
from web.entries import ENTRY

_LONGEST: Final = 200


class Signature(Input):
    """Which key of one's own has signed, and its signature: base64 of 64 bytes (Ed25519)."""

    key: Id
    signature: Annotated[str, Field(min_length=1, max_length=_LONGEST)]


def signer(entry: Any, authority: Authority, _facts: Any) -> str:
    """Relate who did what an entry tells of."""
    return "" if entry.actor_id == authority.actor_id else "not_the_person"


def checked_signature(
    entry: Any, given: Signature, word: str, by: uuid.UUID, *, at: str = ""
) -> dict[str, str]:
    """Return a signature as an entry keeps it, once it is seen to hold. `at`: where it stands in
    what was sent. The subject is locked. Raises Invalid, and Conflict for a key that signs no more,
    or has signed that already."""
    rows = signature_keys(entry.tenant_id).filter(actor_id=by, id=uuid.UUID(given.key))
    key = rows.first()
    if key is None:
        raise Invalid.field(f"{at}/key", _("is no key of yours"), code="unknown")
    if key.compromised_since is not None:
        raise Conflict(_("This key was reported as compromised."), code="key_compromised")
    if key.retired_at is not None:
        raise Conflict(_("This key is retired."), code="key_retired")
    signature = read_bytes(given.signature.strip(), SIGNATURE_BYTES)
    if signature is None:
        said = _("must be base64 of the 64 bytes of an Ed25519 signature")
        raise Invalid.field(f"{at}/signature", said, code="no_signature")
    if not holds(bytes(key.public_key), signature, word, bytes(entry.hash)):
        said = _("is not the signature of this key over '%(word)s' and the hash of this entry")
        raise Invalid.field(f"{at}/signature", said % {"word": word}, code="invalid_signature")
    # Who has a signature has not the key: what it was given for once, it is not given for again.
    # Under the lock: of two at once the second sees what the first has signed.
    before = all_entries(entry.tenant_id).filter(kind=KIND, action=word, caused_by_id=entry.id)
    payloads = (each.payloads.get(PAYLOAD) for each in open_entries(before, only=[PAYLOAD]))
    if any(isinstance(each, dict) and each.get("key") == str(key.id) for each in payloads):
        raise Conflict(_("This key has signed it already."), code="already_signed")
    return {"key": str(key.id), "signature": given.signature.strip()}


@catalogue.verb(
    ENTRY, operation("sign", None, None, "signer"), action=SIGNED, given=Signature,
    route="signatures", status=201, of_oneself=True, page=False,
    no_button="Only a program has the private key.",
)  # fmt: skip
def sign(entry: Any, given: Signature, context: VerbContext) -> Any:
    """Sign an entry of what one did oneself. An invalid signature is refused."""
    if not context.others:
        raise Conflict(_("What it is about can not be signed."), code="not_attestable")
    me = context.by
    return say_of(entry, SIGNED, me, {PAYLOAD: checked_signature(entry, given, SIGNED, me.id)})
