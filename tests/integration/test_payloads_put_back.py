"""Payloads that were erased and are there again, out of an old copy: they go again, and every
receipt tells of what went under it."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from audit.actions.keeping_payloads import set_policy
from ledger.clock import now
from ledger.erasure import retention
from ledger.erasure.erasure_tables import ErasedPayload, ErasureReceipt, Retention
from ledger.erasure.retention import RETENTIONS, prune_due
from ledger.models import Payload
from ledger.tenancy import tenant_scope
from ledger.verify import Report, verify_tenant
from tests import states
from tests.draining import drain
from tests.erasing import erase, one_more
from tests.integration.test_verify_ledger import force
from tests.world import World
from verbs.call import Call


@pytest.fixture
def erased(world: World) -> tuple[uuid.UUID, list[dict[str, Any]]]:
    """The receipt of somebody who did a task, and what of that was kept before."""
    person = one_more(world)
    item = states.completed(person)
    drain()
    entry = states.history(world, "work_item", item.id)[-1].id
    rows = force(
        "SELECT row_to_json(p) FROM ledger_payload p WHERE entry_id = %s ORDER BY name", [entry]
    )
    receipt = erase(world, person)
    kept = [dict(row) for (row,) in rows]
    assert [each["name"] for each in kept] == ["outcome", "resolution"]
    return receipt, kept


def put_back(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        force(
            "INSERT INTO ledger_payload SELECT * FROM"
            " jsonb_populate_record(NULL::ledger_payload, %s)", [Jsonb(row)],
        )  # fmt: skip


def under(world: World, receipt: uuid.UUID) -> int:
    """Return how many payloads are marked as gone under a receipt."""
    with tenant_scope(world.system.tenant_id):
        return ErasedPayload.objects.filter(receipt_id=receipt).count()


def still_there(world: World, rows: list[dict[str, Any]]) -> bool:
    with tenant_scope(world.system.tenant_id):
        return Payload.objects.filter(entry_id=rows[0]["entry_id"]).exists()


def test_pruning_removes_it_again(
    world: World,
    erased: tuple[uuid.UUID, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receipt, rows = erased
    before = under(world, receipt)
    states.completed(world.operator)
    drain()
    put_back(rows)
    tenant_id = world.system.tenant_id
    row: Any = set_policy(call=Call(world.admin), kind="TRANSITION", keep="P1D")
    monkeypatch.setattr(retention, "now", lambda: now() + dt.timedelta(days=2))
    with tenant_scope(tenant_id):
        RETENTIONS.put_back(tenant_id, row.id, -1.0)
    assert prune_due(tenant_id, row.id) is True
    assert not still_there(world, rows)
    assert under(world, receipt) == before
    with tenant_scope(tenant_id):
        pruned = Retention.objects.get(id=row.id).pruned
        receipts = ErasureReceipt.objects.filter(tenant_id=tenant_id, actor_id=None)
        told = sum(each.counts["payloads"] for each in receipts)
        marked = ErasedPayload.objects.filter(tenant_id=tenant_id).count()
    assert (pruned > 0, told, marked) == (True, pruned, before + pruned)
    assert verify_tenant(tenant_id, Report()).erased == marked


def test_erasing_somebody_else_whom_it_names_removes_it_again(
    world: World, erased: tuple[uuid.UUID, list[dict[str, Any]]]
) -> None:
    receipt, rows = erased
    before, other = under(world, receipt), one_more(world)
    body = json.dumps(f"As {other.username} said").encode()
    put_back([{**rows[0], "body": "\\x" + body.hex()}])
    second = erase(world, other)
    assert not still_there(world, rows)
    with tenant_scope(world.system.tenant_id):
        counted = ErasureReceipt.objects.get(id=second).counts["payloads"]
    assert (under(world, receipt), under(world, second)) == (before, counted)
    assert verify_tenant(world.system.tenant_id, Report()).erased == before + counted
