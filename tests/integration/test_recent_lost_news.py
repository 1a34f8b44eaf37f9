"""Lost news is found by what was recorded lately: what waits is not looked at, however much it is;
and an event from outside that was taken in is heard, whatever became of its task."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from cases import actions
from cases.actions import missed_news, recent_news
from cases.models import MissedNewsCheck
from cases.startup import ENGINE_CONSUMER, ON_FAULT_CONSUMER, SUB_CASE_CONSUMER
from events.actions import receive_event
from ledger import selectors
from ledger.clock import now
from ledger.models import LedgerEntry, OutboxEvent, OutboxTask
from ledger.tenancy import set_tenant, tenant_scope
from tests.casework import case_row, deploy, finish, open_item, opened
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_events_start_steps import PAID, a_case, kept, tasks
from tests.integration.test_lost_news_of_cases import forget, lose_all, refused
from tests.integration.test_missed_news import (
    as_owner,
    looked_through,
    lose_news,
    made_ready,
    not_heard,
    statuses,
    two_steps,
)
from tests.lanes import statements
from tests.states import actions_of, work
from tests.subcases import child, deploy_levels
from tests.verifying import verify
from tests.world import World
from verbs.call import Call

_TABLES = ("cases_case", "cases_planitem", "ledger_ledgerentry", "ledger_outboxtask")
LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_READ = """
SELECT relname::text, (seq_tup_read + coalesce(idx_tup_fetch, 0))::int
FROM pg_stat_xact_user_tables
WHERE relname IN ('cases_case', 'cases_planitem', 'ledger_ledgerentry')
"""


def recent(world: World, since: dt.datetime = LONG_AGO) -> MissedNewsCheck:
    """Have what was recorded since looked through, and nothing else, and do all that follows."""
    place = {"recent_at": since, "recent_id": None, "whole_due_at": now() + dt.timedelta(days=1)}
    return looked_through(world, made_ready(world, **place))


_FORGET = """
SELECT pg_clear_relation_stats('public', c.relname::text) FROM pg_class c
WHERE c.oid = %(table)s::regclass
   OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = %(table)s::regclass)
