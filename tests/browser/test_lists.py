"""The inbox and the search: what is typed and pressed there, and the way back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.casework import approved_loan, roll_back, undo
from tests.draining import drain
from tests.integration.workitems_made import opened
from tests.world import World


@pytest.mark.parametrize("scripts", ["with-js", "without-js"])
def test_a_filtered_list_is_there_again_after_a_task_is_done(
    world: World, open_tab: OpenTab, scripts: str
) -> None:
    opened(world, title="one", candidate_groups=["analysts"], priority="HIGH")
    opened(world, title="two", candidate_groups=["analysts"], priority="LOW")
    tab = open_tab(world.analyst, javascript=scripts == "with-js")
    page = tab.go("/inbox/")
    page.get_by_role("link", name=re.compile("^My groups")).click()
    page.locator(".chips summary").click()
    page.get_by_label("Priority").select_option("HIGH")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".row-title")).to_have_text(["one"])
    listed = tab.path
    assert "tab=groups" in listed
    page.locator(".row-title").click()
    page.get_by_role("button", name="Take it").click()
    expect(page.get_by_text("It is yours now.")).to_be_visible()
    page.get_by_role("navigation", name="You are here").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    assert tab.path == listed
    expect(page.get_by_text("No match")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator(".row-title")).to_have_text(["two"])


def test_a_decision_is_one_press_away(world: World, open_tab: OpenTab) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    drain()
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    tab = open_tab(world.operator)
    page = tab.go("/inbox/")
    row = page.locator(".rows-bad > li")
    expect(row).to_contain_text("Rollback of Loan approval 1 needs a decision")
    row.get_by_role("link", name="Decide: Rollback of Loan approval 1 needs a decision").click()
    expect(page).to_have_url(f"{tab.url}{tab.path}")
    assert "/steps/" in tab.path


def test_the_box_finds_a_case_by_its_number(world: World, open_tab: OpenTab) -> None:
    approved_loan(world)
    tab = open_tab(world.analyst)
    page = tab.go("/inbox/")
    page.keyboard.press("/")
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Search", level=1)).to_be_visible()
    page.get_by_role("link", name="Loan approval 1", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Loan approval 1")


@pytest.mark.parametrize("width", [320, 375])
def test_the_tabs_of_the_inbox_stay_in_one_line(
    world: World, open_tab: OpenTab, width: int
) -> None:
    tab = open_tab(world.analyst)
    tab.page.set_viewport_size({"width": width, "height": 800})
    page = tab.go("/inbox/?tab=all")
    tabs = page.get_by_role("navigation", name="Which work")
    tops = tabs.get_by_role("link").evaluate_all("all => all.map(it => it.offsetTop)")
    assert len(set(tops)) == 1
    # The one that is open is seen, but for a part of a pixel, and the page does not move aside.
    expect(tabs.get_by_role("link", name="Everything")).to_be_in_viewport(ratio=0.99)
    assert page.evaluate("document.documentElement.scrollWidth") == width
