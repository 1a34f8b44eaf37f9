"""A bound on the order of a list is a condition of its index, as the application's role too, whom
row-level security keeps from asking an index anything that might tell of other tenants' rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.acting import ActingUser
from compensation.foreign_requests import requests
from governance.selectors import asked_by, to_decide
from ledger.tenancy import reading_scope
from tests import states
from tests.approvals import asked
from tests.world import World
from web.pagination import NEWEST_FIRST, cut
from workitems import selectors, waiting
from workitems.models import WorkItem
from workitems.urgency import MOST_URGENT_FIRST

Rows = Callable[[ActingUser], QuerySet[WorkItem]]
#: Of a few rows any way to read them is as good.
OTHER_WAYS = ("seqscan", "bitmapscan", "sort")


@pytest.mark.parametrize(
    ("rows", "order", "index"),
    [
        (lambda who: waiting.unassigned(who.tenant_id), MOST_URGENT_FIRST, "workitems_pool_urgent"),
        (waiting.mine, MOST_URGENT_FIRST, "workitems_mine_urgent"),
        (lambda who: selectors.visible(who.tenant_id), NEWEST_FIRST, "workitems_list"),
    ],
    ids=["pool", "mine", "all"],
)
def test_where_a_page_goes_on_is_looked_up(
    world: World, rows: Rows, order: tuple[str, ...], index: str
) -> None:
    who = world.analyst
    for _ in range(3):
        states.new_item(world.operator, candidate_groups=["analysts"])
        states.in_progress(who)
    with reading_scope(who.tenant_id):
        asked = rows(who).prefetch_related(None)
        first = cut(asked, limit=1, order=order)
        with CaptureQueriesContext(connection) as captured:
            second = cut(asked, limit=1, order=order, cursor=first.next)
        [query] = captured.captured_queries
        with connection.cursor() as cursor:
            for way in OTHER_WAYS:
                cursor.execute(f"SET LOCAL enable_{way} = off")
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = [line for (line,) in cursor.fetchall()]
    assert [len(page.rows) for page in (first, second)] == [1, 1]
    assert first.rows != second.rows
    [place] = [n for n, line in enumerate(plan) if f"Index Scan using {index} on" in line]
    assert "Index Cond: ((tenant_id = " in plan[place + 1]
    assert "AND (ROW(" in plan[place + 1]


def planned(rows: QuerySet[Any], who: ActingUser) -> tuple[list[Any], list[str]]:
    """Return the first row of a list, and how the server reads it."""
    with reading_scope(who.tenant_id):
        with CaptureQueriesContext(connection) as captured:
            found = cut(rows, limit=1)
        [query] = captured.captured_queries
        with connection.cursor() as cursor:
            for way in OTHER_WAYS:
                cursor.execute(f"SET LOCAL enable_{way} = off")
            cursor.execute(f"EXPLAIN {query['sql']}")
            return [row.id for row in found.rows], [line for (line,) in cursor.fetchall()]


def test_what_somebody_asked_for_is_looked_up(world: World) -> None:
    """However much others have asked for since: nothing is sorted, and nothing of theirs read."""
    approval = asked(world)
    found, plan = planned(asked_by(world.operator), world.operator)
    assert found == [approval.id]
    [place] = [
        n for n, line in enumerate(plan)
        if "Index Scan using governance_approval_asked on" in line
    ]  # fmt: skip
    assert "Index Cond: ((tenant_id = " in plan[place + 1]
    assert "AND (requested_by_id = " in plan[place + 1]
    assert not any("Sort" in line for line in plan)


def test_who_decided_a_step_before_is_looked_up_for_each_approval_that_waits(world: World) -> None:
    """And not among all steps that there are, of which most were decided long ago."""
    approval = asked(world)
    found, plan = planned(to_decide(world.approver), world.approver)
    assert found == [approval.id]
    [place] = [
        n for n, line in enumerate(plan)
        if "Index Only Scan using governance_step_decided on" in line
    ]  # fmt: skip
    said = plan[place + 1]
    assert "Index Cond: ((tenant_id = " in said
    assert "AND (decided_by_id = " in said
    assert not any("Seq Scan" in line for line in plan)


def test_requests_of_others_that_stand_in_one_way_are_looked_up_newest_first(world: World) -> None:
    rows = requests(world.operator.tenant_id).filter(status="REFUSED")
    found, plan = planned(rows, world.operator)
    assert found == []
    [place] = [
        n for n, line in enumerate(plan)
        if "Index Scan using compensation_request_status on" in line
    ]  # fmt: skip
    said = plan[place + 1]
    assert "Index Cond: ((tenant_id = " in said
    assert "AND ((status)::text = 'REFUSED'" in said
    assert not any("Sort" in line for line in plan)
