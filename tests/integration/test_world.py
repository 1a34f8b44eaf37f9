"""The cast is written all at once: it has the rows and entries that the verbs write one by one."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db.models import Model

from accounts.acting import ActingUser
from accounts.actions import create_tenant, create_user
from accounts.models import Actor, GroupMembership, Membership, Tenant, User
from ledger.ids import new_id
from ledger.models import LedgerEntry, LedgerHead, OutboxEvent, OutboxTask, Payload
from ledger.tenancy import tenant_scope
from people.actions import add_member
from tests.verifying import verify
from tests.world import CAST, OUTSIDERS, PASSWORD, World
from verbs.call import Call

_OF_A_TENANT: tuple[type[Model], ...] = (
    Actor, Membership, GroupMembership, LedgerEntry, LedgerHead, Payload, OutboxEvent, OutboxTask,
)  # fmt: skip
#: Ids, moments, hashes and salts: another each time.
_OTHERWISE = (uuid.UUID, dt.datetime, bytes, memoryview)


def _by_the_verbs(kind: str, cast: dict[str, Any]) -> tuple[str, ActingUser]:
    tag = new_id().hex[-8:]
    system = create_tenant(f"{kind}-{tag}", f"{kind.title()} {tag}")
    for name, (roles, groups) in cast.items():
        user = create_user(f"{name}-{tag}", password=PASSWORD, email=f"{name}@{tag}.example")
        add_member(
            call=Call(system), username=user.username, roles=list(roles), groups=list(groups),
            type="AGENT" if name == "agent" else "HUMAN",
        )  # fmt: skip
    return tag, system


def _rows(system: ActingUser, tag: str) -> dict[str, list[dict[str, Any]]]:
    """Return what every row of a tenant says, with no more of ids than whether there is one."""
    tenant_id = system.tenant_id
    with tenant_scope(tenant_id):
        found = {kind.__name__: _values(kind, tenant_id=tenant_id) for kind in _OF_A_TENANT}
        found["Tenant"] = _values(Tenant, id=tenant_id)
        found["User"] = _values(User, memberships__tenant_id=tenant_id)
    assert all(each["password"].startswith("md5$") for each in found["User"])
    for each in found["User"]:
        each["password"] = ""
    return {
        name: sorted(({key: _said(value, tag) for key, value in row.items()} for row in rows),
                     key=repr)
        for name, rows in found.items()
    }  # fmt: skip


def _values(kind: type[Model], **which: Any) -> list[dict[str, Any]]:
    return list(kind._default_manager.filter(**which).values())  # noqa: SLF001  -- Django's documented name


def _said(value: Any, tag: str) -> Any:
    if isinstance(value, _OTHERWISE):
        return type(value)
    return value.replace(tag, "…") if isinstance(value, str) else value


def test_it_is_written_as_the_verbs_write_it(world: World) -> None:
    tag = world.slug.removeprefix("demo-")
    for mine, kind, cast in (
        (world.system, "demo", CAST),
        (world.outsider, "other", OUTSIDERS),
    ):
        theirs, system = _by_the_verbs(kind, cast)
        assert _rows(mine, tag) == _rows(system, theirs)
    verify()


def test_everybody_is_who_they_say_they_are(world: World) -> None:
    tag = world.slug.removeprefix("demo-")
    for name in (*CAST, *OUTSIDERS):
        who = world.of(name)
        assert who.membership_id is not None
        with tenant_scope(who.tenant_id):
            member = Membership.objects.select_related("user", "actor").get(id=who.membership_id)
        assert (member.user.username, who.username) == (f"{name}-{tag}", f"{name}-{tag}")
        assert (member.user_id, member.actor_id) == (who.user_id, who.actor_id)
        assert (member.actor.user_id, member.actor.type) == (who.user_id, who.actor_type)
        assert member.user.check_password(PASSWORD)