"""


@pytest.fixture
def analyze() -> Iterator[Callable[[], object]]:
    """Let the planner know how many rows there are, as autovacuum does, but not in other tests."""
    server, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    with psycopg.connect(server, dbname=name, autocommit=True) as superuser:
        yield lambda: superuser.execute(f"ANALYZE {', '.join(_TABLES)}")
        for table in _TABLES:
            superuser.execute(_FORGET, {"table": table})
            superuser.execute("DELETE FROM pg_statistic WHERE starelid = %s::regclass", [table])


def rows_read(world: World, since: dt.datetime) -> tuple[int, dict[str, int]]:
    """Return how many statements a look takes, and how many rows of each table."""
    row = made_ready(
        world, recent_at=since, recent_id=None, whole_due_at=now() + dt.timedelta(days=1)
    )
    with transaction.atomic(), connection.cursor() as cursor:
        set_tenant(row.tenant_id)
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(_READ)
        before = dict(cursor.fetchall())
        sent = statements(lambda: missed_news._see_to_next(row))  # noqa: SLF001  -- in one transaction
        cursor.execute(_READ)
        after = dict(cursor.fetchall())
    return len(sent), {table: after[table] - before.get(table, 0) for table in after}


def test_one_that_was_opened_begins(world: World) -> None:
    deploy(world, definition("way", human("a"), success=".a != null"))
    case_id = actions.open_case(call=Call(world.operator), definition="tests/way", context={}).id
    lose_all(case_id)
    recent(world)
    assert statuses(world, case_id) == {"a": "ACTIVE"}
    verify()


def test_a_signal_starts_its_step_once(world: World) -> None:
    step = human("a", on={"signal": {"name": "go"}}, when="true")
    deploy(world, definition("way", step, human("b"), success=".over"))
    case_id = opened(world, "tests/way")
    actions.signal_case(case_id, call=Call(world.operator), name="go", data=1)
    lose_all(case_id)
    recent(world)
    assert statuses(world, case_id) == {"a": "ACTIVE", "b": "ACTIVE"}
    finish(world.analyst, case_id, "a", None)
    recent(world)
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "ACTIVE"}


def test_a_task_that_is_done_is_heard_whether_its_news_was_lost_or_passed_over(
    world: World,
) -> None:
    lost, passed = two_steps(world), opened(world, "tests/way")
    work(world.analyst, open_item(world.analyst, lost, "a").id, None)
    lose_news(lost)
    with not_heard(ENGINE_CONSUMER, "amends.work_item.completed.v1"):
        work(world.analyst, open_item(world.analyst, passed, "a").id, None)
        drain()
    assert [statuses(world, each) for each in (lost, passed)] == [{"a": "ACTIVE"}] * 2
    recent(world)
    for each in (lost, passed):
        assert statuses(world, each) == {"a": "COMPLETED", "b": "ACTIVE"}


def test_a_case_below_is_heard_of_by_the_one_above(world: World) -> None:
    deploy_levels(world)
    top = opened(world, "tests/top")
    middle = child(world, top)
    with not_heard(SUB_CASE_CONSUMER, "amends.case.completed.v1"):
        low = child(world, middle.id)
        work(world.analyst, open_item(world.analyst, low.id, "task").id, None)
        drain()
    assert case_row(world, middle.id).status == "RUNNING"
    recent(world)
    assert case_row(world, middle.id).status == "COMPLETED"


def test_one_that_failed_is_undone_where_its_definition_wants_it(world: World) -> None:
    source = definition("way", human("a"), human("b", ".a != null"), success=".b != null")
    source["spec"]["on_fault"] = "compensate"
    deploy(world, source)
    case_id = opened(world, "tests/way")
    finish(world.analyst, case_id, "a", None)
    refused(world, case_id, "b")
    with not_heard(ON_FAULT_CONSUMER, "amends.case.faulted.v1"):
        drain()
    forget(case_id, "amends.case.faulted.v1")
    recent(world)
    assert case_row(world, case_id).status == "COMPENSATING"


def taken_in(world: World, **more: Any) -> uuid.UUID:
    """Take an event in and lose its task, and what told of it; its entry."""
    said = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "/bank", "type": PAID, **more}
    entry_id = receive_event(call=Call(world.operator), **said).entry_id
    assert as_owner("DELETE FROM ledger_outboxtask WHERE event_id = %s", entry_id) >= 1
    assert as_owner("DELETE FROM ledger_outboxevent WHERE id = %s", entry_id) == 1
    drain()
    return entry_id


def test_an_event_from_outside_is_heard_by_the_cases_that_wait_for_it_once(world: World) -> None:
    case_id = a_case(world)
    entry_id = taken_in(world, data={"amount": 5})
    assert (tasks(world, case_id), kept(world, case_id)) == ([], [])
    recent(world)
    (task,) = tasks(world, case_id)
    assert task.payload["event"]["data"] == {"amount": 5}
    with tenant_scope(world.operator.tenant_id):
        event = OutboxEvent.objects.get(id=entry_id)
        assert LedgerEntry.objects.get(id=entry_id).action == "event_received"
    assert (event.type, event.shard) == (
        "amends.tenant.event_received.v1",
        world.operator.tenant_id,
    )
    recent(world)
    assert len(tasks(world, case_id)) == 1
    assert actions_of(world, "case", case_id).count("event_arrived") == 1
    verify()


def test_a_case_that_was_opened_after_the_event_is_not_told(world: World) -> None:
    a_case(world)
    taken_in(world)
    later = opened(world, "tests/way")
    recent(world)
    assert (tasks(world, later), kept(world, later)) == ([], [])


def test_what_is_well_is_told_nothing(world: World) -> None:
    case_id, waiting = two_steps(world), a_case(world, name="other")
    finish(world.analyst, case_id, "a", None)
    said = {"specversion": "1.0", "id": "e-1", "source": "/bank", "type": PAID}
    receive_event(call=Call(world.operator), **said)
    drain()

    def counted() -> tuple[int, int]:
        with tenant_scope(world.operator.tenant_id):
            return OutboxTask.objects.count(), LedgerEntry.objects.count()

    before = counted()
    recent(world)
    assert counted() == before
    assert len(tasks(world, waiting)) == 1


def test_cases_that_wait_are_not_read(world: World, analyze: Callable[[], object]) -> None:
    """However many wait, a look takes as much as what has happened since."""
    two_steps(world)

    def cost() -> tuple[tuple[int, dict[str, int]], tuple[int, dict[str, int]]]:
        """Of a look when nothing has happened, and when one case has had news."""
        case_id = opened(world, "tests/way")
        analyze()
        since = now()
        idle = rows_read(world, since)
        finish(world.analyst, case_id, "a", None)
        return idle, rows_read(world, since)

    for _ in range(9):
        opened(world, "tests/way")
    idle, busy = cost()
    for _ in range(60):
        opened(world, "tests/way")
    assert cost() == (idle, busy)
    assert (idle[0] <= 3, sum(idle[1].values())) == (True, 0)
    assert 0 < sum(busy[1].values()) <= 100


def turn(world: World) -> MissedNewsCheck:
    """Look once, if it is time to, and do nothing of what follows."""
    tenant_id = world.system.tenant_id
    with tenant_scope(tenant_id):
        row = MissedNewsCheck.objects.get()
    assert missed_news.SOURCE.work(tenant_id, row.id) is True
    with tenant_scope(tenant_id):
        return MissedNewsCheck.objects.get()


def test_so_many_are_looked_through_at_once_without_a_pause_and_the_young_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_news, "AT_ONCE", 4)
    case_id = two_steps(world)
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    lose_news(case_id)
    made_ready(world, recent_at=LONG_AGO, recent_id=None, whole_due_at=now() + dt.timedelta(days=1))
    # Each is due as the one before is over.
    row, looks = turn(world), 1
    while row.recent_id is not None:
        row, looks = turn(world), looks + 1
    assert looks > 1
    assert dt.timedelta(minutes=4) < row.due_at - now()
    drain()
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "ACTIVE"}
    assert dt.timedelta(minutes=9) < now() - row.recent_at < dt.timedelta(minutes=11)


def test_once_a_day_all_that_is_open_is_looked_at(world: World) -> None:
    case_id = two_steps(world)
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    lose_news(case_id)
    at = now()
    looked_through(world, made_ready(world, recent_at=at, whole_due_at=at + dt.timedelta(hours=1)))
    assert statuses(world, case_id) == {"a": "ACTIVE"}
    row = looked_through(world, made_ready(world, recent_at=now(), whole_due_at=at))
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "ACTIVE"}
    assert row.whole_due_at >= at + dt.timedelta(days=1)
    assert row.replay_at == at - dt.timedelta(days=1), "and a day's entries are looked at again"
    assert row.recent_at > now() - dt.timedelta(minutes=11), "beside what is recorded lately"


def test_all_that_is_open_is_reached_by_who_is_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is recorded lately."""
    monkeypatch.setattr(recent_news, "AT_ONCE", 1)
    case_id, at = two_steps(world), now()
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    lose_news(case_id)
    made_ready(world, recent_at=LONG_AGO, recent_id=None, whole_due_at=at)
    row = turn(world)
    assert row.recent_id is not None, "it is behind"
    assert row.whole_due_at >= at + dt.timedelta(days=1)
    with tenant_scope(row.tenant_id):
        told = OutboxTask.objects.filter(shard=case_id, consumer=ENGINE_CONSUMER.name)
        assert told.filter(done_at=None).count() == 1


