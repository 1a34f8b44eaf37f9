"""The form of a schema in a browser: a row more without a script, errors beside their fields."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.integration.test_forms_of_schemas import SCHEMA
from tests.integration.workitems_made import opened, stored
from tests.world import World


@pytest.mark.parametrize(
    ("javascript", "scheme", "width"),
    [(True, "light", 1280), (True, "dark", 375), (False, "light", 320)],
)
def test_rows_are_written_one_by_one(
    open_tab: OpenTab,
    world: World,
    javascript: object,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    item = opened(
        world, title="Value the damage", assignee=world.analyst.username,
        permitted_outcomes=["VALUED", "REJECTED"], resolution_schema=SCHEMA,
    )  # fmt: skip
    tab = open_tab(world.analyst, javascript=bool(javascript), scheme=scheme, width=width)
    tab.expected.add(422)
    page = tab.go(f"/work-items/{item.id}/")
    page.get_by_label("Valued").check()
    page.get_by_label("Item, row 1").fill("Roof")
    page.get_by_label("Sum, row 1").fill("1,250")
    page.get_by_role("button", name="Add a row").click()
    expect(page.get_by_label("Item, row 1")).to_have_value("Roof")
    page.get_by_label("Item, row 2").fill("Door")
    page.get_by_label("Value (EUR)").fill("180,000.505")
    page.get_by_label("Item, row 2").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Value (EUR): Write at most 2 digits")
    expect(page.get_by_role("alert")).to_contain_text("Sum, row 2 (EUR): This field is required.")
    expect(page.get_by_role("alert").get_by_role("listitem")).to_have_count(3)
    assert tab.overflow() == 0
    assert not javascript or tab.violations() == []
    page.get_by_label("Value (EUR)").fill("180,000.50")
    page.get_by_label("Sum, row 2").fill("75.5")
    page.get_by_label("Street").first.fill("Lane 1")
    page.get_by_role("button", name="Complete", exact=True).click()
    expect(page.get_by_text("How it ended")).to_be_visible()
    expect(page.get_by_text("180,000.50").first).to_be_visible()
    assert tab.overflow() == 0
    assert not javascript or tab.violations() == []
    resolution = stored(world, item.id).resolution
    assert resolution is not None
    assert resolution["lines"] == [
        {"what": "Roof", "sum": 125_000, "paid": False},
        {"what": "Door", "sum": 7_550, "paid": False},
    ]
