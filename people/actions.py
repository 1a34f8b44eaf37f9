"""The verbs about members: adding one, changing roles and groups, deactivating and reactivating.

A member is the subject `actor`; the key of a verb is the id of the membership. The actor's row is
locked, so of two admins the second finds what the first left.
"""

from __future__ import annotations

import uuid
from typing import Any, Literal

from accounts import actions as accounts
from accounts.acting import ActingUser
from accounts.models import Actor
from verbs import catalogue
from verbs.input import Input, Name, Names, Nothing
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked

MEMBER = "actor"
_AT_HAND: dict[str, Any] = {
    "no_route": "Members are managed by scripts and commands so far, not over the API.",
    "page": False,
    "no_button": "Members are looked at in the admin; nothing is changed there.",
}


class NewMember(Input):
    """Which user becomes a member, as what."""

    username: Name
    roles: Names = []
    groups: Names = []
    type: Literal["HUMAN", "AGENT"] = "HUMAN"


class Roles(Input):
    """The roles a member has from now on."""

    roles: Names


class Groups(Input):
    """Which groups a member joins and leaves."""

    join: Names = []
    leave: Names = []


def _locked(tenant_id: uuid.UUID, membership_id: uuid.UUID) -> Locked:
    actor, membership = accounts.lock_member(tenant_id, membership_id)
    return Locked(actor, membership)


@catalogue.verb(
    MEMBER, operation("add", None, "ACTIVE", "tenant_admin system"), action="member_added",
    given=NewMember, creates=True, **_AT_HAND,
)  # fmt: skip
def add_member(_row: None, given: NewMember, context: VerbContext) -> ActingUser:
    """Make a user a member of the organisation."""
    return accounts.add_member(
        context.call.by.tenant_id, given.username, roles=given.roles, groups=given.groups,
        actor_type=given.type, by=context.by,
    )  # fmt: skip


@catalogue.verb(
    MEMBER, operation("change-roles", None, None, "tenant_admin system"), action="roles_changed",
    given=Roles, locked=_locked, **_AT_HAND,
)  # fmt: skip
def change_roles(actor: Actor, given: Roles, context: VerbContext) -> Actor:
    """Replace a member's roles. The last tenant admin stays one."""
    accounts.change_roles(actor, context.others, given.roles, by=context.by)
    return actor


@catalogue.verb(
    MEMBER, operation("change-groups", None, None, "tenant_admin system"), action="group_joined",
    given=Groups, locked=_locked, **_AT_HAND,
)  # fmt: skip
def change_groups(actor: Actor, given: Groups, context: VerbContext) -> Actor:
    """Put a member into groups, and take them out of others."""
    accounts.change_groups(actor, context.others, join=given.join, leave=given.leave, by=context.by)
    return actor


@catalogue.verb(
    MEMBER, operation("deactivate", None, "INACTIVE", "tenant_admin system"),
    action="member_deactivated", locked=_locked, **_AT_HAND,
)  # fmt: skip
def deactivate(actor: Actor, _given: Nothing, context: VerbContext) -> Actor:
    """Shut a member out: open tokens stop working at once. The last tenant admin stays."""
    accounts.set_active(actor, context.others, active=False, by=context.by)
    return actor


@catalogue.verb(
    MEMBER, operation("reactivate", None, "ACTIVE", "tenant_admin system"),
    action="member_reactivated", locked=_locked, **_AT_HAND,
)  # fmt: skip
def reactivate(actor: Actor, _given: Nothing, context: VerbContext) -> Actor:
    """Let a member in again."""
    accounts.set_active(actor, context.others, active=True, by=context.by)
    return actor
