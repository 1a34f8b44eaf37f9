"""How many rows a human step of a case reads: as many in a long ledger as in a short one."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import psycopg
from django.db import connection, transaction

from cases.actions.engine import handle
from ledger.ids import new_id
from ledger.record import ActorRef, Change, record_many
from ledger.tenancy import set_tenant
from tests.casework import open_item
from tests.engine_news import news_of
from tests.integration.test_step_statements import a_case
from tests.states import work
from tests.world import World

SHORT, LONG = 1_000, 10_000
AT_ONCE = 500
# What dead rows and the pages of an index make of one measurement and the next.
SLACK = 10

# Of the ledger's own tables: small ones beside it are read whole, as many tests as share them.
_READ = r"""
SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname LIKE 'ledger\_%')
     + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname LIKE 'ledger\_%')
"""


def grow(world: World, entries: int) -> None:
    """Append entries about as many other things to the tenant's ledger."""
    by = ActorRef(world.system.actor_id, "SYSTEM", "system")
    for _ in range(entries // AT_ONCE):
        with transaction.atomic(durable=True):
            set_tenant(world.system.tenant_id)
            record_many([_other(world, by) for _ in range(AT_ONCE)])


def _other(world: World, by: ActorRef) -> Change:
    return Change(
        tenant_id=world.system.tenant_id, subject_type="work_item", subject_id=new_id(),
        version=1, action="started", actor=by, to_status="IN_PROGRESS", opens=True,
    )  # fmt: skip


def plan_afresh() -> None:
    """Let the server know what is in its tables, and forget plans that were made without."""
    connection.close()
    _say(["ANALYZE"])


@contextlib.contextmanager
def among_many_small_ones(rows: int) -> Iterator[None]:
    """Let the planner take every tenant for one of as few rows, as it does beside many of those."""
    tables = ("ledger_ledgerhead", "ledger_ledgerentry", "workitems_workitem", "cases_planitem")
    # Below zero it is a share: so that what other tests left makes no difference.
    share = -1 / rows
    _say(f"ALTER TABLE {name} ALTER tenant_id SET (n_distinct = {share})" for name in tables)
    try:
        yield
    finally:
        _say(f"ALTER TABLE {name} ALTER tenant_id RESET (n_distinct)" for name in tables)


def _say(statements: Iterable[str]) -> None:
    server, name = os.environ["DATABASE_SUPERUSER_URL"], connection.settings_dict["NAME"]
    with psycopg.connect(server, dbname=str(name), autocommit=True) as superuser:
        for statement in statements:
            superuser.execute(statement)


def rows_read(doing: Callable[[], Any]) -> int:
    """Return how many rows, or entries of indexes, the server read for something."""
    before = _counted()
    doing()
    return _counted() - before


def _counted() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(_READ)
        row = cursor.fetchone()
    return int(row[0])


def test_a_step_reads_no_more_rows_in_a_long_ledger(world: World) -> None:
    case_id = a_case(world)

    def step(name: str) -> Callable[[], None]:
        item: uuid.UUID = open_item(world.analyst, case_id, name).id

        def done() -> None:
            work(world.analyst, item, "DONE")
            handle([news_of(world, item)], lambda: None)

        return done

    grow(world, SHORT)
    plan_afresh()
    short = rows_read(step("two"))
    grow(world, LONG - SHORT)
    plan_afresh()
    long = rows_read(step("three"))
    assert long <= short + SLACK
    # Neither is a short one read whole by a plan that a long one would hide.
    assert long < SHORT
