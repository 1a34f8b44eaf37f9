"""The cast: the people every test, example and page of the documentation talks about.

Tenant `demo` with people named by role, and tenant `other` with one `outsider`. Each test that
commits makes its own world under fresh slugs, so tests never meet in the database.
"""

from __future__ import annotations

import dataclasses
import secrets

from accounts.acting import ActingUser
from accounts.actions import create_tenant, create_user
from accounts.roles import Role
from people.actions import add_member
from verbs.call import Call

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


def make_world() -> World:
    """Create two tenants and the cast through the accounts verbs. Usernames carry the tenant's tag:
    `analyst` is `analyst-<tag>`; the password of all is `amends-demo`."""
    tag = secrets.token_hex(4)
    system = create_tenant(f"demo-{tag}", f"Demo {tag}")
    people = {
        name: add_member(
            call=Call(system),
            username=create_user(
                f"{name}-{tag}", password=PASSWORD, email=f"{name}@{tag}.example"
            ).username,
            roles=list(roles),
            groups=list(groups),
            type="AGENT" if name == "agent" else "HUMAN",
        )
        for name, (roles, groups) in CAST.items()
    }
    other = create_tenant(f"other-{tag}", f"Other {tag}")
    outsider = add_member(
        call=Call(other),
        username=create_user(
            f"outsider-{tag}", password=PASSWORD, email=f"outsider@{tag}.example"
        ).username,
        roles=[Role.OPERATOR],
        groups=["analysts", "compliance"],
    )
    return World(slug=f"demo-{tag}", system=system, outsider=outsider, **people)
