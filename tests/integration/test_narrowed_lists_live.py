"""A list that is narrowed or sorted has news exactly when what it shows is another."""

from __future__ import annotations

import pytest

from tests.clients import browser
from tests.integration.test_pages_live import NEWS, NO_NEWS, Poll, statements
from tests.integration.workitems_made import opened
from tests.world import World
from verbs.call import Call
from web.counts import COUNTED
from workitems import actions

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


def test_what_asks_for_two_people_costs_no_more_than_three_statements(world: World) -> None:
    opened(world, title="one")
    names = (world.analyst.username, world.operator.username)
    poll = Poll(
        browser(world.analyst),
        f"/work-items/?assignee={names[0]}&created_by={names[1]}&stakeholder={names[1]}&q=one",
    )
    status, taken = statements(poll)
    assert status == NO_NEWS
    assert len(taken) <= MOST_STATEMENTS
