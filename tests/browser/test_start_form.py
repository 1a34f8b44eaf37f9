"""A kind of case is chosen and its form filled in, with a script or without; then its page tells
what was written as it was declared."""

from __future__ import annotations

import os
from typing import Any, Literal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab
from tests.casework import LOAN, deploy
from tests.definitions import definition, human
from tests.integration.test_start_form_of_a_kind import SCHEMA
from tests.world import World


def _picture(tab: Tab, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        tab.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def _shop() -> dict[str, Any]:
    source = definition("shop", human("visit", compensation=None))
    source["spec"]["inputSchema"] = SCHEMA
    return source


@pytest.mark.parametrize(
    ("javascript", "scheme", "width"),
    [(True, "light", 1280), (True, "dark", 375), (False, "light", 320)],
)
def test_a_kind_is_chosen_and_its_form_filled_in(
    open_tab: OpenTab,
    world: World,
    javascript: object,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    deploy(world, LOAN)
    deploy(world, _shop())
    tab = open_tab(world.operator, javascript=bool(javascript), scheme=scheme, width=width)
    tab.expected.add(422)
    page = tab.go("/cases/new/")
    _picture(tab, f"kinds-{width}")
    assert tab.overflow() == 0
    assert not javascript or tab.violations() == []
    page.get_by_role("link", name="Shop").click()
    expect(page.get_by_role("heading", name="Shop")).to_be_visible()
    expect(page.locator(".note-undo")).to_contain_text("1 step has no way back")
    page.get_by_label("Item, row 1").fill("Rope")
    page.get_by_role("button", name="Add a row").click()
    page.get_by_label("Item, row 2").fill("Door")
    page.get_by_label("Sum, row 2").fill("12.505")
    page.get_by_label("Sold by, row 2").fill("nobody")
    page.get_by_label("Keeper").press("Enter")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Sum, row 2 (EUR): Write at most 2 digits")
    expect(alert).to_contain_text("no active member is called 'nobody'")
    expect(alert).to_contain_text("Keeper: This field is required.")
    expect(page.get_by_label("Item, row 2")).to_have_value("Door")
    _picture(tab, f"refused-{width}")
    assert tab.overflow() == 0
    assert not javascript or tab.violations() == []
    page.get_by_role("link", name="Loan approval").click()
    page.get_by_label("Applicant").fill("R. Vega")
    page.get_by_label("Amount (EUR)").fill("1,250.50")
    page.get_by_label("Adviser").fill(world.analyst.username)
    _picture(tab, f"loan-{width}")
    page.get_by_role("button", name="Start the case").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Loan approval 1")
    known = page.locator("#context")
    expect(known).to_contain_text("R. Vega")
    expect(known.locator(".fold-line")).to_contain_text("Amount 1,250.50 EUR")
    known.locator("summary").click()
    _picture(tab, f"case-{width}")
    assert tab.overflow() == 0
    assert not javascript or tab.violations() == []
