"""Pages refresh while somebody looks at them, and take nothing from under their hands."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, Request, expect

from compensation.actions.step_verbs import retry_step
from tests.browser.conftest import OpenTab
from tests.casework import approved_loan, finish, open_item, open_loan, roll_back, undo
from tests.draining import drain
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems.actions import cancel, claim, create_work_item, resume, start, suspend

DASH = "\N{EN DASH}"
TWO_NEW, CHANGED = f"2 new {DASH} show", f"This list has changed {DASH} show"
LOOK = "() => window.htmx.trigger('#live', 'amends:look')"
HIDE = """() => {
  Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def look(page: Page) -> None:
    """Let the page ask for news now, and wait until it has taken the answer."""
    with page.expect_response(lambda answer: "amends-live" in answer.request.headers):
        page.evaluate(LOOK)
    page.wait_for_function("() => !document.querySelector('#live.htmx-request')")


def task(world: World, title: str) -> uuid.UUID:
    """Give the surveyor a task."""
    found: uuid.UUID = create_work_item(
        call=Call(world.operator), title=title, assignee=world.surveyor.username
    ).id
    drain()
    return found


def polls_of(page: Page) -> list[str]:
    """Return what the page will have asked about itself, as it does so."""
    found: list[str] = []

    def note(request: Request) -> None:
        if "amends-live" in request.headers:
            found.append(request.url)

    page.on("request", note)
    return found


def titles(page: Page) -> list[str]:
    """Return the titles of the rows, from the top."""
    return page.locator("#main [data-row]").all_inner_texts()


def test_new_work_waits_behind_a_button_and_moves_nothing(open_tab: OpenTab, world: World) -> None:
    task(world, "First")
    tab = open_tab(world.surveyor)
    page = tab.go("/inbox/")
    assert titles(page) == ["First"]
    task(world, "Second")
    task(world, "Third")
    look(page)
    show = page.get_by_role("button", name=TWO_NEW)
    expect(show).to_be_visible()
    assert titles(page) == ["First"]
    expect(page.locator("#live-status")).to_have_text(TWO_NEW)
    expect(page.locator("nav.side .nav-list a").first).to_contain_text("3")
    assert tab.violations() == []
    show.click()
    assert titles(page) == ["First", "Second", "Third"]
    expect(show).to_be_hidden()
    expect(page.get_by_role("link", name="Second")).to_be_focused()


def test_what_holds_a_form_in_use_stays_though_its_time_is_over(
    open_tab: OpenTab, world: World
) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    drain()
    page = open_tab(world.operator).go(f"/compensation-runs/{run.id}/steps/2/")
    page.locator("details.decide", has_text="Give it up").locator("summary").click()
    written = page.locator("details.decide", has_text="Give it up").get_by_label("Why").first
    written.fill("The loss is accepted")
    retry_step(run.id, 2, call=Call(world.admin))
    drain()
    look(page)
    expect(page.locator("main")).to_contain_text("Under way")
    expect(written).to_have_value("The loss is accepted")


def test_a_form_in_use_says_that_it_can_no_longer_be_sent(open_tab: OpenTab, world: World) -> None:
    case = open_loan(world)
    item = open_item(world.analyst, case, "credit-check")
    claim(item.id, call=Call(world.analyst))
    start(item.id, call=Call(world.analyst))
    tab = open_tab(world.analyst)
    page = tab.go(f"/work-items/{item.id}/")
    written = page.locator("#main form textarea, #main form input[type=text]").first
    written.fill("The score is 712")
    cancel(item.id, call=Call(world.operator), reason="The customer has left")
    drain()
    look(page)
    # Status, buttons and history are true, although somebody writes; the text stays.
    expect(page.locator(".page-head .badge")).to_have_text("Cancelled")
    expect(page.locator("#main")).not_to_contain_text("In progress")
    expect(page.get_by_role("link", name="Put on hold")).to_have_count(0)
    expect(written).to_have_value("The score is 712")
    expect(page.locator("#main form .note")).to_contain_text("it is now “Cancelled”")
    expect(page.get_by_role("button", name="Complete", exact=True)).to_be_disabled()
    expect(page.locator("#live-status")).to_contain_text("This can no longer be sent")
    look(page)
    expect(page.locator("#main form .note")).to_have_count(1)
    assert tab.violations() == []


def test_the_answer_to_a_form_stays_true_too(open_tab: OpenTab, world: World) -> None:
    case = open_loan(world)
    item = open_item(world.analyst, case, "credit-check")
    claim(item.id, call=Call(world.analyst))
    start(item.id, call=Call(world.analyst))
    tab = open_tab(world.analyst)
    page = tab.go(f"/work-items/{item.id}/")
    written = page.locator("#main form textarea, #main form input[type=text]").first
    written.fill("The score is 712")
    tab.expected.add(422)
    page.get_by_role("button", name="Complete", exact=True).click()
    refused = page.get_by_role("alert")
    expect(refused).to_be_visible()
    # Nothing is in focus in the form, and nothing in it is another than it came with.
    page.locator("h1").click()
    look(page)
    expect(written).to_have_value("The score is 712")
    expect(refused).to_be_visible()
    expect(page.locator(".page-head .badge")).to_have_text("In progress")
    cancel(item.id, call=Call(world.operator), reason="The customer has left")
    drain()
    look(page)
    expect(page.locator(".page-head .badge")).to_have_text("Cancelled")
    expect(written).to_have_value("The score is 712")
    expect(page.locator("#main form .note")).to_contain_text("it is now “Cancelled”")
    assert tab.violations() == []


def test_a_form_that_can_be_sent_again_says_so_no_longer(open_tab: OpenTab, world: World) -> None:
    item = task(world, "Held for a while")
    start(item, call=Call(world.surveyor))
    page = open_tab(world.surveyor).go(f"/work-items/{item}/")
    written = page.locator("#main form textarea, #main form input[type=text]").first
    written.fill("Measured twice")
    suspend(item, call=Call(world.operator))
    look(page)
    send = page.get_by_role("button", name="Complete", exact=True)
    expect(send).to_be_disabled()
    resume(item, call=Call(world.operator))
    look(page)
    expect(send).to_be_enabled()
    expect(page.locator("form .note")).to_have_count(0)
    expect(written).to_have_value("Measured twice")


def test_work_that_has_gone_stays_in_its_place_until_the_list_is_shown_anew(
    open_tab: OpenTab, world: World
) -> None:
    task(world, "Stays")
    gone = task(world, "Goes")
    page = open_tab(world.surveyor).go("/inbox/")
    work(world.surveyor, gone, None)
    look(page)
    assert titles(page) == ["Stays", "Goes"]
    expect(page.locator("li.is-gone")).to_contain_text("Goes")
    page.get_by_role("button", name=CHANGED).click()
    assert titles(page) == ["Stays"]


def test_a_page_of_one_thing_shows_the_next_state_without_being_loaded_again(
    open_tab: OpenTab, world: World
) -> None:
    case = open_loan(world)
    page = open_tab(world.operator).go(f"/cases/{case}/")
    page.evaluate("() => { window.kept = true; }")
    expect(page.locator("#main")).not_to_contain_text("Value the property")
    finish(world.analyst, case, "credit-check", "PASSED")
    # Nobody presses anything: the page asks by itself.
    expect(page.locator("#main")).to_contain_text(re.compile("valu", re.IGNORECASE), timeout=20_000)
    assert page.evaluate("() => window.kept") is True
    expect(page.locator("#live-status")).not_to_be_empty()


def test_after_a_button_the_page_asks_sooner(open_tab: OpenTab, world: World) -> None:
    case = open_loan(world)
    item = open_item(world.analyst, case, "credit-check").id
    tab = open_tab(world.analyst)
    page = tab.go(f"/work-items/{item}/")
    polls = polls_of(page)
    page.get_by_role("button", name="Start").first.click()
    expect(page).to_have_url(f"{tab.url}/work-items/{item}/")
    page.wait_for_timeout(3_500)
    assert len(polls) >= 2


def test_what_is_being_written_stays_and_so_does_the_cursor(
    open_tab: OpenTab, world: World
) -> None:
    case = open_loan(world)
    item = open_item(world.analyst, case, "credit-check").id
    start(item, call=Call(world.analyst))
    page = open_tab(world.analyst).go(f"/work-items/{item}/")
    text = page.locator("#main form textarea, #main form input[type=text]").first
    text.fill("not finished yet")
    task(world, "Something else")
    create_work_item(call=Call(world.operator), title="Mine", assignee=world.analyst.username)
    drain()
    look(page)
    expect(page.locator("nav.side .nav-list a").first).to_contain_text("2")
    expect(text).to_have_value("not finished yet")
    expect(text).to_be_focused()


def test_any_other_page_renews_what_stands_around_it_alone(
    open_tab: OpenTab, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        create_work_item(call=Call(world.operator), title=f"Task {number}")
    tab = open_tab(world.surveyor)
    page = tab.go("/settings/")
    written = page.get_by_label("What it is for")
    written.fill("nightly import")
    task(world, "Measure it")
    look(page)
    waiting = page.locator("nav.side .nav-list a").first
    expect(waiting).to_contain_text("1")
    expect(written).to_have_value("nightly import")
    monkeypatch.setattr("web.workers_heard.workers_are_silent", lambda: True)
    look(page)
    silent = page.get_by_text("no worker has answered")
    expect(silent).to_be_visible()
    monkeypatch.undo()
    look(page)
    expect(silent).to_have_count(0)
    page = tab.go("/work-items/")
    page.locator("a[rel=next]").click()
    expect(page).to_have_url(re.compile("cursor="))
    before = titles(page)
    task(world, "Measure it again")
    look(page)
    expect(waiting).to_contain_text("2")
    assert titles(page) == before
    expect(page.locator("#live-bar")).to_be_hidden()
    assert tab.violations() == []


def test_who_was_signed_out_is_told_and_keeps_the_text(open_tab: OpenTab, world: World) -> None:
    case = open_loan(world)
    item = open_item(world.analyst, case, "credit-check").id
    start(item, call=Call(world.analyst))
    tab = open_tab(world.analyst)
    page = tab.go(f"/work-items/{item}/")
    text = page.locator("#main form textarea, #main form input[type=text]").first
    text.fill("not finished yet")
    tab.expected.add(401)
    tab.context.clear_cookies()
    look(page)
    expect(page.get_by_role("link", name=re.compile("You have been signed out"))).to_be_visible()
    expect(text).to_have_value("not finished yet")
    assert tab.path == f"/work-items/{item}/"


def test_a_hidden_tab_asks_nothing(open_tab: OpenTab, world: World) -> None:
    page = open_tab(world.surveyor).go("/inbox/")
    page.evaluate("() => { document.getElementById('live').dataset.seconds = '0.2'; }")
    page.evaluate(HIDE)
    polls = polls_of(page)
    page.wait_for_timeout(1_500)
    assert polls == []


def test_without_script_nothing_is_promised(open_tab: OpenTab, world: World) -> None:
    page = open_tab(world.bystander, javascript=False).go("/inbox/")
    expect(page.locator("#live-bar")).to_be_hidden()
    expect(page.locator("#main")).not_to_contain_text("on its own")
