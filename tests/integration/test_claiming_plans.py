"""How the server finds and leases lanes: by looking up, whatever it knows of the tables by then.

What is guessed wrong here is not slow in a small test, but with thousands of tasks due at once.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from ledger.dispatch import lanes
from ledger.dispatch.consumer_registry import consumer_names
from ledger.dispatch.lanes import Lane
from ledger.dispatch.lease_table import QUEUES, parameters
from ledger.tenancy import system_scope
from notifications.events import CONSUMER
from tests import states
from tests.world import World

_FORGET = """
SELECT pg_clear_relation_stats('public', 'ledger_outboxtask'),
    (SELECT count(pg_clear_attribute_stats('public', 'ledger_outboxtask', attname, false)::text)
     FROM pg_stats WHERE schemaname = 'public' AND tablename = 'ledger_outboxtask')
"""
LOOKED_UP = ("Hash Join", "Merge Join", "Anti Join")


def plan_of(statement: str, values: Any) -> str:
    """Return how the server would run a statement, in the scope of the caller."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", values)
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.fixture
def _much_is_due(world: World) -> None:
    """Give the server tasks that it knows nothing of, whatever another test let it find out: with
    statistics of six rows it reads all six, and it plans this statement anew each time."""
    server, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    with psycopg.connect(server, dbname=name, autocommit=True) as superuser:
        superuser.execute(_FORGET)
    for _ in range(5):
        states.new_item(world.operator, assignee=world.analyst.username)


@pytest.mark.usefixtures("_much_is_due")
def test_the_head_of_each_lane_is_looked_up_in_the_index_of_lanes() -> None:
    said = {"known": consumer_names(), "strange": lanes.STRANGE_SECONDS}
    with system_scope("dispatch"):
        plan = plan_of(
            lanes._SEARCH,  # noqa: SLF001  -- the statement itself is what is looked at
            {**parameters(QUEUES, limit=50, untaken=0), **said},
        )
    assert "Index Scan using ledger_task_lane" in plan
    assert [word for word in LOOKED_UP if word in plan] == []


@pytest.mark.parametrize("without", ["nestloop", "hashjoin", "mergejoin", "indexscan"])
def test_a_lane_is_taken_whatever_the_planner_thinks_of_it(world: World, without: str) -> None:
    """The lease sets the tenant by which events may be seen, and never after asking for them."""
    item = states.new_item(world.operator, assignee=world.analyst.username)
    lane = Lane(world.operator.tenant_id, CONSUMER, item.id)
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL enable_{without} = off")
        batch = lanes.take_within(lane)()
    assert batch is not None
    assert [(event.action, event.subject_id) for event in batch.events] == [("created", item.id)]


@pytest.mark.usefixtures("world")
def test_what_leases_a_lane_has_the_search_path_of_its_caller() -> None:
    """Else the clock and the foreign keys are planned for it, and anew for whoever comes next."""
    told = "SELECT prosecdef, proconfig FROM pg_proc WHERE proname = 'ledger_take_lane'"
    with connection.cursor() as cursor:
        cursor.execute(told)
        ((has_more_rights, settings),) = cursor.fetchall()
    assert not has_more_rights
    assert {each.split("=")[0] for each in settings} == {
        "plan_cache_mode", "enable_seqscan", "enable_hashjoin", "enable_mergejoin",
    }  # fmt: skip
