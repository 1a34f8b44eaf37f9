"""The verbs about members: adding one, changing roles and groups, ending a membership, and letting
somebody in again.

A member is the subject `actor`; the key of a verb is the id of the actor, or of the membership. The
actor's row is locked, so of two admins the second finds what the first left.
"""

from __future__ import annotations

import uuid
from typing import Any, Literal

from accounts import actions as accounts
from accounts.acting import ActingUser
from accounts.models import Actor
from verbs import catalogue
from verbs.input import Input, Name, Names, Nothing, OptionalText, Text
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked

MEMBER = "actor"
#: Of verbs of which others do more at once.
_AT_HAND: dict[str, Any] = {
    "no_route": "Scripts change one thing at a time; over the API a member is edited.",
    "page": False,
    "no_button": "Roles and groups are edited together, by one form.",
}


class NewAccount(Input):
    """The user that is made for a new member. Without a password they sign in through another
    service, or not at all, as programs do."""

    name: OptionalText = ""
    email: OptionalText = ""
    password: Text | None = None


class NewMember(Input):
    """Which user becomes a member, as what; with `account` a user of this name is made first."""

    username: Name
    roles: Names = []
    groups: Names = []
    type: Literal["HUMAN", "AGENT"] = "HUMAN"
    account: NewAccount | None = None


class MemberChanges(Input):
    """The roles, groups and skills a member has from now on; what is left out, or null, stays."""

    roles: Names | None = None
    groups: Names | None = None
    skills: Names | None = None


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
    given=NewMember, creates=True, status=201, page=False, again_on="accounts_user_username",
    no_button="Its form stands on the page of all members.",
)  # fmt: skip
def add_member(_row: None, given: NewMember, context: VerbContext) -> ActingUser:
    """Make a user a member of the organisation, or make a user and then a member of them."""
    if given.account is not None:
        _make_account(given.username, given.account)
    return accounts.add_member(
        context.call.by.tenant_id, given.username, roles=given.roles, groups=given.groups,
        actor_type=given.type, by=context.by,
    )  # fmt: skip


def _make_account(username: str, account: NewAccount) -> None:
    """Raises Invalid for a name that is taken, an address that is none, a weak password."""
    accounts.new_account(
        username, name=account.name, email=account.email, password=account.password
    )


@catalogue.verb(
    MEMBER, operation("edit", None, None, "tenant_admin system"), action="roles_changed",
    given=MemberChanges, locked=_locked, method="PATCH",
)  # fmt: skip
def edit_member(actor: Actor, given: MemberChanges, context: VerbContext) -> Actor:
    """Set the roles, groups and skills of a member. The last tenant admin stays one."""
    membership, by = context.others, context.by
    if given.roles is not None and accounts.roles_differ(membership, given.roles):
        accounts.change_roles(actor, membership, given.roles, by=by)
    if given.groups is not None:
        held = {each.name for each in membership.groups.all()}
        leave = held - set(given.groups)
        accounts.change_groups(actor, membership, join=given.groups, leave=leave, by=by)
    if given.skills is not None:
        accounts.change_skills(actor, membership, given.skills, by=by)
    return actor


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
    MEMBER, operation("deactivate", None, "INACTIVE", "tenant_admin system"), method="DELETE",
    action="member_deactivated", locked=_locked, dangerous=True,
)  # fmt: skip
def deactivate(actor: Actor, _given: Nothing, context: VerbContext) -> Actor:
    """End a membership, with its tokens; open work goes to a substitute, or back to the pool.

    The last tenant admin stays. Ending it again changes nothing.
    """
    accounts.set_active(actor, context.others, active=False, by=context.by)
    return actor


@catalogue.verb(
    MEMBER, operation("reactivate", None, "ACTIVE", "tenant_admin system"),
    action="member_reactivated", locked=_locked,
)  # fmt: skip
def reactivate(actor: Actor, _given: Nothing, context: VerbContext) -> Actor:
    """Let a member in again."""
    accounts.set_active(actor, context.others, active=True, by=context.by)
    return actor
