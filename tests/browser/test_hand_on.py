"""A task is handed on, declined, put on hold and goes on: what people press and read."""

from __future__ import annotations

import os

from playwright.sync_api import expect

from tests import states
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab
from tests.world import World


def _picture(tab: Tab, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        tab.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_task_is_handed_on_and_comes_back(open_tab: OpenTab, world: World) -> None:
    item = states.new_item(
        world.operator, assignee=world.analyst.username, candidate_groups=["analysts"]
    )
    tab = open_tab(world.analyst)
    page = tab.go(f"/work-items/{item.id}/")
    _picture(tab, "item")
    page.get_by_role("link", name="Hand on").click()
    _picture(tab, "hand_on")
    assert tab.violations() == []
    page.get_by_label("Hand it to").fill(world.surveyor.username)
    page.get_by_role("button", name="Hand it on").click()
    expect(page.locator("#main")).to_contain_text("no answer yet")
    _picture(tab, "handed_on")

    asked = open_tab(world.surveyor, width=375)
    page = asked.go("/inbox/")
    _picture(asked, "inbox")
    page.get_by_role("link", name=item.title).click()
    _picture(asked, "asked")
    assert asked.violations() == []
    page.get_by_role("link", name="Do not take it over").click()
    page.get_by_label("Why").fill("Too much to do")
    page.get_by_role("button", name="Decline").click()
    page = tab.go(f"/work-items/{item.id}/")
    expect(page.locator("#main")).to_contain_text("Too much to do")
    asked_whom = f"from you to {world.surveyor.username}: not taken over"
    expect(page.locator("#main")).to_contain_text(asked_whom)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()


def test_a_task_on_hold_says_until_when_and_goes_on(open_tab: OpenTab, world: World) -> None:
    item = states.in_progress(world.analyst)
    tab = open_tab(world.analyst)
    page = tab.go(f"/work-items/{item.id}/")
    _picture(tab, "begun")
    page.get_by_role("link", name="Put on hold").click()
    page.get_by_label("Until").fill("2100-01-02T09:00")
    _picture(tab, "hold")
    page.get_by_role("button", name="Put it on hold").click()
    expect(page.locator("#main")).to_contain_text("On hold until 2 January 2100, 09:00")
    _picture(tab, "held")
    assert tab.violations() == []
    page.get_by_role("button", name="Let it go on").click()
    expect(page.locator("#main")).to_contain_text("In progress")
