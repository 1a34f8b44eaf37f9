"""An undo needs agreement: it is asked for, seen in a queue, and agreed to; what people read."""

from __future__ import annotations

import os

from playwright.sync_api import expect

from tests.approvals import TWO, approve, asked, finished, second_approver
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab
from tests.world import World
from verbs.call import Call


def _picture(tab: Tab, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        tab.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_an_undo_is_asked_for_and_agreed_to_by_two(open_tab: OpenTab, world: World) -> None:
    second, item = second_approver(world), finished(world, **TWO)
    operator = open_tab(world.operator)
    page = operator.go(f"/work-items/{item.id}/")
    page.get_by_role("link", name="Undo", exact=True).click()
    page.get_by_label("Reason").fill("The payslip was forged")
    page.get_by_role("button", name="Ask for the undo").click()
    expect(page.locator("#main")).to_contain_text("Its undo needs agreement.")
    _picture(operator, "item")
    page.get_by_role("link", name="Undo of Check the credit").click()
    expect(page.get_by_role("link", name="Withdraw")).to_be_visible()
    expect(page.get_by_role("link", name="Approve", exact=True)).to_have_count(0)
    _picture(operator, "own")

    approver = open_tab(world.approver, width=375)
    page = approver.go("/approvals/")
    _picture(approver, "queue_small")
    assert approver.violations() == []
    page.get_by_role("link", name="Undo of Check the credit").click()
    page.get_by_role("link", name="Approve", exact=True).click()
    _picture(approver, "approve_small")
    page.get_by_label("Reason").fill("I have seen both payslips")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#main")).to_contain_text("you have decided a step of it")
    _picture(approver, "first_small")

    asked(world)
    last = open_tab(second)
    page = last.go("/approvals/")
    _picture(last, "queue")
    page.get_by_role("link", name="Undo of Check the credit").last.click()
    _picture(last, "second")
    page.get_by_role("link", name="Approve", exact=True).click()
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#main")).to_contain_text("Everybody who had to agree has agreed")
    assert last.violations() == []
    _picture(last, "granted")


def test_who_has_nothing_to_decide_is_told_so(open_tab: OpenTab, world: World) -> None:
    approval = asked(world)
    approve(approval.id, call=Call(world.approver))
    tab = open_tab(world.approver)
    page = tab.go("/approvals/")
    expect(page.locator("#main")).to_contain_text("Nothing to approve")
    _picture(tab, "empty")
