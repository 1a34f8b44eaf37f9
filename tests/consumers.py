"""Consumers that exist for one test, and news for them to consume."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.db.models import F

from config.demo.models import DemoAccount
from executions.actions.execution_opening import NewExecution, open_execution
from ledger.dispatch import consumer_registry, lanes
from ledger.dispatch.consumer_registry import Consumer, Done, Event
from ledger.dispatch.lanes import Batch
from ledger.dispatch.lease_table import QUEUES
from ledger.record import ActorRef
from ledger.tenancy import set_tenant, tenant_scope
from tests.world import World

REQUESTED = "amends.execution.requested.v1"
Handle = Callable[[Event, Done], None]


@contextmanager
def consuming(
    name: str, handle: Handle, *, holds: bool = False, attempts: int = 8
) -> Iterator[None]:
    """Register a consumer of `execution requested` for as long as the body runs."""
    consumer = Consumer(
        name, lambda type_: type_ == REQUESTED, lambda events, done: handle(events[0], done),
        holds=holds, max_attempts=attempts, at_once=1,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(consumer_registry._consumers, name, consumer)  # noqa: SLF001  -- there is no way back
        consumer_registry.consumers_of.cache_clear()
        yield
    consumer_registry.consumers_of.cache_clear()


def taken(limit: int = 50) -> list[Batch]:
    """Lease what is due, as workers do, and return it."""
    found = [lanes.take(lane) for _queue, lane in lanes.due(QUEUES, limit=limit)]
    return [batch for batch in found if batch is not None]


def news(world: World, shard: uuid.UUID) -> uuid.UUID:
    """Commit one `execution requested` in the lane of `shard` and return the execution's id."""
    system = world.system
    with tenant_scope(system.tenant_id):
        return open_execution(
            NewExecution(
                tenant_id=system.tenant_id,
                capability="nobody.here",
                input={},
                requested_by=system.actor_id,
                case_id=shard,
            ),
            by=ActorRef(system.actor_id, system.actor_type, "system"),
        ).id


def count_up(event: Event, done: Done) -> None:
    """Add one to the account `count` and mark the task done, in one transaction."""
    with transaction.atomic(durable=True):
        set_tenant(event.tenant_id)
        DemoAccount.objects.filter(name="count").update(balance=F("balance") + 1)
        done()
