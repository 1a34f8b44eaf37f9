"""No statement of a step, forward or back, its lane's lease included, reads more rows of the ledger
as that grows."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from compensation.events import ENGINE_LANE
from ledger.dispatch.lanes import Lane
from ledger.dispatch.runner import work_lane
from tests.casework import deploy, finish, open_item, open_undo, opened, roll_back
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_rows_read import LONG, SHORT, among_many_small_ones, grow, plan_afresh
from tests.states import work
from tests.world import World, make_world

# A large ledger would take every later `verify` of this database its time.
pytestmark = pytest.mark.usefixtures("own_database")
# What the cases of this test add by themselves, not what is planted.
ROOM = 300
# Entries beside the tenant that is looked at.
MANY = 25_000
_READS = """
SELECT relname || '.' || indexrelname, idx_tup_read FROM pg_stat_user_indexes
WHERE relname LIKE 'ledger_%'
UNION ALL SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname LIKE 'ledger_%'
"""


def reads() -> Counter[str]:
    """Return how many rows of the ledger's tables have been read so far, by index and, without one,
    by table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(_READS)
        return Counter(dict(cursor.fetchall()))


def read_by(act: Callable[[], Any]) -> Counter[str]:
    """Return how many rows `act` reads, by index or table."""
    before = reads()
    act()
    after = reads()
    return Counter({name: after[name] - before[name] for name in after})


def case_with(world: World, done: int) -> uuid.UUID:
    """Return a case of five human steps with some of them done."""
    case_id = opened(world, "tests/five")
    for n in range(done):
        finish(world.analyst, case_id, f"s{n}", "DONE")
    return case_id


def step(world: World, case_id: uuid.UUID, item_id: uuid.UUID, outcome: str) -> Counter[str]:
    """Do one task from start to complete, and what its case does then; return what that reads."""

    def act() -> None:
        work(world.analyst, item_id, outcome)
        work_lane(Lane(world.system.tenant_id, ENGINE_LANE, case_id))

    return read_by(act)


def forward_and_back(world: World) -> tuple[Counter[str], Counter[str]]:
    """Return what a forward step of a fresh case reads, and then an undo step."""
    case_id = case_with(world, 3)
    forward = step(world, case_id, open_item(world.analyst, case_id, "s3").id, "DONE")
    drain()
    roll_back(world, case_id)
    back = step(world, case_id, open_undo(world.analyst, case_id).id, "REVERSED")
    assert open_undo(world.analyst, case_id).status == "ASSIGNED"
    drain()
    return forward, back


def test_a_step_reads_no_more_rows_in_a_large_ledger(world: World) -> None:
    _grows(world)


# Of a tenant with members there are two entries at least.
@pytest.mark.parametrize("rows", [2, 10])
def test_nor_where_the_other_tenants_are_small(world: World, rows: int) -> None:
    # Enough for indexes of other heights: of two that promise one row, the planner takes the lower.
    grow(make_world(), MANY)
    with among_many_small_ones(rows):
        _grows(world)


def _grows(world: World) -> None:
    when = [None, *[f".s{n} != null and .s{n + 1} == null" for n in range(4)]]
    deploy(world, definition("five", *[human(f"s{n}", when[n]) for n in range(5)]))
    forward_and_back(world)
    grow(world, SHORT)
    plan_afresh()
    small = forward_and_back(world)
    grow(world, LONG - SHORT)
    plan_afresh()
    large = forward_and_back(world)
    for before, after in zip(small, large, strict=True):
        more = {
            name: (before[name], number)
            for name, number in after.items()
            if number > before[name] + ROOM
        }
        assert more == {}
