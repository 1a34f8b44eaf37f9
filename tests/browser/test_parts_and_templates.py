"""Several instances, parts, templates and schedules: what people press and read."""

from __future__ import annotations

import os

from playwright.sync_api import expect

from tests import states
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab
from tests.world import World
from verbs.call import Call
from workitems import actions

ASKED = {"type": "object", "properties": {"till": {"type": "string", "title": "Which till"}}}


def _picture(tab: Tab, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        tab.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_instances_parts_templates_and_schedules(open_tab: OpenTab, world: World) -> None:
    group = {"instances": 3, "required": 2, "on_met": "cancel"}
    item = states.new_item(world.operator, title="Decide about the protocol", group=group)
    actions.start(item.id, call=Call(world.operator))
    tab = open_tab(world.operator)
    page = tab.go(f"/work-items/{item.id}/")
    expect(page.locator("#main")).to_contain_text("2 of 3 have to be done.")
    _picture(tab, "instances")
    assert tab.violations() == []
    page.get_by_role("link", name="Open a part").click()
    page.get_by_label("What has to be done").fill("Ask the bank")
    page.get_by_label("The whole is not completed").check()
    _picture(tab, "part")
    assert tab.violations() == []
    page.get_by_role("button", name="Open the part").click()
    expect(page.locator("#main")).to_contain_text("Part of, and has to end before")

    actions.add_template(
        call=Call(world.operator), name="Count a till", title="Count {till}",
        candidate_groups=["analysts"], input_schema=ASKED,
    )  # fmt: skip
    narrow = open_tab(world.operator, width=320, scheme="dark")
    page = narrow.go("/work-items/new/")
    page.get_by_role("link", name="Templates").click()
    _picture(narrow, "templates")
    assert narrow.violations() == []
    page.get_by_role("link", name="Count a till").click()
    page.get_by_role("link", name="New version").click()
    page.get_by_label("Description").fill("All of it")
    _picture(narrow, "template-version")
    page.get_by_role("button", name="Add the version").click()
    expect(page.locator("#main")).to_contain_text("Version 2, this one")
    page.get_by_label("Which till").fill("Till 7")
    _picture(narrow, "template")
    assert narrow.violations() == []
    page.get_by_role("button", name="Open the task").click()
    expect(page.get_by_role("heading", name="Count Till 7")).to_be_visible()

    actions.add_template(call=Call(world.operator), name="Lock up", title="Lock up")
    page = tab.go("/work-items/schedules/")
    page.get_by_label("Template").select_option("Lock up 1")
    page.get_by_label("What it is called").fill("Every Monday")
    page.get_by_label("When").fill("0 8 * * MON")
    page.get_by_role("button", name="Add the schedule").click()
    expect(page.locator("#main")).to_contain_text("Monday at 08:00")
    _picture(tab, "schedules")
    assert tab.violations() == []
    page.get_by_role("link", name="Change it").click()
    page.get_by_label("When").fill("0 9 * * TUE")
    _picture(tab, "schedule-edit")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#main")).to_contain_text("Tuesday at 09:00")
    page.get_by_role("button", name="End the schedule").click()
    expect(page.locator("#main")).to_contain_text("No tasks come again")
