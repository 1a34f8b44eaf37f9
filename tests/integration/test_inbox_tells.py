"""The inbox tells the truth: what comes first, how much there is, and when there is nothing."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.clock import now
from ledger.tenancy import tenant_scope
from tests.casework import approved_loan, case_row, roll_back, undo
from tests.clients import browser
from tests.draining import drain
from tests.integration.test_substitutes import stand_in
from tests.integration.workitems_made import faulted, opened, page, titles, undo_task
from tests.pages import text_of
from tests.states import completed, in_progress
from tests.world import World
from verbs.call import Call
from workitems import actions
from workitems.models import CandidateGroup, CandidateUser, WorkItem

pytestmark = pytest.mark.django_db(transaction=True)


def _in(days: int) -> str:
    return (now() + dt.timedelta(days=days)).isoformat()


def _counted(html: str) -> list[str]:
    """Return how much the navigation says there is, each number once: it stands there twice."""
    found = re.findall(r'<span>Inbox</span><span class="count">([^<]+)<', html)
    return sorted(set(found))


def _late(world: World, title: str, days: int) -> None:
    """Open a task of the analysts that has been overdue for some days."""
    opened(world, title=title, candidate_groups=["analysts"], due_at=_in(-days))


def test_late_and_urgent_work_comes_before_new(world: World) -> None:
    analysts = {"candidate_groups": ["analysts"]}
    mine = {"assignee": world.analyst.username}
    opened(world, title="old", **analysts)
    opened(world, title="urgent, no date", priority="URGENT", **mine)
    opened(world, title="due in 3 days", due_at=_in(3), priority="LOW", **analysts)
    opened(world, title="due in 2 days", due_at=_in(2), **mine)
    _late(world, "late", 1)
    _late(world, "later", 2)
    opened(world, title="new", **analysts)
    task = undo_task(world)
    client = browser(world.analyst)
    order = ["later", "late", "due in 2 days", "due in 3 days", "urgent, no date", "old", "new"]
    html = page(client, "/inbox/")
    assert titles(html) == [task.title, *order]
    assert "8 things wait for you or your groups." in html
    assert "One reverses finished work; two are overdue." in unescape(html)
    newest = titles(page(client, "/inbox/?sort=newest"))
    assert newest[1:3] == ["new", "later"]
    assert titles(page(client, "/inbox/?sort=oldest"))[1:3] == ["old", "urgent, no date"]
    assert "Urgent" in text_of(html.encode())
    # One page leads to the other, whoever the rows are of.
    seen, address = [], "/inbox/?limit=2"
    while address:
        html = page(client, address)
        seen += titles(html)
        found = re.search(r'rel="next" href="([^"]+)"', html)
        address = unescape(found[1]) if found else ""
    assert seen == [task.title, *order]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=IN_PROGRESS", ["begun"]),
        ("priority=HIGH", ["high"]),
        ("due=late", ["late"]),
        ("due=week", ["late", "high"]),
        ("due=none", ["begun", "plain"]),
        ("assignee=me", ["begun"]),
        ("q=PLA", ["plain"]),
        ("due=none&q=beg", ["begun"]),
        ("assignee=nobody-at-all", []),
        ("case=77", []),
    ],
)
def test_the_list_is_narrowed(world: World, query: str, expected: list[str]) -> None:
    begun = opened(world, title="begun", assignee=world.analyst.username)
    actions.start(begun.id, call=Call(world.analyst))
    opened(world, title="plain", candidate_groups=["analysts"])
    opened(world, title="high", candidate_groups=["analysts"], priority="HIGH", due_at=_in(2))
    _late(world, "late", 1)
    html = page(browser(world.analyst), f"/inbox/?{query}")
    assert titles(html) == expected
    assert ("No match" in html) is not bool(expected)


@pytest.mark.parametrize("query", ["status=NOPE", "priority=9", "due=soon", "sort=x", "kind=Y"])
def test_a_choice_that_is_none_is_refused_by_name(world: World, query: str) -> None:
    html = page(browser(world.analyst), f"/inbox/?{query}", status=422)
    assert f"{query.partition('=')[0]}: there is no such" in unescape(html)


def test_work_of_a_case_is_found_by_its_number(world: World) -> None:
    approved_loan(world)
    approved_loan(world)
    opened(world, title="loose")
    html = page(browser(world.operator), "/work-items/?case=2")
    assert titles(html) == [
        "Approve the loan",
        "Value the property",
        "Check the applicant&#x27;s credit",
    ]
    assert "Loan approval 2" in text_of(html.encode())
    assert "Loan approval 1" not in text_of(html.encode())


def test_caught_up_is_said_when_it_is_true(world: World) -> None:
    reader = browser(world.bystander)
    assert "You are all caught up" in page(reader, "/inbox/")
    # For others: it is none of theirs.
    opened(world, candidate_groups=["analysts"])
    assert "You are all caught up" in page(reader, "/inbox/")
    assert "You are all caught up" not in page(browser(world.analyst), "/inbox/?tab=mine")
    assert "1 thing waits for you or your groups." in page(
        browser(world.analyst), "/inbox/?tab=mine"
    )
    opened(world, title="whoever wants")
    html = page(reader, "/inbox/")
    assert "You are all caught up" not in html
    assert "1 task is open to anybody." in html


def test_a_page_that_looked_at_a_part_does_not_say_that_there_is_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("workitems.waiting", "web.pagination"):
        monkeypatch.setattr(f"{module}.LOOKED_AT", 2)
    monkeypatch.setattr("workitems.waiting.COUNTED", 2)
    opened(world, title="needle", candidate_groups=["analysts"])
    for _ in range(4):
        opened(world, title="hay", candidate_groups=["analysts"], priority="URGENT")
    html = page(browser(world.analyst), "/inbox/?q=needle")
    assert titles(html) == []
    assert "Nothing found so far" in html
    assert "No match" not in html
    assert 'rel="next"' in html


def test_what_waits_for_a_group_is_counted_however_much_waits_for_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.pagination.LOOKED_AT", 2)
    opened(world, title="ours", candidate_groups=["analysts"])
    for _ in range(5):
        opened(world, title="theirs", candidate_groups=["surveyors"], priority="URGENT")
    html = page(browser(world.analyst), "/inbox/")
    assert titles(html) == ["ours"]
    assert "1 thing waits for you or your groups." in html


def test_what_is_taken_and_given_back_waits_again(world: World) -> None:
    item = opened(world, candidate_groups=["analysts"], candidate_users=[world.analyst.username])
    client = browser(world.analyst)

    def count() -> list[str]:
        return _counted(page(client, "/inbox/"))

    assert count() == ["1"]
    actions.claim(item.id, call=Call(world.analyst))
    assert count() == ["1"]
    assert titles(page(client, "/inbox/?tab=groups")) == []
    actions.release(item.id, call=Call(world.analyst))
    assert titles(page(client, "/inbox/?tab=groups")) == [item.title]
    actions.cancel(item.id, call=Call(world.operator), reason="Not needed")
    assert count() == []


def test_candidates_say_whether_their_item_waits(world: World) -> None:
    named = {"candidate_groups": ["analysts"], "candidate_users": [world.surveyor.username]}
    pool, taken = opened(world, **named), opened(world, assignee=world.analyst.username, **named)

    def waiting(item: WorkItem) -> set[bool]:
        with tenant_scope(world.operator.tenant_id):
            return {
                flag
                for model in (CandidateGroup, CandidateUser)
                for flag in model.objects.filter(work_item_id=item.id).values_list(
                    "waiting", flat=True
                )
            }

    assert (waiting(pool), waiting(taken)) == ({True}, {False})
    actions.claim(pool.id, call=Call(world.analyst))
    actions.release(taken.id, call=Call(world.operator))
    assert (waiting(pool), waiting(taken)) == ({False}, {True})


def test_counts_are_the_same_everywhere_and_stop_at_99(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        opened(world, title=f"m{number}", assignee=world.analyst.username)
        opened(world, title=f"g{number}", candidate_groups=["analysts"])

    def shown(address: str) -> tuple[list[str], list[str]]:
        html = page(browser(world.analyst), address)
        return _counted(html), re.findall(r"groups <small>([^<]+)</small>", html)[:1]

    assert shown("/inbox/") == (["6"], ["6"])
    for module in ("workitems.waiting", "workitems.views.inbox", "web.live"):
        monkeypatch.setattr(f"{module}.COUNTED", 5)
    monkeypatch.setattr("web.counts.COUNTED", 5)
    monkeypatch.setattr("web.nav.COUNTED", 5)
    assert shown("/inbox/") == (["4+"], ["4+"])
    # On another page the frame counts by itself.
    assert '<span>Inbox</span><span class="count">4+<' in page(
        browser(world.analyst), "/notifications/"
    )


def test_decisions_come_first_in_the_words_of_who_could_not_go_on(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    drain()
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    alone = faulted(world)
    assert case_row(world, case_id).status == "COMPENSATION_FAULTED"
    html = page(browser(world.operator), "/inbox/")
    said = text_of(html.encode())
    assert titles(html)[:2] == [
        "Rollback of Loan approval 1 needs a decision",
        f"The undo of {alone.title} needs a decision",
    ]
    assert f"{world.analyst.username}: “Gone”" in said
    assert "Approval" in said
    assert "Two need your decision" in said
    links = re.findall(r'<a class="btn btn-small[^"]*" href="([^"]+)"[^>]*>Decide', html)
    assert [browser(world.operator).get(link).status_code for link in links] == [200, 200]
    assert '<span>Inbox</span><span class="count">2<' in html
    # They are nobody else's, and nobody is told of them.
    for who in (world.analyst, world.underwriter, world.outsider):
        assert "needs a decision" not in text_of(page(browser(who), "/inbox/").encode())


def test_the_full_inbox_of_an_operator_costs_twelve_queries_at_most(world: World) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    drain()
    undo(world.underwriter, case_id)
    undo(world.surveyor, case_id, "CANNOT_REVERSE")
    stand_in(world, world.operator, world.analyst)
    client = browser(world.operator)

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            page(client, "/inbox/")
        asked = [each["sql"] for each in caught if " FROM " in each["sql"]]
        assert len(asked) <= 12, "\n\n".join(asked)
        return len(asked)

    faulted(world)
    undo_task(world)
    opened(world, assignee=world.operator.username)
    opened(world, assignee=world.analyst.username)
    full = cost()
    for _ in range(3):
        faulted(world)
        opened(world, assignee=world.operator.username, candidate_groups=["analysts"])
        opened(world, assignee=world.analyst.username)
    assert cost() == full


def test_the_list_is_there_again_on_the_way_back(world: World) -> None:
    opened(world, title="one", candidate_groups=["analysts"], priority="HIGH")
    client = browser(world.analyst)
    address = "/inbox/?tab=groups&priority=HIGH"
    link = _link_of(page(client, address), "one")
    html = page(client, link)
    way_back = f'<a href="{address.replace("&", "&amp;")}">Inbox</a>'
    assert way_back in html
    # What is done on the page leads to the page, and from there to the list.
    claim = re.search(r'action="([^"]*/claim/[^"]*)"', html)
    assert claim is not None
    answer = client.post(unescape(claim[1]))
    assert answer.status_code == 303
    assert f'<a href="{address.replace("&", "&amp;")}">Inbox</a>' in page(
        client, answer["Location"]
    )


@pytest.mark.parametrize(
    "back",
    [
        "https://elsewhere.example/inbox/", "//elsewhere.example/", "javascript:alert(1)",
        "/no/such/page/", "/accounts/logout/", "/inbox/\n/", "/inbox/?q=" + "x" * 3000, "inbox/",
    ],
)  # fmt: skip
def test_a_way_back_that_is_none_of_ours_is_not_taken(world: World, back: str) -> None:
    item = opened(world, candidate_groups=["analysts"])
    client = browser(world.analyst)
    html = client.get(f"/work-items/{item.id}/", {"back": back}).content.decode()
    assert '<a href="/inbox/">Inbox</a>' in html
    assert "elsewhere" not in html


def _link_of(html: str, title: str) -> str:
    found = re.search(rf'class="row-title" href="([^"]+)"[^>]*>{title}<', html)
    assert found is not None
    return unescape(found[1])


@pytest.mark.parametrize(
    "title", ["x" * 255, "מסמך חשוב מאוד 118", "مراجعة القرض", "<script>alert(1)</script>"]
)
def test_any_title_is_shown_as_it_is(world: World, title: str) -> None:
    opened(world, title=title, assignee=world.analyst.username)
    html = page(browser(world.analyst), "/inbox/")
    assert [unescape(each) for each in titles(html)] == [title]
    assert 'dir="auto"' in html
    assert "<script>alert" not in html


def test_a_signed_out_visitor_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/search/?q=1").status_code == 302


def test_finished_work_says_when_it_ended(world: World) -> None:
    completed(world.analyst)
    text = text_of(browser(world.analyst).get("/inbox/?tab=done").content)
    assert "ended just now" in text
    assert "opened just now" not in text


def test_what_is_for_good_stands_last(world: World) -> None:
    item = in_progress(world.analyst)
    html = browser(world.analyst).get(f"/work-items/{item.id}/").content.decode()
    labels = ("Hand on", "Forward", "Reject", "It cannot be done")
    places = [html.index(f"{label}</a>") for label in labels]
    assert places[1] > 0
    assert max(places[:2]) < min(places[2:])
