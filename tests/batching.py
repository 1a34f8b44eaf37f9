"""Batches in tests: asked for by the operator, with effects on demo accounts to be counted."""

from __future__ import annotations

import uuid
from typing import Any

from executions import batch_selectors, selectors
from executions.actions import request_batch
from executions.models import Batch, Execution
from ledger import selectors as entries
from ledger.tenancy import tenant_scope
from tests.world import World
from verbs.call import Call


def transfer(amount: int) -> dict[str, Any]:
    """A call that moves an amount from the bank to the customer."""
    given = {"from": "bank", "to": "customer", "amount": amount}
    return {"capability": "demo.transfer", "input": given}


def adjust(account: str, balance: int) -> dict[str, Any]:
    """A call that sets what is in an account."""
    return {"capability": "demo.adjust", "input": {"account": account, "balance": balance}}


FAILS: dict[str, Any] = {"capability": "demo.fail", "input": {}}


def asked(world: World, *calls: dict[str, Any], **more: Any) -> Batch:
    """A batch that the operator asked for."""
    return request_batch(call=Call(world.operator), calls=list(calls), **more)


def batch_now(world: World, batch_id: uuid.UUID) -> Batch:
    """The batch as committed now."""
    with tenant_scope(world.system.tenant_id):
        return batch_selectors.get_batch(world.system.tenant_id, batch_id)


def calls_now(world: World, batch_id: uuid.UUID) -> list[Execution]:
    """Its calls in their order, as committed now."""
    with tenant_scope(world.system.tenant_id):
        return batch_selectors.call_rows(
            batch_selectors.get_batch(world.system.tenant_id, batch_id)
        )


def statuses(world: World, batch_id: uuid.UUID) -> list[str]:
    """The statuses of its calls."""
    return [str(row.status) for row in calls_now(world, batch_id)]


def history(world: World, type_: str, id_: uuid.UUID) -> list[tuple[str, str, str]]:
    """Action, former and new status of each entry of something."""
    with tenant_scope(world.system.tenant_id):
        found = entries.entries_of(world.system.tenant_id, type_, id_)
    return [(each.action, each.from_status, each.to_status) for each in found]


def execution(world: World, id_: uuid.UUID) -> Execution:
    """One execution as committed now."""
    with tenant_scope(world.system.tenant_id):
        return selectors.get(world.system.tenant_id, id_)
