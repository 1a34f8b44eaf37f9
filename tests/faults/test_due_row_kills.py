"""A worker that is killed around a due row: its work is done once, and by nobody before the lease
of the dead one is over."""

from __future__ import annotations

import datetime as dt
import signal
import uuid
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from audit.actions.watching import TROUBLE_FOUND
from audit.models import LedgerWatch
from ledger.clock import now
from ledger.dispatch.consumer_registry import source_named
from ledger.dispatch.runner import work_row
from ledger.models import LedgerVerification
from ledger.tenancy import set_tenant, system_scope, tenant_scope
from tests import states
from tests.draining import drain
from tests.faults.kills import Runner
from tests.faults.test_failpoints import PATHS
from tests.integration.test_deadlines import TELLS, limit, opened
from tests.integration.test_schedules import come, made, scheduled, template
from tests.sealed import sealed, troubled
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions

#: The id of a row that is due, and how often its work has been done.
Prepared = tuple[uuid.UUID, Callable[[], int]]


def _hold(world: World) -> Prepared:
    item = states.in_progress(world.analyst)
    actions.suspend(item.id, call=Call(world.analyst), until=now() + dt.timedelta(hours=1))
    drain()
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workitems_holdend SET due_at = ledger_now() WHERE item_id = %s", [item.id]
        )
    return item.id, lambda: states.actions_of(world, "work_item", item.id).count("resumed")


def _deadline(world: World) -> Prepared:
    item = opened(world, {"claim": limit(TELLS)})
    drain()
    (id_,) = states.come(item, "claim")
    return id_, lambda: states.actions_of(world, "work_item", item.id).count("deadline_missed")


def _schedule(world: World) -> Prepared:
    name = f"Check {uuid.uuid4()}"
    row = scheduled(world, row=template(world, name=name), name=name)
    drain()
    come(row, minutes=1)
    before = len(made(row))
    return row.id, lambda: len(made(row)) - before


def _check(world: World) -> Prepared:
    sealed(world.system.tenant_id)
    with transaction.atomic():
        set_tenant(world.system.tenant_id)
        row = LedgerVerification.objects.create(
            tenant_id=world.system.tenant_id, requested_by_id=world.auditor.actor_id,
            requested_at=now(), total=1,
        )  # fmt: skip

    def ended() -> int:
        with tenant_scope(row.tenant_id):
            return LedgerVerification.objects.filter(id=row.id, outcome="valid").count()

    return row.id, ended


def _watch(world: World) -> Prepared:
    tenant = world.system.tenant_id
    troubled(tenant, "")
    sealed(tenant)
    troubled(tenant, "ROLLBACK: outside there is more")
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE audit_ledgerwatch SET due_at = ledger_now(), noted = '' WHERE tenant_id = %s",
            [tenant],
        )
    with tenant_scope(tenant):
        row = LedgerWatch.objects.get()
    before = states.actions_of(world, "tenant", tenant).count(TROUBLE_FOUND)
    return row.id, lambda: states.actions_of(world, "tenant", tenant).count(TROUBLE_FOUND) - before


PREPARED: dict[str, Callable[[World], Prepared]] = {
    "work_item_holds": _hold,
    "work_item_deadlines": _deadline,
    "work_item_schedules": _schedule,
    "ledger_verifications": _check,
    "ledger_watch": _watch,
}


def lease_runs_out(name: str, id_: uuid.UUID) -> int:
    """Let the lease of a row be over; how many that were."""
    source = source_named(name)
    assert source is not None
    table = source.table
    statement = (
        f"UPDATE {table.table} SET leased_until = ledger_now() - interval '1 second'"  # noqa: S608  -- own words
        f" WHERE {table.key} = %s AND leased_until >= ledger_now()"
    )
    with system_scope(table.scope), connection.cursor() as cursor:
        cursor.execute(statement, [id_])
        return int(cursor.rowcount)


@pytest.mark.parametrize("source", PREPARED)
def test_a_row_whose_worker_is_killed_anywhere_is_done_once(
    world: World, runner: Runner, source: str
) -> None:
    by, job = world.operator, f"due {source}"
    for point in PATHS["due"]:
        id_, count = PREPARED[source](world)
        assert count() == 0, point
        assert runner.do(job, id_, by, point=point) == -signal.SIGKILL, point
        done = 1 if point == "row.done" else 0
        assert count() == done, point
        # Nobody takes it before the lease of the dead one is over.
        assert work_row(source, by.tenant_id, id_) is False, point
        assert count() == done, point
        assert lease_runs_out(source, id_) == 1 - done, point
        for _ in range(2):
            assert runner.do(job, id_, by) == 0, point
            assert count() == 1, point
    # What the watch was to find.
    troubled(by.tenant_id, "")
    verify()
