"""The ledger is checked at the moment in which payloads are erased or pruned: what is gone and what
tells of it are read as of one moment."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from audit.actions.erasing_people import confirm
from audit.actions.keeping_payloads import set_policy
from ledger.clock import now
from ledger.erasure import receipt_checks, retention
from ledger.erasure.erasing import erase_due
from ledger.erasure.erasure_tables import Erasure, ErasureReceipt, Retention
from ledger.tenancy import tenant_scope
from ledger.verify import Report, verify_tenant
from tests import states
from tests.draining import drain
from tests.erasing import counted_erasure, one_more
from tests.world import World
from verbs.call import Call


def in_between(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> list[Any]:
    """Let something happen on another connection, and be committed, once what is gone was begun to
    be read and before it is read what tells of it. Returns what came of it."""
    streamed, done = receipt_checks._streamed, list[Any]()  # noqa: SLF001  -- between both

    def elsewhere() -> Any:
        try:
            return act()
        finally:
            connection.close()

    def look(name: str, statement: str) -> Iterator[tuple[Any, ...]]:
        if name == "ledger_receipts":
            with ThreadPoolExecutor(1) as pool:
                done.append(pool.submit(elsewhere).result())
        yield from streamed(name, statement)

    monkeypatch.setattr(receipt_checks, "_streamed", look)
    return done


def test_pruning_while_it_is_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant_id = world.system.tenant_id
    states.completed(world.operator)
    drain()
    row: Any = set_policy(call=Call(world.admin), kind="TRANSITION", keep="P1D")
    monkeypatch.setattr(retention, "now", lambda: now() + dt.timedelta(days=2))
    with tenant_scope(tenant_id):
        retention.RETENTIONS.put_back(tenant_id, row.id, -1.0)
    with monkeypatch.context() as patched:
        done = in_between(patched, lambda: retention.prune_due(tenant_id, row.id))
        assert verify_tenant(tenant_id, Report()).erased == 0
    assert done == [True]
    with tenant_scope(tenant_id):
        assert ErasureReceipt.objects.filter(tenant_id=tenant_id).exists()
        pruned = Retention.objects.get(id=row.id).pruned
    assert pruned > 0
    assert verify_tenant(tenant_id, Report()).erased == pruned


def test_erasing_while_it_is_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant_id, person = world.system.tenant_id, one_more(world)
    states.completed(person)
    drain()
    id_ = counted_erasure(world, person)
    confirm(id_, call=Call(world.admin))
    # What is yet to be heard of would stay.
    release(world, id_, held=True)
    drain()
    release(world, id_, held=False)
    with monkeypatch.context() as patched:
        done = in_between(patched, lambda: erase_due(tenant_id, id_))
        assert verify_tenant(tenant_id, Report()).erased == 0
    assert done == [True]
    with tenant_scope(tenant_id):
        row = Erasure.objects.get(id=id_)
    assert (row.state, row.erased["payloads"] > 0) == ("ERASING", True)
    assert verify_tenant(tenant_id, Report()).erased == row.erased["payloads"]


def release(world: World, id_: uuid.UUID, *, held: bool) -> None:
    """Keep workers from an erasure for an hour, or no longer."""
    until = now() + dt.timedelta(hours=1) if held else None
    with tenant_scope(world.system.tenant_id):
        Erasure.objects.filter(id=id_).update(leased_until=until)
