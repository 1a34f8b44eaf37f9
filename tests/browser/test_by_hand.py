"""The tutorial, by hand: from starting a case to its last undo task, every step in the browser."""

from __future__ import annotations

import re
import uuid

from django.urls import reverse
from playwright.sync_api import Page, expect

from config.demo.transfers import balances, open_accounts
from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab
from tests.casework import LOAN, case_row, deploy
from tests.draining import drain
from tests.verifying import verify
from tests.world import World

FORWARD = (
    ("analyst", "Check the applicant's credit", "Passed"),
    ("surveyor", "Value the property", "Valued"),
    ("underwriter", "Approve the loan", "Approved"),
)
BACK = (
    ("underwriter", "Withdraw the approval of the loan"),
    ("surveyor", "Withdraw the valuation of the property"),
    ("compliance", "Undo: Check the applicant's credit"),
)


def test_a_loan_is_given_and_taken_back_in_the_browser(open_tab: OpenTab, world: World) -> None:
    deploy(world, LOAN)
    open_accounts(world.operator.tenant_id)
    tabs = {
        name: open_tab(world.of(name))
        for name in ("operator", "analyst", "surveyor", "underwriter", "compliance")
    }
    case_id = start_case(tabs["operator"], world.analyst.username)
    for who, title, outcome in FORWARD:
        answer(tabs[who], title, outcome)
    assert case_row(world, case_id).status == "COMPLETED"
    assert balances(world.operator.tenant_id) == {"bank": 975_000, "customer": 25_000}

    roll_back(tabs["operator"], case_id)
    for who, title in BACK:
        answer(tabs[who], title, "Reversed")
    assert case_row(world, case_id).status == "COMPENSATED"
    assert balances(world.operator.tenant_id) == {"bank": 1_000_000, "customer": 0}

    page = tabs["operator"].go(reverse("cases:detail", args=[case_id]))
    expect(page.locator(".title-line")).to_contain_text("Rolled back")
    page.locator(".page-head").get_by_role("link", name="Causal chain").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Causal chain")
    rows = page.locator("table tbody tr").all_inner_texts()
    drawn = page.locator("svg .node").count()
    assert drawn == len(rows)
    verify()


def start_case(tab: Tab, adviser: str) -> uuid.UUID:
    """Start a loan and return its case. Nobody but a member is taken for the adviser."""
    page = tab.go(reverse("cases:start"))
    # It is the only kind, so its form is there.
    page.get_by_label("Applicant").fill("R. Vega")
    page.get_by_label("Amount").fill("250.00")
    page.get_by_label("Adviser").fill(adviser)
    page.get_by_role("button", name="Start the case").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Loan approval 1")
    drain()
    return uuid.UUID(tab.path.strip("/").split("/")[-1])


def answer(tab: Tab, title: str, outcome: str) -> None:
    """Take a task from the group's inbox and finish it; the engine goes on."""
    page = tab.go("/inbox/")
    page.get_by_role("link", name=re.compile("^My groups")).click()
    page.locator("main").get_by_role("link", name=title).click()
    page.locator("main").get_by_role("button", name="Start", exact=True).click()
    choose(page, outcome)
    complete = page.locator("main").get_by_role("button", name="Complete", exact=True)
    complete.click()
    expect(complete).to_have_count(0)
    drain()


def choose(page: Page, outcome: str) -> None:
    """Tick the outcome whose name begins the label."""
    label = page.locator(".choice", has=page.locator("b", has_text=re.compile(f"^{outcome}$")))
    label.locator("input").check()


def roll_back(tab: Tab, case_id: uuid.UUID) -> None:
    """Ask for the preview and run exactly that."""
    page = tab.go(reverse("cases:detail", args=[case_id]))
    page.locator("main").get_by_role("link", name=re.compile("^Roll back")).first.click()
    page.get_by_label("Reason").fill("The salary statement was forged")
    page.get_by_role("button", name="Show what will be undone").click()
    page.get_by_label(re.compile("^Type .* to confirm$")).fill("1")
    page.locator("main").get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_text("The rollback has begun.")).to_be_visible()
    drain()
