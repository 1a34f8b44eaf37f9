"""People who can be erased, and what was asked about them, for tests."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from accounts.acting import ActingUser
from accounts.actions import add_member, create_user
from audit.actions.erasing_people import confirm, request, withdraw
from audit.actions.keeping_payloads import end_policy, set_policy
from audit.actions.legal_holds import place
from ledger.erasure.erasing import erase_due
from ledger.erasure.erasure_tables import ErasedPayload, ErasureReceipt
from ledger.record import ActorRef
from ledger.tenancy import set_tenant, system_scope, tenant_scope
from tests import states
from tests.draining import drain
from tests.world import World
from verbs.call import Call


def one_more(
    world: World,
    username: str = "",
    *,
    role: str = "operator",
    groups: Sequence[str] = ("analysts",),
    **named: str,
) -> ActingUser:
    """Add a member who is an operator, or has another role, and is in the group of the analysts, or
    in others. `named`: columns of the user."""
    with transaction.atomic(durable=True):
        set_tenant(world.system.tenant_id)
        user = create_user(username or f"leaver-{secrets.token_hex(6)}", password=None)
        for name, value in named.items():
            setattr(user, name, value)
        user.save()
        return add_member(
            world.system.tenant_id, user.username, roles=[role], groups=list(groups),
            actor_type="HUMAN", by=ActorRef(world.system.actor_id, "SYSTEM", "system"),
        )  # fmt: skip


def counted_erasure(world: World, person: ActingUser | None = None) -> uuid.UUID:
    """Ask for somebody to be erased, and let it be counted what there is."""
    whom = person or one_more(world)
    row: Any = request(call=Call(world.admin), person=whom.username, reason="They asked for it")
    while erase_due(row.tenant_id, row.id):
        pass
    return uuid.UUID(str(row.id))


def erase(world: World, person: ActingUser) -> uuid.UUID:
    """Let somebody be erased altogether, and return the erasure, which is the receipt too."""
    id_ = counted_erasure(world, person)
    confirm(id_, call=Call(world.admin))
    drain(fast_forward=True)
    with tenant_scope(world.system.tenant_id):
        assert ErasureReceipt.objects.get(id=id_).counts["payloads"] > 0
    return id_


def gone_of(world: World, entry_id: uuid.UUID) -> list[str]:
    """Return which payloads of an entry are marked as gone."""
    with tenant_scope(world.system.tenant_id):
        rows = ErasedPayload.objects.filter(entry_id=entry_id).order_by("name")
        return list(rows.values_list("name", flat=True))


def withdrawn_erasure(world: World) -> uuid.UUID:
    """Ask for somebody to be erased, and let it be."""
    row: Any = request(
        call=Call(world.admin), person=one_more(world).username, reason="They asked for it"
    )
    withdraw(row.id, call=Call(world.admin))
    return uuid.UUID(str(row.id))


def placed_hold(world: World, subject: tuple[str, uuid.UUID] | None = None) -> uuid.UUID:
    """Hold a finished task, or what is said."""
    kind, id_ = subject or ("work_item", states.completed(world.operator).id)
    row: Any = place(
        call=Call(world.admin), subject={"type": kind, "id": str(id_)}, reason="A claim is pending"
    )
    return uuid.UUID(str(row.id))


def erase_until_rest(erasure_id: uuid.UUID) -> None:
    """Let everybody hear of what was confirmed, and then workers erase until they wait for memories
    to fade: what is yet to be heard of would stay."""
    _lease_until("now() + interval '1 hour'", erasure_id)
    drain()
    _lease_until("NULL", erasure_id)
    drain()


def _lease_until(moment: str, erasure_id: uuid.UUID) -> None:
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE ledger_erasure SET leased_until = {moment} WHERE id = %s",  # noqa: S608  -- own words
            [erasure_id],
        )


def kept_for_long(world: World, number: int = 1) -> uuid.UUID:
    """Say for how long messages are kept, so many times, and return the last policy: it is in
    force, and prunes nothing that a test has made."""
    for _n in range(number - 1):
        ended: Any = set_policy(call=Call(world.admin), kind="MESSAGE", keep="P900D")
        end_policy(ended.id, call=Call(world.admin))
    row: Any = set_policy(call=Call(world.admin), kind="MESSAGE", keep="P900D")
    return uuid.UUID(str(row.id))
