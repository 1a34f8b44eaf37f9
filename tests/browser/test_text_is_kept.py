"""A session that is over while somebody writes, in a browser with JavaScript and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.integration.workitems_made import stored, undo_task
from tests.world import PASSWORD, World

LETTER = "Letter of withdrawal to R. Vega, 25 November"


@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
@pytest.mark.parametrize("width", [375, 1280])
def test_the_text_is_back_after_logging_in(
    open_tab: OpenTab, world: World, javascript: object, width: int
) -> None:
    task = undo_task(world)
    tab = open_tab(world.analyst, javascript=bool(javascript), width=width)
    page = tab.go(f"/work-items/{task.id}/")
    page.get_by_label("Cannot be reversed").check()
    page.get_by_label("Why can it not be reversed?").fill(LETTER)
    tab.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Complete", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="What you wrote is kept")).to_be_visible()
    expect(page.get_by_label("Username")).to_have_value(world.analyst.username)
    assert tab.violations() == [] if javascript else True
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{tab.url}/work-items/{task.id}/")
    expect(page.get_by_text("What you wrote is here again. It was not sent yet.")).to_be_visible()
    expect(page.get_by_label("Cannot be reversed")).to_be_checked()
    expect(page.get_by_label("Why can it not be reversed?")).to_have_value(LETTER)
    assert stored(world, task.id).status == "ASSIGNED"
    page.get_by_role("button", name="Complete", exact=True).click()
    expect(page.get_by_text("How it ended")).to_be_visible()
    assert stored(world, task.id).ended_reason == LETTER


def test_the_question_is_that_of_the_outcome(open_tab: OpenTab, world: World) -> None:
    task = undo_task(world)
    page = open_tab(world.analyst).go(f"/work-items/{task.id}/")
    for outcome, question in (
        ("Corrected", "What stands now?"),
        ("Partly reversed", "What stays, and why?"),
        ("Cannot be reversed", "Why can it not be reversed?"),
    ):
        page.get_by_label(outcome).check()
        expect(page.get_by_label(question)).to_be_visible()
    page.get_by_label("Reversed", exact=False).first.check()
    expect(page.get_by_label("What shows that it is reversed?")).to_be_visible()
    expect(page.get_by_label("Why can it not be reversed?")).to_be_hidden()
