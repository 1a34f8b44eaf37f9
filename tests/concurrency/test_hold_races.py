"""A legal hold and a portion of an erasure, or of pruning, at the same moment: one of them waits
for the other."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts import actions as accounts
from audit.actions.erasing_people import confirm, locked_erasure
from audit.actions.keeping_payloads import set_policy
from audit.actions.legal_holds import lift, place
from ledger import failpoints
from ledger.clock import now
from ledger.erasure import retention
from ledger.erasure.erasing import erase_due
from ledger.erasure.erasure_tables import Erasure
from ledger.erasure.held_rows import begin_portion, stop_portions
from ledger.tenancy import set_tenant, tenant_scope
from tests import states
from tests.draining import drain
from tests.erasing import counted_erasure, one_more
from tests.world import World
from verbs.call import Call


def elsewhere(tenant_id: uuid.UUID, act: Callable[[], Any]) -> str:
    """Do something in a transaction on another connection, which waits for a lock for a moment
    only; what the database said to it, "" for nothing."""

    def one() -> str:
        try:
            with transaction.atomic():
                set_tenant(tenant_id)
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '100ms'")
                act()
        except OperationalError as error:
            return str(error).partition("\n")[0]
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(one).result()


TOO_LONG = "canceling statement due to lock timeout"


def test_no_portion_begins_before_a_hold_is_committed(world: World) -> None:
    item, tenant_id = states.completed(world.operator), world.system.tenant_id
    seen: list[str] = []

    def look(_result: Any) -> None:
        seen.append(elsewhere(tenant_id, lambda: begin_portion(tenant_id)))

    subject = {"type": "work_item", "id": str(item.id)}
    hold: Any = place(call=Call(world.admin, last_act=look), subject=subject, reason="A claim")
    lift(hold.id, call=Call(world.admin, last_act=look), reason="Settled")
    assert seen == [TOO_LONG, TOO_LONG]
    assert elsewhere(tenant_id, lambda: begin_portion(tenant_id)) == ""


def test_no_hold_is_placed_while_a_portion_is_under_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id, person = world.system.tenant_id, one_more(world)
    drain()
    erasure = counted_erasure(world, person)
    confirm(erasure, call=Call(world.admin))
    reach = failpoints.reach
    seen: list[str] = []

    def look(name: str) -> None:
        if name == "erase.portion" and not seen:
            seen.append(elsewhere(tenant_id, lambda: stop_portions(tenant_id)))
            seen.append(elsewhere(tenant_id, lambda: begin_portion(tenant_id)))
        reach(name)

    monkeypatch.setattr(failpoints, "reach", look)
    assert erase_due(tenant_id, erasure)
    assert seen == [TOO_LONG, ""]


def test_no_hold_is_placed_while_pruning_stands_between_its_look_and_its_removal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is removed was looked at under the same lock: a hold comes before both or after both."""
    tenant_id, removed = world.system.tenant_id, retention._removed  # noqa: SLF001  -- between both
    states.completed(world.operator)
    drain()
    row: Any = set_policy(call=Call(world.admin), kind="TRANSITION", keep="P1D")
    seen: list[str] = []

    def look(*given: Any) -> list[tuple[str, str]]:
        seen.append(elsewhere(tenant_id, lambda: stop_portions(tenant_id)))
        seen.append(elsewhere(tenant_id, lambda: begin_portion(tenant_id)))
        return removed(*given)

    monkeypatch.setattr(retention, "_removed", look)
    monkeypatch.setattr(retention, "now", lambda: now() + dt.timedelta(days=2))
    with tenant_scope(tenant_id):
        retention.RETENTIONS.put_back(tenant_id, row.id, -1.0)
    assert retention.prune_due(tenant_id, row.id)
    assert seen == [TOO_LONG, ""]
    assert elsewhere(tenant_id, lambda: stop_portions(tenant_id)) == ""


def test_a_verb_waits_for_a_portion_before_it_locks_the_person(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id, person = world.system.tenant_id, one_more(world)
    erasure = counted_erasure(world, person)
    locked: list[uuid.UUID | None] = []
    lock = accounts.lock_member

    def noted(of: uuid.UUID, id_: uuid.UUID | None) -> Any:
        locked.append(id_)
        return lock(of, id_)

    monkeypatch.setattr(accounts, "lock_member", noted)
    with tenant_scope(tenant_id):
        Erasure.objects.select_for_update().get(id=erasure)
        assert elsewhere(tenant_id, lambda: locked_erasure(tenant_id, erasure)) == TOO_LONG
        assert locked == []
    assert elsewhere(tenant_id, lambda: locked_erasure(tenant_id, erasure)) == ""
    assert locked == [person.actor_id]
