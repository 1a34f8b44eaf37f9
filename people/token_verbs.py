"""The verbs about tokens: one's own are made and ended, a tenant admin ends anybody's.

The text of a token is in the one answer, or on the one page, that makes it, and nowhere else.
"""

from __future__ import annotations

import uuid
from typing import Any

from accounts import actions as accounts
from accounts.acting import Authority
from accounts.actions import IssuedToken
from accounts.models import ApiToken
from accounts.roles import Role
from ledger.errors import NotFound
from people.substituting import tenant_admin
from verbs import catalogue
from verbs.input import Input, Moment, Name, Nothing
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked, Subject

TOKEN = "token"  # noqa: S105  -- the name of a kind of thing


class NewToken(Input):
    """What a token is for, and until when it works: 90 days unless it is said."""

    name: Name
    expires_at: Moment | None = None


def _locked(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock the member whose token it is. Raises NotFound."""
    rows = ApiToken.objects.filter(tenant_id=tenant_id, public_id=id_)
    found = rows.first()
    if found is None:
        raise NotFound
    actor, _membership = accounts.lock_member(tenant_id, found.membership_id)
    row = rows.select_related("membership").first()
    if row is None:
        raise NotFound
    return Locked(row, actor)


def _bearer(row: ApiToken, authority: Authority, _facts: Any) -> str:
    """Raise NotFound for a token of somebody else: nobody but a tenant admin knows of it."""
    if row.membership.actor_id == authority.actor_id:
        return ""
    if Role.TENANT_ADMIN not in authority.roles:
        raise NotFound
    return "not_the_person"


@catalogue.verb(
    TOKEN, operation("create", None, None, "member"), action="token_created", given=NewToken,
    creates=True, status=201, of_oneself=True, page=False,
    no_button="Its form stands on the page of settings.",
)  # fmt: skip
def make_token(_row: None, given: NewToken, context: VerbContext) -> IssuedToken:
    """Make a token for oneself, shown this once: a program that sends it acts as its member."""
    who = context.call.by
    actor, membership = accounts.lock_member(who.tenant_id, who.membership_id)
    return accounts.issue_token(
        actor, membership, name=given.name, until=given.expires_at, by=context.by
    )


@catalogue.verb(
    TOKEN, operation("end", None, None, "bearer tenant_admin"), action="token_revoked",
    method="DELETE", locked=_locked, of_oneself=True, page=False,
    no_button="Its button stands on the page of settings, and on that of tokens.",
)  # fmt: skip
def revoke_token(row: ApiToken, _given: Nothing, context: VerbContext) -> ApiToken:
    """End a token at once: whoever sends it is shut out."""
    accounts.end_token(context.others, row, by=context.by)
    return row


TOKENS = Subject(
    subject_type=TOKEN,
    model=ApiToken,
    rank=96,
    route="tokens/<uuid:id>",
    locked=_locked,
    read=lambda _tenant_id, _ids: {},
    relations={"bearer": _bearer, "tenant_admin": tenant_admin},
    versioned=None,
)
