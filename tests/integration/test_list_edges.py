"""The beginning of a list: what is among its first rows, by the order of a page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.clock import now
from ledger.tenancy import tenant_scope
from tests.world import World
from verbs.call import Call
from web.list_edges import among_first
from web.pagination import NEWEST_FIRST
from workitems import waiting
from workitems.actions import create_work_item
from workitems.urgency import MOST_URGENT_FIRST

OLDEST_FIRST = ("created_at", "id")


def titles(world: World, order: Sequence[str], most: int) -> list[str]:
    """Return those with an even number that are among the first of all that nobody has taken."""
    tenant_id = world.operator.tenant_id
    with tenant_scope(tenant_id):
        every = waiting.unassigned(tenant_id)
        rows = among_first(every, every.filter(title__in=["0", "2", "4"]), order, most)
        return [each.title for each in rows.order_by(*order)]


@pytest.fixture
def five(world: World) -> None:
    """Tasks for anybody, each due a day before the one that was made before it; the last is never
    due."""
    moment = now()
    for number in range(5):
        due = None if number == 4 else moment + dt.timedelta(days=9 - number)
        create_work_item(call=Call(world.operator), title=str(number), due_at=due)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (NEWEST_FIRST, [["4"], ["4"], ["4", "2"], ["4", "2"], ["4", "2", "0"]]),
        (OLDEST_FIRST, [["0"], ["0"], ["0", "2"], ["0", "2"], ["0", "2", "4"]]),
        (MOST_URGENT_FIRST, [[], ["2"], ["2"], ["2", "0"], ["2", "0", "4"]]),
    ],
)
def test_what_is_among_the_first(
    world: World, five: None, order: Sequence[str], expected: list[list[str]]
) -> None:
    assert [titles(world, order, most) for most in range(1, 6)] == expected
    assert titles(world, order, 5_000) == expected[-1]


def test_of_an_empty_list_nothing_is(world: World) -> None:
    assert titles(world, NEWEST_FIRST, 3) == []


def test_it_is_one_statement(world: World, five: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        titles(world, NEWEST_FIRST, 3)
    asked = [each["sql"] for each in captured.captured_queries if "workitems" in each["sql"]]
    assert len([each for each in asked if '"workitems_workitem"' in each]) == 1
