"""The queue of those who decide: all that waits for them, longest first, and nobody else's."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.casework import approved_loan, open_undo, roll_back
from tests.clients import browser
from tests.draining import drain
from tests.integration.test_pages_live import NEWS, NO_NEWS, Poll
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

URL = "/decisions/"


def stuck(world: World, reason: str) -> None:
    """Roll a loan back until a person cannot go on."""
    case = approved_loan(world)
    roll_back(world, case)
    task = open_undo(world.underwriter, case).id
    actions.start(task, call=Call(world.underwriter))
    actions.reject(task, call=Call(world.underwriter), reason=reason)
    drain()


def test_what_waits_longest_is_first_with_what_was_said_and_where_to_decide(world: World) -> None:
    stuck(world, "The register is closed")
    stuck(world, "The notary is away")
    page = browser(world.operator).get(URL)
    rows = page.context["rows"]
    assert [row["title"] for row in rows] == [
        "Rollback of Loan approval 1 needs a decision",
        "Rollback of Loan approval 2 needs a decision",
    ]
    assert "The register is closed" in rows[0]["words"]
    said = text_of(page.content)
    assert "2 wait for a decision." in said
    assert all(f'href="{row["url"]}"' in page.content.decode() for row in rows)
    [link] = [each for each in page.context["shell"]["nav"] if each["key"] == "decisions"]
    assert (link["count"], link["current"]) == (2, True)


@pytest.mark.parametrize("name", ["approver", "analyst", "auditor", "outsider"])
def test_who_may_not_decide_finds_nothing(world: World, name: str) -> None:
    stuck(world, "The register is closed")
    page = browser(world.of(name)).get(URL)
    assert "Nothing waits for your decision" in text_of(page.content)
    keys = {each["key"] for each in page.context["shell"]["nav"]}
    assert ("decisions" in keys) is (name in {"approver", "outsider"})


def test_the_queue_refreshes_and_stays_cheap(world: World) -> None:
    poll = Poll(browser(world.operator), URL)
    assert poll.ask() == NO_NEWS
    stuck(world, "The register is closed")
    assert poll.ask() == NEWS
    client = browser(world.operator)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(URL).status_code == 200
    read = [each["sql"] for each in captured if " FROM " in each["sql"]]
    assert len(read) <= 12, len(read)
