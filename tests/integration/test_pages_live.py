"""Pages that refresh: a poll without news is a 304 in two statements, one with news the page."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse

from accounts.models import Membership, User
from ledger import clock
from ledger.tenancy import tenant_scope
from tests.approvals import asked
from tests.batching import asked as batch
from tests.batching import transfer
from tests.casework import approved_loan, finish, open_item, open_loan, roll_back, undo
from tests.clients import browser
from tests.draining import drain
from tests.outside import asked_from_outside
from tests.world import World
from verbs import catalogue
from verbs.call import Call
from verbs.words import verb_words
from web import live
from workitems import actions

FRAMING = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
NO_NEWS, NEWS = 304, 200
# Without script a page shows what there was when it was asked for.
PROMISE = re.compile(
    r"on its own|in a moment|appears?\b[^.<]*\b(?:at once|by itself|as soon as)", re.IGNORECASE
)


class Poll:
    """One open page that asks for news of itself, as `static/js/live.js` does."""

    def __init__(self, client: Client, url: str) -> None:
        self.client, self.url = client, url
        self.take(client.get(url))

    def take(self, page: object) -> None:
        """Carry what a page carries."""
        self.shown = html = page.content.decode()  # type: ignore[attr-defined]  # a test client's
        self.tag, self.viewer = (
            re.search(rf'data-{name}="([^"]+)"', html)[1]  # type: ignore[index]  # or it fails
            for name in ("tag", "viewer")
        )
        assert page["ETag"].startswith(f'"{self.tag}')  # type: ignore[index]

    def ask(self) -> int:
        """Ask; take what is new; return the status."""
        answer = self.client.get(self.url, headers=self.headers)
        if answer.status_code == NEWS:
            self.take(answer)
        return answer.status_code

    @property
    def headers(self) -> dict[str, str]:
        """What a poll sends."""
        return {
            "HX-Request": "true", "Amends-Live": self.viewer, "If-None-Match": f'"{self.tag}"',
        }  # fmt: skip


def statements(poll: Poll) -> tuple[int, list[str]]:
    """Return the status of a poll and every statement it took, signing in and scope included."""
    with CaptureQueriesContext(connection) as captured:
        status = poll.ask()
    found = [each["sql"] for each in captured.captured_queries]
    return status, [sql for sql in found if not sql.startswith(FRAMING)]


def pages_of(world: World) -> dict[str, tuple[str, str]]:
    """Return every page that refreshes, by who looks at it."""
    going = approved_loan(world)
    run = roll_back(world, going)
    undo(world.underwriter, going)
    fresh = open_loan(world)
    item = open_item(world.analyst, fresh, "credit-check").id
    client = browser(world.operator)
    case_page = client.get(f"/cases/{going}/").content.decode()
    paid = re.search(r"/executions/[0-9a-f-]{36}/", case_page)
    assert paid is not None
    return {
        "inbox": ("analyst", "/inbox/"),
        "decisions": ("operator", reverse("workitems:decisions")),
        "everything": ("operator", "/work-items/"),
        "item": ("analyst", f"/work-items/{item}/"),
        "case": ("operator", f"/cases/{going}/"),
        "cases": ("operator", "/cases/"),
        "rollbacks": ("operator", "/compensation-runs/"),
        "run": ("operator", f"/compensation-runs/{run.id}/"),
        "step": ("operator", f"/compensation-runs/{run.id}/steps/1/"),
        "plan": ("operator", f"/compensation-plans/{run.plan_id}/"),
        "execution": ("operator", paid[0]),
        "batch": ("operator", f"/batches/{batch(world, transfer(1)).id}/"),
        "approvals": ("approver", "/approvals/"),
        "approval": ("approver", f"/approvals/{asked(world).id}/"),
        "requests": ("operator", "/compensation-requests/"),
        "request": ("operator", f"/compensation-requests/{asked_from_outside(world).id}/"),
        "notifications": ("analyst", "/notifications/"),
        "check of the ledger": ("auditor", "/ledger/check/"),
    }


def test_a_poll_without_news_is_a_304_in_two_statements_on_every_page(world: World) -> None:
    found: dict[str, tuple[int, int]] = {}
    for name, (who, url) in pages_of(world).items():
        poll = Poll(browser(world.of(who)), url)
        status, taken = statements(poll)
        found[name] = (status, len(taken))
    assert found == dict.fromkeys(found, (NO_NEWS, 2))


def test_every_page_has_news_when_its_case_moves(world: World) -> None:
    case = open_loan(world)
    item = open_item(world.analyst, case, "credit-check").id
    polls = {
        "inbox": Poll(browser(world.analyst), "/inbox/"),
        "item": Poll(browser(world.analyst), f"/work-items/{item}/"),
        "case": Poll(browser(world.operator), f"/cases/{case}/"),
        "cases": Poll(browser(world.operator), "/cases/"),
    }
    assert {name: poll.ask() for name, poll in polls.items()} == dict.fromkeys(polls, NO_NEWS)
    for who, binding, outcome, resolution in (
        ("analyst", "credit-check", "PASSED", None),
        ("surveyor", "valuation", "VALUED", {"value": 1}),
    ):
        finish(world.of(who), case, binding, outcome, resolution)
        assert {name: polls[name].ask() for name in ("inbox", "item", "case")} == dict.fromkeys(
            ("inbox", "item", "case"), NEWS
        ), binding
    # Tasks that came for the operator are counted beside the list of cases.
    assert polls["cases"].ask() == NEWS
    assert {name: poll.ask() for name, poll in polls.items()} == dict.fromkeys(polls, NO_NEWS)


def test_a_page_that_the_browser_has_is_a_304_until_it_would_be_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, at = pages_of(world), clock.now()
    monkeypatch.setattr("web.pages.now", lambda: at)
    for name in ("inbox", "case", "run", "item", "notifications"):
        who, url = pages[name]
        client = browser(world.of(who))
        known = {"If-None-Match": client.get(url)["ETag"]}
        again = client.get(url, headers=known)
        assert (again.status_code, again.content, again["ETag"]) == (
            NO_NEWS, b"", known["If-None-Match"],
        ), name  # fmt: skip
        assert "Cookie" in again["Vary"]
        # Nor is anything the same for who asks for a part, in other words, or signed in anew.
        for other in ({"HX-Request": "true"}, {"If-None-Match": "*"}):
            assert client.get(url, headers={**known, **other}).status_code == NEWS, name
        client.logout()
        client.force_login(User.objects.get(username=world.of(who).username))
        assert client.get(url, headers=known).status_code == NEWS, name
        other_reader = browser(world.bystander)
        assert other_reader.get(url, headers=known).status_code == NEWS, name


def test_what_a_page_says_once_and_how_long_ago_things_were_is_not_said_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = clock.now()
    monkeypatch.setattr("web.pages.now", lambda: at)
    client, url = browser(world.analyst), "/notifications/"
    known = {"If-None-Match": client.get(url)["ETag"]}
    client.post("/notifications/read/")
    told = client.get(url, headers=known)
    assert "Marked all as read." in told.content.decode()
    assert "ETag" not in told
    assert client.get(url, headers=known).status_code == NO_NEWS
    at += dt.timedelta(minutes=1)
    assert client.get(url, headers=known).status_code == NEWS


def test_every_page_that_refreshes_is_polled_here(world: World) -> None:
    polled = {resolve(url).view_name for _who, url in pages_of(world).values()}
    assert polled == live._pages.keys()  # noqa: SLF001  -- the registry itself


def test_a_step_and_the_queue_of_decisions_have_news_when_an_undo_fails(world: World) -> None:
    case = approved_loan(world)
    run = roll_back(world, case)
    step = Poll(browser(world.operator), f"/compensation-runs/{run.id}/steps/1/")
    queue = Poll(browser(world.operator), reverse("workitems:decisions"))
    assert (step.ask(), queue.ask()) == (NO_NEWS, NO_NEWS)
    undo(world.underwriter, case, "CANNOT_REVERSE")
    assert (step.ask(), queue.ask()) == (NEWS, NEWS)
    assert (step.ask(), queue.ask()) == (NO_NEWS, NO_NEWS)


def test_a_run_and_its_lists_have_news_at_each_step(world: World) -> None:
    case = approved_loan(world)
    listed = Poll(browser(world.operator), "/compensation-runs/")
    run = roll_back(world, case)
    assert listed.ask() == NEWS
    page = Poll(browser(world.operator), f"/compensation-runs/{run.id}/")
    assert (page.ask(), listed.ask()) == (NO_NEWS, NO_NEWS)
    undo(world.underwriter, case)
    assert (page.ask(), listed.ask()) == (NEWS, NEWS)


def test_counts_of_the_navigation_are_news_on_every_page(world: World) -> None:
    poll = Poll(browser(world.surveyor), "/cases/")
    actions.create_work_item(
        call=Call(world.operator), title="Look at this", assignee=world.surveyor.username
    )
    drain()
    assert poll.ask() == NEWS
    # It was told to nobody else.
    other = Poll(browser(world.bystander), "/notifications/")
    actions.create_work_item(
        call=Call(world.operator), title="And this", assignee=world.surveyor.username
    )
    drain()
    assert (other.ask(), poll.ask()) == (NO_NEWS, NEWS)


def test_what_happens_in_another_organisation_is_no_news(world: World) -> None:
    polls = [Poll(browser(world.operator), url) for url in ("/inbox/", "/cases/", "/work-items/")]
    actions.create_work_item(call=Call(world.outsider), title="Theirs")
    drain()
    assert [poll.ask() for poll in polls] == [NO_NEWS] * 3


def test_a_poll_takes_no_message_that_another_page_is_to_show(world: World) -> None:
    client = browser(world.analyst)
    item = actions.create_work_item(
        call=Call(world.operator), title="Mine", assignee=world.analyst.username
    )
    poll = Poll(client, "/inbox/")
    client.post(f"/work-items/{item.id}/start/")
    client.post("/notifications/read/")
    assert poll.ask() == NEWS
    assert "Marked all as read." in client.get("/notifications/").content.decode()


@pytest.mark.parametrize("how", ["signed-out", "deactivated", "password", "forged", "other-tenant"])
def test_who_is_nobody_any_more_gets_neither_a_304_nor_the_page(world: World, how: str) -> None:
    client = browser(world.analyst)
    poll = Poll(client, "/inbox/")
    if how == "signed-out":
        client.logout()
    elif how == "deactivated":
        with tenant_scope(world.analyst.tenant_id):
            Membership.objects.filter(user__username=world.analyst.username).update(is_active=False)
    elif how == "password":
        user = User.objects.get(username=world.analyst.username)
        user.set_password("another password")
        user.save(update_fields=["password"])
    elif how == "forged":
        poll.viewer = Poll(browser(world.operator), "/inbox/").viewer
    else:
        poll.viewer = Poll(browser(world.outsider), "/inbox/").viewer
    answer = client.get("/inbox/", headers=poll.headers)
    if how in {"forged", "other-tenant"}:
        # The header is nobody's: the session decides, and its own page is sent.
        assert (answer.status_code, answer["ETag"]) == (200, f'"{poll.tag}"')
    else:
        assert answer.status_code == (403 if how == "deactivated" else 401)
        assert "HX-Redirect" not in answer


def test_a_page_that_says_that_there_is_nothing_does_not_refresh(world: World) -> None:
    client = browser(world.operator)
    for refused in (
        client.post(f"/work-items/{uuid.uuid4()}/complete/"),
        client.get(f"/work-items/{uuid.uuid4()}/"),
        client.get("/nowhere/"),
    ):
        assert refused.status_code == 404
        assert 'id="live"' not in refused.content.decode()


def test_nothing_promises_to_appear_by_itself_without_script(world: World) -> None:
    page = browser(world.bystander).get("/inbox/").content.decode()
    assert "on its own" not in page
    assert "by itself" not in page
    written = {
        each.name: found
        for each in (settings.BASE_DIR / "templates").rglob("*.html")
        if (found := PROMISE.findall(each.read_text()))
    }
    assert written == {}
    said = {verb: verb_words(verb.subject_type, verb.name) for verb in catalogue.all_verbs()}
    assert [verb.name for verb, words in said.items() if PROMISE.search(str(words))] == []
