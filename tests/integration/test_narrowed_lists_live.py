"""A list that is narrowed or sorted has news exactly when what it shows is another."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from ledger.tenancy import tenant_scope
from tests.clients import browser
from tests.integration.test_pages_live import NEWS, NO_NEWS, Poll, statements
from tests.integration.workitems_made import opened
from tests.world import World
from verbs.call import Call
from web.counts import COUNTED
from workitems import actions
from workitems.watched_lists import shown_rows

MOST_STATEMENTS = 3


@pytest.mark.parametrize(
    "address",
    [
        "/work-items/?sort=oldest",
        "/work-items/?q=Ledger",
        "/work-items/?priority=LOW",
        "/work-items/?tab=unassigned&sort=oldest",
        "/work-items/?tab=unassigned&priority=LOW&status=PENDING",
        "/inbox/?sort=oldest",
        "/inbox/?tab=groups&priority=LOW",
        "/inbox/?tab=groups&q=ledger",
    ],
)
def test_what_is_shown_is_watched_however_much_is_newer_and_more_urgent(
    world: World, address: str
) -> None:
    first = opened(world, title="Ledger of old", candidate_groups=["analysts"], priority="LOW")
    for number in range(COUNTED + 1):
        opened(world, title=f"{number}", candidate_groups=["analysts"], priority="URGENT")
    poll = Poll(browser(world.analyst), address)
    assert "Ledger of old" in poll.shown
    status, taken = statements(poll)
    assert (status, len(taken) <= MOST_STATEMENTS) == (NO_NEWS, True), taken
    actions.claim(first.id, call=Call(world.analyst))
    assert (poll.ask(), poll.ask()) == (NEWS, NO_NEWS)


@pytest.mark.parametrize(
    "narrowed",
    ["assignee={0}&created_by={1}&stakeholder={1}&q=one", "stakeholder=me&assignee={1}"],
)
def test_what_asks_for_two_people_costs_no_more_than_three_statements(
    world: World, narrowed: str
) -> None:
    opened(world, title="one")
    names = (world.analyst.username, world.operator.username)
    poll = Poll(browser(world.analyst), "/work-items/?" + narrowed.format(*names))
    status, taken = statements(poll)
    assert status == NO_NEWS
    assert len(taken) <= MOST_STATEMENTS


def test_a_plain_list_is_watched_once(world: World) -> None:
    """What it shows is in the counts and tabs that each page of lists watches already."""
    with tenant_scope(world.analyst.tenant_id):
        assert shown_rows(world.analyst, QueryDict(""), "waiting") == []
        assert shown_rows(world.analyst, QueryDict("tab=done"), "waiting") == []
        assert shown_rows(world.analyst, QueryDict("limit=5"), "waiting") != []
