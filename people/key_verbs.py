"""The verbs about keys by which members sign entries: registering, retiring, reporting one as
compromised. One's own; those of programs are a tenant admin's too.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Annotated, Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from pydantic import Field

from accounts.acting import Authority
from accounts.actions import keeping_keys
from accounts.actions.naming_substitutes import lock_person
from accounts.models import SignatureKey
from accounts.roles import ActorType
from accounts.selectors import people, people_called
from accounts.signature_keys import signature_key, signature_keys
from ledger.errors import Invalid, NotPermitted
from people.substituting import tenant_admin
from verbs import catalogue, words
from verbs.input import Input, Moment, Name, Nothing, Text
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Description, Locked, Subject

KEY: Final = "signature_key"
_LONGEST: Final = 200
# What describes it: of 32 bytes. The verb reads it, and says what it is where it is none.
_BASE64: Final = r"^\s*[A-Za-z0-9+/]{43}=\s*$"


class NewKey(Input):
    """A public key: base64 of the 32 bytes of an Ed25519 public key. One's own, unless `member`
    names a program."""

    name: Name
    public_key: Annotated[
        str, Field(min_length=1, max_length=_LONGEST, json_schema_extra={"pattern": _BASE64})
    ]
    member: Name | None = None


class Compromise(Input):
    """Since when others may have had it: from now on unless it is said; and how one knows."""

    since: Moment | None = None
    reason: Text


def _locked(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock the member whose key it is, of whom it is recorded, and then the key."""
    actor = lock_person(tenant_id, signature_key(tenant_id, id_).actor_id)
    rows = signature_keys(tenant_id).select_for_update(of=("self",))
    return Locked(rows.get(id=id_), actor)


def _holder(row: SignatureKey, authority: Authority, _facts: Any) -> str:
    return "" if row.actor_id == authority.actor_id else "not_the_person"


@catalogue.verb(
    KEY, operation("register", None, None, "member"), action="key_registered", given=NewKey,
    creates=True, status=201, of_oneself=True, page=False, again_on="accounts_signature_key_once",
    no_button="Its form stands on the page of all keys.",
)  # fmt: skip
def register_key(_row: None, given: NewKey, context: VerbContext) -> SignatureKey:
    """Register a public key by which entries are signed. One's own; that of a program a tenant
    admin may register too."""
    authority = context.authority
    actor_id = authority.actor_id if given.member is None else _program(authority, given.member)
    return keeping_keys.register_key(
        lock_person(authority.tenant_id, actor_id), name=given.name,
        public_key=given.public_key.strip(), by=context.by,
    )  # fmt: skip


def _program(authority: Authority, username: str) -> uuid.UUID:
    found = people_called(authority.tenant_id, [username]).get(username)
    if found is not None and found.actor_id == authority.actor_id:
        return found.actor_id
    if denied := tenant_admin(None, authority, None):
        raise NotPermitted(words.denial(denied))
    if found is None or found.type != ActorType.AGENT or not found.is_active:
        said = _("no active program is called '%(name)s'; people register their own keys")
        raise Invalid.field("/member", said % {"name": username}, code="unknown")
    return found.actor_id


@catalogue.verb(
    KEY, operation("retire", None, None, "holder tenant_admin"), method="DELETE",
    action="key_retired", locked=_locked, of_oneself=True, dangerous=True,
)  # fmt: skip
def retire_key(row: SignatureKey, _given: Nothing, context: VerbContext) -> SignatureKey:
    """Sign with it no more. What it has signed stays signed."""
    keeping_keys.retire_key(context.others, row, by=context.by)
    return row


@catalogue.verb(
    KEY, operation("report-compromise", None, None, "holder tenant_admin"), given=Compromise,
    action="key_compromised", locked=_locked, of_oneself=True, dangerous=True,
)  # fmt: skip
def report_compromise(row: SignatureKey, given: Compromise, context: VerbContext) -> SignatureKey:
    """Say that others may have had it: what was signed since then is suspect.

    Nothing is signed with it any more. It cannot be taken back.
    """
    keeping_keys.note_compromise(
        context.others, row, since=given.since, reason=given.reason, by=context.by
    )
    return row


def _described(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    rows = list(signature_keys(tenant_id).filter(id__in=list(ids)))
    named = people(tenant_id, (row.actor_id for row in rows))
    said = _("%(key)s of %(person)s")
    return {
        row.id: Description(
            said % {"key": row.name, "person": named[row.actor_id].name},
            reverse("people:signature-keys"),
            icon="key-round",
        )
        for row in rows
    }


def _crumbs(row: SignatureKey) -> list[dict[str, str]]:
    url = reverse("people:signature-keys")
    return [{"label": _("Signature keys"), "url": url}, {"label": row.name, "url": url}]


KEYS = Subject(
    subject_type=KEY,
    model=SignatureKey,
    rank=96,
    route="signature-keys/<uuid:id>",
    locked=_locked,
    describe=_described,
    relations={"holder": _holder, "tenant_admin": tenant_admin},
    pages="people:signature-key",
    crumbs=_crumbs,
)
