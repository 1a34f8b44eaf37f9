"""Ticking tasks of a list: what can be done with them is at hand, on every screen."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.integration.workitems_made import opened, stored
from tests.world import World


@pytest.mark.parametrize("width", [1280, 375])
def test_ticked_tasks_are_taken_together(open_tab: OpenTab, world: World, width: int) -> None:
    items = [opened(world, title=f"Task {n}", candidate_groups=["analysts"]) for n in range(3)]
    tab = open_tab(world.analyst, width=width)
    page = tab.go("/inbox/")
    page.get_by_label("Tick Task 0").check()
    page.get_by_label("Tick Task 2").check()
    expect(page.locator("#several")).to_have_css("position", "sticky")
    assert tab.overflow() == 0
    assert tab.violations() == []
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/several-{width}.png", full_page=True)
    page.locator("#several").get_by_role("button", name="Take it").click()
    expect(page.locator(".messages")).to_contain_text("2 tasks are yours now.")
    taken = [stored(world, each.id).assignee_id == world.analyst.actor_id for each in items]
    assert taken == [True, False, True]