def test_news_of_late_is_found_while_all_that_is_open_is_looked_at(world: World) -> None:
    case_id, at = two_steps(world), now()
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    lose_news(case_id)
    # Its step was looked at before it was done.
    done = {"case_id": uuid.UUID(int=2**128 - 1), "binding": "a"}
    row = looked_through(
        world, made_ready(world, recent_at=at, recent_id=None, whole_due_at=at, **done)
    )
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "ACTIVE"}
    assert (row.case_id, row.definition_id) == (None, None), "and that goes on"


def test_the_day_before_is_looked_through_in_portions_up_to_what_is_recorded_lately(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_news, "AT_ONCE", 4)
    monkeypatch.setattr(missed_news, "_SETTLED", dt.timedelta(0))
    case_id = two_steps(world)
    work(world.analyst, open_item(world.analyst, case_id, "a").id, None)
    lose_news(case_id)
    at = now()
    made_ready(
        world, recent_at=at, recent_id=None, replay_at=LONG_AGO,
        whole_due_at=at + dt.timedelta(days=1),
    )  # fmt: skip
    places = [turn(world).replay_at]
    while places[-1] is not None:
        places.append(turn(world).replay_at)
    assert len(places) > 2
    assert places[:-1] == sorted(each for each in places if each is not None)
    drain()
    assert statuses(world, case_id) == {"a": "COMPLETED", "b": "ACTIVE"}


def test_what_is_looked_for_is_found_by_indexes(
    world: World, analyze: Callable[[], object]
) -> None:
    two_steps(world)
    for _ in range(30):
        opened(world, "tests/way")
    analyze()
    tenant_id, none = world.system.tenant_id, uuid.UUID(int=0)
    asked: dict[str, tuple[str, Any]] = {
        "ledger_entry_time": (selectors._SINCE, [tenant_id, LONG_AGO, none, 5]),  # noqa: SLF001
        "cases_planitem_target": (recent_news._STEPS, {"tenant": tenant_id, "ids": [none]}),  # noqa: SLF001
    }
    for index, (sql, given) in asked.items():
        with tenant_scope(tenant_id), connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {sql}", given)
            assert f"using {index}" in "\n".join(line for (line,) in cursor.fetchall())
