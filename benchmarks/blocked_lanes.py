"""Two databases that differ in one thing: how many tasks wait behind a dead one in their lanes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from django.db import connection

from accounts.actions import create_tenant
from benchmarks.preparing import enter
from ledger.dispatch.consumer_registry import Consumer, Done, Event, consumers_of, register_consumer
from ledger.dispatch.runner import run_until_idle
from ledger.ids import new_id
from ledger.record import ActorRef, Change, record_many
from ledger.tenancy import tenant_scope

#: News that no consumer of the product wants, so that only those of this module hear it.
_KILLS, _DOES = "edited", "stopped"
LANES = 40


def _die(_events: Sequence[Event], _done: Done) -> None:
    raise RuntimeError("this one dies: what waits behind it is blocked")


def _do(events: Sequence[Event], done: Done) -> None:
    with tenant_scope(events[0].tenant_id):
        done()


def register() -> None:
    """Add the two consumers: one whose first task dies and holds its lane, one that works."""
    for name, action, handle in (("stuck", _KILLS, _die), ("works", _DOES, _do)):
        wanted = f"amends.work_item.{action}.v1"
        if consumers_of(wanted):
            raise RuntimeError(f"{wanted} is wanted by others too")
        register_consumer(
            Consumer(
                name=f"benchmarks.{name}",
                wants=wanted.__eq__,
                handle=handle,
                holds=handle is _die,
                max_attempts=1,
            )
        )


class Side:
    """One of the databases, with a tenant of its own."""

    def __init__(self, database: str, blocked: int) -> None:
        self._database = database
        enter(self._database)
        system = create_tenant(f"bench-{uuid.uuid4().hex[:8]}", "Benchmark")
        self._tenant_id = system.tenant_id
        self._by = ActorRef(system.actor_id, "SYSTEM", "system")
        lanes = [new_id() for _ in range(LANES)] if blocked else []
        # Half of what is blocked was there when the first died, half came later.
        for lane in lanes[::2]:
            self._announce(_KILLS, lane, 1 + blocked // LANES)
        for lane in lanes[1::2]:
            self._announce(_KILLS, lane, 1)
        run_until_idle()
        for lane in lanes[1::2]:
            self._announce(_KILLS, lane, blocked // LANES)
        run_until_idle()
        if self._waiting() != blocked:
            raise RuntimeError(f"{self._waiting()} tasks are blocked, not {blocked}")

    def work(self, number: int) -> float:
        """Do one due task after another, each of a new lane. Returns the mean seconds."""
        enter(self._database)
        seconds = 0.0
        for _ in range(number):
            self._announce(_DOES, new_id(), 1)
            started = time.perf_counter()
            ran = run_until_idle()
            seconds += time.perf_counter() - started
            if ran != 1:
                raise RuntimeError(f"{ran} tasks were due, not one")
        return seconds / number

    def _announce(self, action: str, lane: uuid.UUID, number: int) -> None:
        changes = [
            Change(
                self._tenant_id, "work_item", new_id(), 1, action, self._by, "PENDING",
                opens=True, case_id=lane,
            )
            for _ in range(number)
        ]  # fmt: skip
        with tenant_scope(self._tenant_id):
            record_many(changes)

    def _waiting(self) -> int:
        with tenant_scope(self._tenant_id), connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM ledger_outboxtask"
                " WHERE tenant_id = %s AND done_at IS NULL AND dead_at IS NULL",
                [self._tenant_id],
            )
            return int(cursor.fetchone()[0])
