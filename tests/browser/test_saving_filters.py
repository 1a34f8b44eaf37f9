"""A list is narrowed, kept under a name, found again and forgotten: what people press and read."""

from __future__ import annotations

import os

from playwright.sync_api import expect

from tests import states
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab
from tests.world import World
from verbs.call import Call
from workitems import actions


def _picture(tab: Tab, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        tab.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_filter_is_kept_applied_and_removed(open_tab: OpenTab, world: World) -> None:
    states.new_item(world.operator, title="Hot", priority="URGENT")
    states.new_item(world.operator, title="Cold")
    actions.save_filter(
        call=Call(world.surveyor), name="Undo tasks of the week", shared=True,
        filter={"kind": "COMPENSATION", "due": "week"},
    )  # fmt: skip
    tab = open_tab(world.analyst)
    page = tab.go("/work-items/?priority=URGENT&created_after=2020-01-01T00:00:00Z")
    page.get_by_text("Save this filter").click()
    _picture(tab, "keep")
    assert tab.violations() == []
    page.get_by_label("Name of the filter").fill("What is urgent")
    page.get_by_label("Show it to everybody").check()
    page.get_by_role("button", name="Save it").click()
    expect(page.get_by_role("link", name="What is urgent")).to_have_attribute(
        "aria-current", "true"
    )
    expect(page.get_by_role("button", name="Remove “What is urgent”")).to_be_visible()
    _picture(tab, "kept")
    assert tab.violations() == []

    other = open_tab(world.surveyor, width=320)
    page_of_other = other.go("/inbox/")
    _picture(other, "inbox_320")
    assert other.violations() == []
    page_of_other.get_by_role("link", name="What is urgent shared").click()
    expect(page_of_other.locator("#main")).to_contain_text("Hot")
    expect(page_of_other.locator("#main")).not_to_contain_text("Cold")
    expect(page_of_other.get_by_role("button", name="Remove “What is urgent”")).to_have_count(0)

    page.get_by_role("button", name="Remove “What is urgent”").click()
    expect(page.get_by_role("link", name="What is urgent")).to_have_count(0)
    expect(page.get_by_role("link", name="Undo tasks of the week shared")).to_be_visible()
