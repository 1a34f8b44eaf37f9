"""What members put around a task: what people press and read."""

from __future__ import annotations

import os
import re

from playwright.sync_api import FilePayload, expect

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


def test_links_relations_files_progress_and_drafts_without_a_script(
    open_tab: OpenTab, world: World
) -> None:
    first = states.new_item(world.operator, title="Call the employer")
    item = states.in_progress(world.analyst)
    tab = open_tab(world.analyst, javascript=False)
    page = tab.go(f"/work-items/{first.id}/")
    page.get_by_text("Relate it to another", exact=True).click()
    page.get_by_label("This task").select_option("BLOCKS")
    page.get_by_label("The other", exact=True).fill(f"https://amends.example/work-items/{item.id}/")
    page.get_by_label("The other waits").check()
    _picture(tab, "relating")
    page.get_by_role("button", name="Relate them").click()
    page = tab.go(f"/work-items/{item.id}/")
    page.get_by_text("Add a link", exact=True).click()
    page.get_by_label("Address").fill("https://files.example/payslips/7")
    page.get_by_label("What it is called").fill("The payslip")
    page.get_by_role("button", name="Add the link").click()
    page.get_by_text("Attach a file", exact=True).click()
    file: FilePayload = {
        "name": "payslip.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"
    }  # fmt: skip
    page.get_by_label("File", exact=True).set_input_files(file)
    _picture(tab, "attaching")
    page.get_by_role("button", name="Attach it").click()
    page.get_by_text("Say how far it is", exact=True).click()
    page.get_by_label("Done, of a hundred").fill("40")
    page.get_by_role("button", name="Keep it").click()
    page.locator("#id_resolution\\.note").fill("The payslip is of March")
    page.get_by_role("button", name="Save draft").click()
    main = page.locator("#main")
    expect(main).to_contain_text("Waits for the end of Call the employer")
    expect(main).to_contain_text("The work: 40 % done")
    expect(page.locator("#id_resolution\\.note")).to_have_value("The payslip is of March")
    _picture(tab, "around")
    narrow = open_tab(world.operator, width=320, scheme="dark")
    narrow.go(f"/work-items/{item.id}/")
    _picture(narrow, "around_narrow")
    assert narrow.violations() == []
