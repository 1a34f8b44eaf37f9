"""That a due row is in trouble is marked by whoever is answerable for it, is taken back with what
ends well, and is found without the other rows being read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.actions import due_work, watching
from audit.actions.due_work import RESUMED, STOPPED, UNFINISHED
from audit.models import LedgerWatch
from ledger.clock import now
from ledger.dispatch.consumer_registry import Trouble, source_named, sources
from ledger.dispatch.lease_table import Due, LeaseTable, trouble_of
from ledger.dispatch.runner import work_row
from ledger.ids import new_token
from ledger.tenancy import set_tenant, system_scope, tenant_scope
from tests.concurrency.test_influence_races import beside
from tests.draining import drain
from tests.integration import test_due_work_trouble as holds
from tests.integration import test_schedules as schedules
from tests.integration.test_ledger_watch import look
from tests.world import World
from workitems.actions import work_on_hold
from workitems.schedules import schedule_due
from workitems.schedules.schedule_due import SCHEDULES
from workitems.schedules.schedule_tables import Schedule

LONG = "troubled_since = ledger_now() - interval '2 minutes'"
NAME = "work_item_schedules"


def come(world: World) -> Schedule:
    """Return a schedule whose moment has come."""
    row = schedules.scheduled(world)
    drain()
    schedules.come(row, minutes=1)
    return row


def taken(row: Any, table: LeaseTable = SCHEDULES) -> Due:
    """Lease a row as a worker does that gets no further."""
    due = Due(row.tenant_id, row.id, new_token())
    with transaction.atomic():
        set_tenant(row.tenant_id)
        assert table.take(due, 10.0)
    return due


def runs_out(row: Schedule) -> None:
    change(row, "leased_until = ledger_now() - interval '1 second'")


def change(row: Schedule, what: str) -> None:
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE workitems_schedule SET {what} WHERE id = %s", [row.id])  # noqa: S608  -- own words
        assert cursor.rowcount == 1


def settled(row: Schedule) -> tuple[Any, ...]:
    stored = schedules.stored(row)
    return stored.leased_until, stored.lease_token, stored.troubled_since


def test_what_another_worker_ends_well_is_not_marked_by_who_lost_its_lease(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = come(world)

    def ended_by_another(*_given: Any, **_more: Any) -> None:
        monkeypatch.undo()
        runs_out(row)
        beside(lambda: work_row(NAME, row.tenant_id, row.id))
        raise Trouble("jq cannot be started")

    monkeypatch.setattr(schedule_due, "answered_outside", ended_by_another)
    assert work_row(NAME, row.tenant_id, row.id)
    assert len(schedules.made(row)) == 1
    assert settled(row) == (None, None, None)


def test_what_another_worker_is_at_is_not_marked_and_what_nobody_is_at_is(world: World) -> None:
    row = come(world)
    lost = taken(row)
    runs_out(row)
    theirs = taken(row)
    change(row, "troubled_since = NULL")
    for gives_back in (True, False):
        since = SCHEDULES.troubled(row.tenant_id, row.id, lost.token, gives_back=gives_back)
        assert since is None
        assert schedules.stored(row).troubled_since is None
        assert schedules.stored(row).lease_token == theirs.token
    runs_out(row)
    assert SCHEDULES.troubled(row.tenant_id, row.id, lost.token, gives_back=True) is None
    after = schedules.stored(row)
    assert after.troubled_since is not None
    assert after.lease_token == theirs.token
    # Whoever was slower than its lease ends it well all the same.
    with transaction.atomic():
        set_tenant(row.tenant_id)
        SCHEDULES.put_back(row.tenant_id, row.id, 3600.0)
    assert settled(row) == (None, None, None)


def test_a_settlement_whose_answer_is_lost_leaves_no_mark(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, act = come(world), schedule_due._made  # noqa: SLF001  -- what is committed

    def lost(due: Due) -> bool:
        assert act(due)
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(schedule_due, "_made", lost)
    assert work_row(NAME, row.tenant_id, row.id)
    assert len(schedules.made(row)) == 1
    assert settled(row) == (None, None, None)


def test_a_failure_that_its_own_work_puts_off_is_marked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_given: Any) -> None:
        raise KeyError("nobody thought of it")

    monkeypatch.setattr(watching, "note_gaps", fails)
    tenant = world.system.tenant_id
    table = watching.WATCHES
    with tenant_scope(tenant):
        row = LedgerWatch.objects.get()
    for _ in range(2):
        with system_scope("sweep"), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE audit_ledgerwatch SET due_at = ledger_now() WHERE id = %s", [row.id]
            )
        assert work_row("ledger_watch", tenant, row.id)
        with tenant_scope(tenant):
            found = LedgerWatch.objects.get()
        assert found.due_at > now() + dt.timedelta(minutes=59)
        assert found.leased_until is None
        since = found.troubled_since
        assert since is not None
        with system_scope("sweep"), connection.cursor() as cursor:
            cursor.execute(f"UPDATE audit_ledgerwatch SET {LONG} WHERE id = %s", [row.id])  # noqa: S608  -- own words
    ((action, said),) = holds.noted(world)
    assert (action, said["detail"]) == (STOPPED, "ledger_watch")
    assert said["cause"] == "KeyError: 'nobody thought of it'"
    with tenant_scope(tenant):
        assert table.in_trouble(tenant)


def test_a_row_whose_worker_is_killed_each_time_is_told_of_by_the_next_look(world: World) -> None:
    row = come(world)
    taken(row)
    assert schedules.stored(row).troubled_since is None
    runs_out(row)
    taken(row)
    since = schedules.stored(row).troubled_since
    assert since is not None
    runs_out(row)
    taken(row)
    assert schedules.stored(row).troubled_since == since
    look(world)
    # It has not lasted for a minute.
    assert holds.noted(world) == []
    change(row, LONG)
    look(world)
    look(world)
    kept = {"detail": NAME, "since": holds.stopped(world)[NAME], "cause": UNFINISHED}
    assert holds.noted(world) == [(STOPPED, kept)]
    assert holds.told(world) == ["admin", "operator"]
    runs_out(row)
    assert work_row(NAME, row.tenant_id, row.id)
    assert len(schedules.made(row)) == 1
    assert holds.noted(world) == [(STOPPED, kept), (RESUMED, {"detail": NAME})]
    assert settled(row) == (None, None, None)


def test_the_look_says_nothing_of_its_own_row_which_it_is_at(world: World) -> None:
    tenant = world.system.tenant_id
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE audit_ledgerwatch SET {LONG} WHERE tenant_id = %s", [tenant])  # noqa: S608  -- own words
    look(world)
    assert holds.noted(world) == []


def test_what_is_over_before_it_is_told_is_not_told(world: World) -> None:
    source = source_named(holds.HOLDS)
    assert source is not None
    tenant = world.system.tenant_id
    item = holds.on_hold(world)
    holds.change(world, LONG)
    since = holds.held(world, item).troubled_since
    assert since is not None
    assert holds.tried(world, item)
    due_work.note_stopped(source, tenant, since, "jq cannot be started")
    assert (holds.noted(world), holds.stopped(world)) == ([], {})


def test_what_is_noted_already_locks_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def raised(*_given: Any, **_more: Any) -> None:
        raise Trouble("jq cannot be started")

    monkeypatch.setattr(work_on_hold, "move", raised)
    item = holds.on_hold(world)
    source = source_named(holds.HOLDS)
    assert source is not None
    tenant = world.system.tenant_id

    def locks() -> int:
        holds.change(world, f"{LONG}, {holds.RESTED}")
        with CaptureQueriesContext(connection) as sent:
            assert holds.tried(world, item)
        watch = [each["sql"] for each in sent if "audit_ledgerwatch" in each["sql"]]
        return len([each for each in watch if "FOR UPDATE" in each])

    assert [locks(), locks(), locks()] == [1, 0, 0]
    with CaptureQueriesContext(connection) as sent:
        due_work.note_over(source, tenant)
        other = source_named(NAME)
        assert other is not None
        due_work.note_over(other, tenant)
    # One is in trouble yet, of the other nothing was told.
    assert not [each for each in sent if "FOR UPDATE" in each["sql"]]
    assert [action for action, _said in holds.noted(world)] == [STOPPED]


def test_rows_in_trouble_are_found_by_an_index_that_has_no_others(world: World) -> None:
    tenant = world.system.tenant_id
    tables = {each.name: each.table for each in sources()}
    with CaptureQueriesContext(connection) as sent, tenant_scope(tenant):
        assert trouble_of(tables, tenant) == {}
    (asked,) = [each["sql"] for each in sent if "troubled_since" in each["sql"]]
    with tenant_scope(tenant), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN {asked}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    used = [line for line in plan.splitlines() if "_troubled on " in line]
    assert len(used) == len([each for each in tables.values() if each.keeps_trouble]), plan
    assert "Seq Scan" not in plan


def test_a_row_that_is_in_no_trouble_has_no_entry_there(world: World) -> None:
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_indexes WHERE indexdef LIKE"
            " '%%_troubled ON %%(tenant_id, troubled_since) WHERE (troubled_since IS NOT NULL)'"
        )
        found = {row[0] for row in cursor.fetchall()}
    assert found == {each.table.table for each in sources() if each.table.keeps_trouble}
