"""What members put around a task: what people press and read."""

from __future__ import annotations

import os
import re

from playwright.sync_api import expect

from tests import states
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab
from tests.world import World


def _picture(tab: Tab, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        tab.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_notes_and_labels_are_added_and_removed(open_tab: OpenTab, world: World) -> None:
    item = states.in_progress(world.analyst)
    tab = open_tab(world.analyst)
    page = tab.go(f"/work-items/{item.id}/")
    _picture(tab, "empty")
    page.get_by_text("Write a note", exact=True).click()
    page.get_by_label("Note", exact=True).fill("The payslip is of March.\nI asked for April.")
    _picture(tab, "writing")
    assert tab.violations() == []
    page.get_by_role("button", name="Add the note").click()
    for name in ("urgent", "payslip missing"):
        page.get_by_text("Put a label on it", exact=True).click()
        page.get_by_label("Label", exact=True).fill(name)
        page.get_by_role("button", name="Add the label").click()
    around = page.locator("section", has=page.get_by_role("heading", name="Notes and more"))
    expect(around).to_contain_text("I asked for April.")
    _picture(tab, "said")
    assert tab.violations() == []
    narrow = open_tab(world.analyst, width=320, scheme="dark")
    narrow.go(f"/work-items/{item.id}/")
    _picture(narrow, "narrow")
    assert narrow.violations() == []
    page.get_by_role("button", name=re.compile("urgent")).click()
    expect(around).not_to_contain_text("urgent")
    expect(around).to_contain_text("payslip missing")
