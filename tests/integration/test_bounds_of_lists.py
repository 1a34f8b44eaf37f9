"""A bound on the order of a list is a condition of its index, as the application's role too, whom
row-level security keeps from asking an index anything that might tell of other tenants' rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from accounts.acting import ActingUser
from governance.selectors import asked_by
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


def test_what_somebody_asked_for_is_looked_up(world: World) -> None:
    """However much others have asked for since: nothing is sorted, and nothing of theirs read."""
    approval = asked(world)
    who = world.operator
    with reading_scope(who.tenant_id):
        with CaptureQueriesContext(connection) as captured:
            found = cut(asked_by(who), limit=1)
        [query] = captured.captured_queries
        with connection.cursor() as cursor:
            for way in OTHER_WAYS:
                cursor.execute(f"SET LOCAL enable_{way} = off")
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = [line for (line,) in cursor.fetchall()]
    assert [row.id for row in found.rows] == [approval.id]
    [place] = [
        n for n, line in enumerate(plan)
        if "Index Scan using governance_approval_asked on" in line
    ]  # fmt: skip
    assert "Index Cond: ((tenant_id = " in plan[place + 1]
    assert "AND (requested_by_id = " in plan[place + 1]
    assert not any("Sort" in line for line in plan)
