"""The cast: the people every test, example and page of the documentation talks about.

Tenant `demo` with people named by role, and tenant `other` with one `outsider`. Each test that
commits makes its own world under fresh slugs, so tests never meet in the database.
"""

from __future__ import annotations

import dataclasses
import math
import secrets
from collections.abc import Mapping

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.acting import ActingUser
from accounts.actions import create_tenant
from accounts.models import Actor, GroupMembership, Membership, User
from accounts.roles import ActorType, Role
from audit import footer_seal
from audit.ledger_standing import Standing
from ledger.clock import now
from ledger.record import ActorRef, Change, record_many
from ledger.tenancy import set_tenant

PASSWORD = "amends-demo"
CAST: dict[str, tuple[tuple[Role, ...], tuple[str, ...]]] = {
    "analyst": ((), ("analysts",)),
    "surveyor": ((), ("surveyors",)),
    "underwriter": ((), ("underwriters",)),
    "compliance": ((), ("compliance",)),
    "operator": ((Role.OPERATOR,), ()),
    "approver": ((Role.APPROVER,), ()),
    "auditor": ((Role.AUDITOR,), ()),
    "bystander": ((), ()),
    "admin": ((Role.TENANT_ADMIN,), ()),
    "agent": ((), ()),
}
OUTSIDERS: dict[str, tuple[tuple[Role, ...], tuple[str, ...]]] = {
    "outsider": ((Role.OPERATOR,), ("analysts", "compliance")),
}


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """One tenant with the whole cast, and the outsider of another tenant."""

    slug: str
    system: ActingUser
    analyst: ActingUser
    surveyor: ActingUser
    underwriter: ActingUser
    compliance: ActingUser
    operator: ActingUser
    approver: ActingUser
    auditor: ActingUser
    bystander: ActingUser
    admin: ActingUser
    agent: ActingUser
    outsider: ActingUser

    def of(self, name: str) -> ActingUser:
        """Return one of the cast by role name."""
        found = getattr(self, name)
        assert isinstance(found, ActingUser)
        return found


_UNCHECKED = Standing("", 0, None, None, "", missing=False, counted_at=None)
#: The worlds of the running test, in the order they were made.
made: list[World] = []


def make_world() -> World:
    """Create two tenants and the cast. Usernames carry the tenant's tag: `analyst` is
    `analyst-<tag>`; the password of all is `amends-demo`.

    Nearly every test begins so: the members of a tenant are written together, in the rows and
    entries that `add_member` writes one by one (`tests/integration/test_world.py` compares them).
    """
    tag = secrets.token_hex(4)
    system = create_tenant(f"demo-{tag}", f"Demo {tag}")
    people = _members(system, CAST, tag)
    other = create_tenant(f"other-{tag}", f"Other {tag}")
    outsiders = _members(other, OUTSIDERS, tag)
    for tenant_id in (system.tenant_id, other.tenant_id):
        # What a page costs must not depend on when the foot was asked for last: it is one statement
        # of a process every few seconds, and none of these, unless a test lets it be asked for.
        footer_seal.keep_standing(tenant_id, _UNCHECKED, math.inf)
    made.append(World(slug=f"demo-{tag}", system=system, **people, **outsiders))
    return made[-1]


def _members(
    system: ActingUser, cast: Mapping[str, tuple[tuple[Role, ...], tuple[str, ...]]], tag: str
) -> dict[str, ActingUser]:
    """Make the users and members of one tenant, in one transaction, and return who they are."""
    tenant_id, password = system.tenant_id, make_password(PASSWORD)
    users = [
        User(username=f"{name}-{tag}", email=f"{name}@{tag}.example", password=password)
        for name in cast
    ]
    actors = [
        Actor(
            tenant_id=tenant_id, user_id=user.id, created_at=now(),
            type=(ActorType.AGENT if name == "agent" else ActorType.HUMAN).value,
        )
        for name, user in zip(cast, users, strict=True)
    ]  # fmt: skip
    memberships = [
        Membership(
            tenant_id=tenant_id, user=user, actor=actor, created_at=actor.created_at,
            roles=sorted({each.value for each in (*roles, Role.MEMBER)}),
        )
        for user, actor, (roles, _groups) in zip(users, actors, cast.values(), strict=True)
    ]  # fmt: skip
    joined = [
        GroupMembership(tenant_id=tenant_id, membership=membership, name=name)
        for membership, (_roles, groups) in zip(memberships, cast.values(), strict=True)
        for name in groups
    ]
    entries = [
        Change(
            tenant_id=tenant_id, subject_type="actor", subject_id=actor.id, version=1,
            kind="ADMIN", action="member_added", opens=True, to_status="ACTIVE",
            actor=ActorRef(system.actor_id, system.actor_type, "system"),
            payloads={"roles": membership.roles, "groups": sorted(groups)},
        )
        for actor, membership, (_roles, groups) in zip(
            actors, memberships, cast.values(), strict=True
        )
    ]  # fmt: skip
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        User.objects.bulk_create(users)
        Actor.objects.bulk_create(actors)
        Membership.objects.bulk_create(memberships)
        GroupMembership.objects.bulk_create(joined)
        record_many(entries)
    return {
        name: ActingUser(tenant_id, actor.id, actor.type, user.username, membership.id, user.id)
        for name, user, actor, membership in zip(cast, users, actors, memberships, strict=True)
    }
