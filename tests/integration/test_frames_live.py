"""Of a page that says nothing of its own refreshes, what stands around it does: the counts of the
navigation and whether any worker is there. What its reader may do is news to every page."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import secrets
from html import unescape
from typing import Any

import pytest
import time_machine
from django.urls import resolve, reverse
from typing_extensions import override

from accounts.acting import authority_of
from accounts.actions import create_tenant
from accounts.viewers import authority_said, viewer
from ledger.clock import now
from ledger.tenancy import tenant_scope
from people.actions import add_member, change_groups, change_roles
from people.substituting import end_substitution
from tests import states
from tests.casework import open_item, open_loan
from tests.clients import browser
from tests.draining import drain
from tests.integration.test_every_page_queries import MOST, pages
from tests.integration.test_pages_live import NEWS, NO_NEWS, Poll, statements
from tests.integration.test_substitutes import DAY, stand_in
from tests.integration.workitems_made import faulted
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from web import live
from web.pages import MemberPage
from workitems import actions


class FramePoll(Poll):
    """An open page of which only the frame is renewed: as a whole it is never the same."""

    @override
    def take(self, page: Any) -> None:
        """Carry what a page carries."""
        html = page.content.decode()
        assert "data-frame" in html, self.url
        self.tag, self.viewer = (
            re.search(rf'data-{name}="([^"]+)"', html)[1]  # type: ignore[index]  # or it fails
            for name in ("tag", "viewer")
        )


def plain_pages() -> list[str]:
    """Return the pages of members that say nothing of their own refreshes: lists, forms, settings.
    Those with arguments are made alike."""
    found = {reverse(route.name) for route in pages() if not route.has_arguments}
    views = {url: resolve(url) for url in found}
    return sorted(
        url
        for url, match in views.items()
        if issubclass(getattr(match.func, "view_class", object), MemberPage)
        and match.view_name not in live._pages  # noqa: SLF001  -- what is registered
    )


def later_page(world: World) -> str:
    """Return the address of the second page of all work."""
    for number in range(60):
        actions.create_work_item(call=Call(world.operator), title=f"Task {number}")
    first = browser(world.operator).get("/work-items/").content.decode()
    later = re.search(r'href="([^"]*cursor=[^"]*)"', first)
    assert later is not None
    return unescape(later[1])


def test_every_other_page_renews_its_counts_and_nothing_else(world: World) -> None:
    # Erasures are read by auditors.
    states.change_roles(world, world.operator, "operator", "auditor")
    client = browser(world.operator)
    assert {"/executions/", "/ledger/", "/settings/", "/members/"} <= set(plain_pages())
    polls = {url: FramePoll(client, url) for url in (*plain_pages(), later_page(world))}
    found = {url: statements(poll) for url, poll in polls.items()}
    assert {url: (status, len(sent)) for url, (status, sent) in found.items()} == dict.fromkeys(
        polls, (NO_NEWS, 2)
    )
    actions.create_work_item(
        call=Call(world.admin), title="For the operator", assignee=world.operator.username
    )
    drain()
    for url, poll in polls.items():
        shown = client.get(url, headers=poll.headers)
        html = shown.content.decode()
        assert shown.status_code == NEWS, url
        assert re.search(r'<span class="count">1<span class="sr-only"> waiting', html), url
        status, sent = statements(poll)
        assert (status, len(sent) <= MOST) == (NEWS, True), url
        assert poll.ask() == NO_NEWS, url
    # It is a frame that is sent: the page itself is not made again.
    old = {**polls["/members/"].headers, "If-None-Match": '"old"'}
    assert "Everybody here" not in client.get("/members/", headers=old).content.decode()


def test_silence_is_news_to_every_other_page_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = FramePoll(browser(world.operator), "/settings/")
    monkeypatch.setattr("web.workers_heard.workers_are_silent", lambda: True)
    shown = poll.client.get(poll.url, headers=poll.headers)
    assert (shown.status_code, "no worker has answered" in shown.content.decode()) == (NEWS, True)


def test_the_answer_to_a_broken_form_asks_for_its_frame(world: World) -> None:
    client = browser(world.admin)
    html = client.post("/members/", {"username": ""}).content.decode()
    assert 'hx-get="/members/"' in html
    assert "data-frame" in html


def test_what_the_reader_may_do_is_news(world: World) -> None:
    item = open_item(world.analyst, open_loan(world), "credit-check").id
    poll = Poll(browser(world.bystander), f"/work-items/{item}/")
    assert world.bystander.membership_id is not None
    for change in (
        lambda: change_groups(
            world.bystander.membership_id, call=Call(world.admin), join=["analysts"]
        ),
        lambda: change_roles(
            world.bystander.membership_id, call=Call(world.admin), roles=["operator"]
        ),
        lambda: stand_in(world, world.bystander, world.analyst),
    ):
        assert poll.ask() == NO_NEWS
        change()
        assert (poll.ask(), poll.ask()) == (NEWS, NO_NEWS)


def test_a_page_reads_what_its_reader_may_do_as_a_verb_does(world: World) -> None:
    assert world.bystander.membership_id is not None
    change_groups(world.bystander.membership_id, call=Call(world.admin), join=["b", "a, c"])
    ended = stand_in(world, world.bystander, world.surveyor)
    end_substitution(ended.id, call=Call(world.admin))
    for absent, wish in ((world.analyst, {}), (world.underwriter, {"group": "underwriters"})):
        stand_in(world, world.bystander, absent, **wish)
    stand_in(world, world.bystander, world.operator, since=now() + DAY)
    for who in (world.bystander, world.admin, world.auditor):
        with tenant_scope(who.tenant_id):
            wanted = authority_of(who)
            said = viewer(who)
            [(known_by, may)] = said.rows.annotate(may=said.may).values_list(said.known_by, "may")
        assert authority_said(who.tenant_id, may) == wanted
        assert known_by.count("$") > 1
    assert len(wanted.stands_in_for) == 0


def test_work_of_those_one_stands_in_for_stands_beside_ones_own_decisions(world: World) -> None:
    stand_in(world, world.operator, world.analyst)
    faulted(world)
    drain()
    item = actions.create_work_item(
        call=Call(world.admin), title="For one who is away", assignee=world.analyst.username
    )
    text = text_of(browser(world.operator).get("/inbox/").content)
    assert "needs a decision" in text
    assert f"For those you stand in for {item.title}" in text


def test_a_page_is_made_anew_where_time_alone_may_have_changed_it(world: World) -> None:
    due = now() + dt.timedelta(minutes=4)
    item = states.new_item(world.operator, assignee=world.analyst.username, due_at=due)
    poll = Poll(browser(world.analyst), f"/work-items/{item.id}/")
    assert poll.ask() == NO_NEWS
    later = now() + dt.timedelta(seconds=live.TRUE_SECONDS + 1)
    with time_machine.travel(later, tick=False):
        assert re.search(r"\d\smin\w* late<", poll.shown) is None
        assert poll.ask() == NEWS
        assert re.search(r"\d\smin\w* late<", poll.shown) is not None
        assert poll.ask() == NO_NEWS


def test_an_open_page_of_one_organisation_shows_nothing_of_another(world: World) -> None:
    slug = f"zeta-{secrets.token_hex(4)}"
    second = create_tenant(slug, "Zeta")
    member = add_member(call=Call(second), username=world.analyst.username, roles=["operator"])
    client = browser(world.analyst)
    poll = Poll(client, "/inbox/")
    client.post(reverse("web:switch-tenant"), {"tenant": str(second.tenant_id)})
    states.new_item(member, title="Of the other", assignee=world.analyst.username)
    answer = client.get("/inbox/", headers=poll.headers)
    assert (answer.status_code, answer.content) == (409, b"")
    assert "Of the other" in client.get("/inbox/").content.decode()
    client.post(reverse("web:switch-tenant"), {"tenant": str(world.operator.tenant_id)})
    assert poll.ask() == NO_NEWS


def test_of_more_than_is_watched_what_stands_at_the_top_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_of = live._rows  # noqa: SLF001  -- where the bound is

    def narrow(number: int, part: live.Watched) -> Any:
        return rows_of(number, dataclasses.replace(part, most=3))

    monkeypatch.setattr(live, "_rows", narrow)
    due = now() + dt.timedelta(hours=1)
    late = states.new_item(world.operator, candidate_groups=["analysts"], due_at=due)
    for _ in range(5):
        states.new_item(world.operator, candidate_groups=["analysts"])
    poll = Poll(browser(world.analyst), "/inbox/")
    assert poll.ask() == NO_NEWS
    actions.edit(late.id, call=Call(world.operator), title="Called otherwise now")
    assert poll.ask() == NEWS
