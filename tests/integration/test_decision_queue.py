"""The queue of those who decide: all that waits for them, longest first, and nobody else's."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.models import Case
from ledger.tenancy import tenant_scope
from tests.approvals import TWO, approve, asked, second_approver
from tests.casework import approved_loan, open_undo, roll_back
from tests.clients import browser
from tests.draining import drain
from tests.integration.test_pages_live import FRAMING, NEWS, NO_NEWS, Poll
from tests.integration.workitems_made import page, titles
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from web.counts import COUNTED
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


def test_of_more_than_are_shown_what_waits_longest_is_watched(world: World) -> None:
    """It is what is shown; the list of approvals shows the newest."""
    oldest, *_others, newest = [asked(world) for _ in range(COUNTED + 1)]
    approver = browser(world.approver)
    pages = {url: Poll(approver, url) for url in (URL, "/inbox/", "/approvals/")}
    assert [poll.ask() for poll in pages.values()] == [NO_NEWS] * 3
    approve(oldest.id, call=Call(world.admin))
    assert [poll.ask() for poll in pages.values()] == [NEWS] * 3
    approve(newest.id, call=Call(world.admin))
    assert pages["/approvals/"].ask() == NEWS


def test_an_approval_waits_first_in_the_inbox_of_whoever_decides_it(world: World) -> None:
    approver, bystander = browser(world.approver), browser(world.bystander)
    poll = Poll(approver, "/inbox/")
    assert "You are all caught up" in page(approver, "/inbox/")
    assert poll.ask() == NO_NEWS
    approval = asked(world, **TWO)
    assert poll.ask() == NEWS
    second = browser(second_approver(world))
    for client in (approver, second, browser(world.admin)):
        html = page(client, "/inbox/")
        assert titles(html) == ["Undo of Check the credit"]
        assert f'class="row-title" href="/approvals/{approval.id}/"' in html
        said = text_of(html.encode())
        assert f"{world.operator.username}: “{approval.reason}”" in said
        assert "1 thing waits for you or your groups. One needs your decision." in said
        assert "all caught up" not in said
    queue = approver.get(URL)
    assert [row["url"] for row in queue.context["rows"]] == [f"/approvals/{approval.id}/"]
    counts = {each["key"]: each["count"] for each in queue.context["shell"]["nav"]}
    assert (counts["decisions"], counts["approvals"], counts["inbox"]) == (1, 1, 1)
    # It is for nobody else: who asked for it, and who decides nothing.
    for client in (bystander, browser(world.operator)):
        assert titles(page(client, "/inbox/")) == []
        assert titles(page(client, URL)) == []
    # Who has decided a step waits for the next one like everybody.
    approve(approval.id, call=Call(world.approver))
    assert poll.ask() == NEWS
    assert "You are all caught up" in page(approver, "/inbox/")
    assert titles(page(second, "/inbox/")) == ["Undo of Check the credit"]


def test_a_filter_by_case_has_its_decisions_and_others_say_what_they_leave_out(
    world: World,
) -> None:
    stuck(world, "The register is closed")
    stuck(world, "The notary is away")
    client = browser(world.operator)
    left_out = "1 decision that waits for you is not shown with these filters."
    whole = approved_loan(world)
    with tenant_scope(world.operator.tenant_id):
        second = Case.objects.get(number="2").id
    for case in ("2", str(second)):
        html = page(client, f"/inbox/?case={case}")
        assert titles(html)[:1] == ["Rollback of Loan approval 2 needs a decision"]
        assert "Rollback of Loan approval 1 needs" not in html
        assert left_out in text_of(html.encode())
    for query in (f"case={whole}", "priority=HIGH", "case=2&priority=HIGH", "kind=COMPENSATION"):
        html = page(client, f"/inbox/?{query}")
        assert "needs a decision" not in html
        said = text_of(html.encode())
        assert "2 decisions that wait for you are not shown with these filters." in said
        assert 'filters. <a href="/inbox/">Show them</a>' in html
    for url in ("/inbox/", "/inbox/?sort=newest", "/inbox/?tab=mine&priority=HIGH"):
        assert "not shown with these filters" not in page(client, url)
    assert "not shown" not in page(browser(world.analyst), "/inbox/?case=2")


def test_an_inbox_with_approvals_costs_no_more(world: World) -> None:
    client = browser(world.admin)

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            page(client, "/inbox/")
        read = [each["sql"] for each in caught if " FROM " in each["sql"]]
        assert len(read) <= 12, "\n\n".join(read)
        return len(read)

    stuck(world, "The register is closed")
    asked(world)
    few = cost()
    for _ in range(3):
        asked(world)
    assert cost() == few
    poll = Poll(client, "/inbox/")
    with CaptureQueriesContext(connection) as caught:
        assert poll.ask() == NO_NEWS
    sent = [each["sql"] for each in caught if not each["sql"].startswith(FRAMING)]
    assert len(sent) <= 3, "\n\n".join(sent)


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
