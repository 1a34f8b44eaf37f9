"""The main job in the browser: see what will be undone, run exactly that, do the undo task."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from config.demo.transfers import balances
from tests.browser.conftest import OpenTab
from tests.casework import approved_loan, case_row, counted, open_undo, plan_items, roll_back, undo
from tests.draining import drain
from tests.world import World

REASON = "The salary statement was forged"
BOTH = pytest.mark.parametrize("scripts", ["with-js", "without-js"])


@BOTH
def test_an_operator_sees_what_will_be_undone_and_runs_exactly_that(
    open_tab: OpenTab, world: World, scripts: str
) -> None:
    case_id = approved_loan(world)
    tab = open_tab(world.operator, javascript=scripts == "with-js")
    page = tab.go(reverse("cases:detail", args=[case_id]))
    page.locator("main").get_by_role("link", name=re.compile("^Roll back")).first.click()
    page.get_by_label("Reason").fill(REASON)
    page.get_by_label("Legal basis").select_option("INTERNAL_POLICY")
    page.get_by_role("button", name="Show what will be undone").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("What will be undone")
    assert shown_order(page) == ["1", "2", "3", "4"]
    names = page.locator("[data-step] .step-name").all_inner_texts()
    assert names == ["Disbursement", "Approval", "Valuation", "Credit check"]
    expect(page.get_by_text(REASON)).to_be_visible()
    # A preview changes nothing.
    assert case_row(world, case_id).status == "COMPLETED"

    confirm = page.get_by_label(re.compile("^Type .* to confirm$"))
    confirm.fill("1")
    plan_url = page.url
    run = page.locator("main").get_by_role("button", name="Roll back", exact=True)
    # Some press twice whatever a button does.
    run.dblclick()
    expect(page).to_have_url(f"{tab.url}{reverse('cases:detail', args=[case_id])}")
    page.go_back()
    expect(page).to_have_url(plan_url)
    if scripts == "with-js":
        expect(page.locator("main")).to_contain_text("This plan was executed")
        expect(run).to_have_count(0)
        page.go_forward()
    else:
        # The page is as it was; what is sent from it is what was sent before.
        confirm.fill("1")
        run.click()
    expect(page).to_have_url(f"{tab.url}{reverse('cases:detail', args=[case_id])}")
    drain()
    assert counted(world)[-1] == 1
    assert case_row(world, case_id).status == "COMPENSATING"
    assert balances(world.operator.tenant_id) == {"bank": 1_000_000, "customer": 0}
    page.reload()
    expect(page.locator("main")).to_contain_text("1 of 4")


@BOTH
def test_a_reviewer_completes_the_last_undo_task_and_the_case_is_rolled_back(
    open_tab: OpenTab, world: World, scripts: str
) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    undo(world.underwriter, case_id)
    undo(world.surveyor, case_id)
    task = open_undo(world.compliance, case_id)

    tab = open_tab(world.compliance, javascript=scripts == "with-js")
    page = tab.go("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")
    page.get_by_role("region", name="Undo tasks").get_by_role("link", name=task.title).click()
    expect(page).to_have_url(f"{tab.url}{reverse('workitems:detail', args=[task.id])}")
    banner = page.locator(".note-undo").first
    expect(banner).to_contain_text("You are asked to reverse Check the applicant's credit")
    expect(banner).to_contain_text(world.analyst.username)
    expect(banner).to_contain_text("The credit check was forged")
    take(page)
    page.get_by_label("Reversed", exact=False).first.check()
    complete = page.locator("main").get_by_role("button", name="Complete", exact=True)
    complete.click()
    expect(complete).to_have_count(0)
    drain()

    ended = case_row(world, case_id)
    assert ended.status == "COMPENSATED"
    assert {item.compensation_state for item in plan_items(world, case_id).values()} == {
        "COMPENSATED"
    }
    page = tab.go(reverse("cases:detail", args=[case_id]))
    expect(page.locator(".title-line")).to_contain_text("Rolled back")


def take(page: Page) -> None:
    """Take the task from the pool and start it, whatever the page offers first."""
    for name in ("Claim", "Start"):
        button = page.locator("main").get_by_role("button", name=re.compile(f"^{name}"))
        if button.count():
            button.first.click()


def shown_order(page: Page) -> list[str | None]:
    """Return the numbers of the steps as they stand on the preview."""
    return [step.get_attribute("data-step") for step in page.locator("[data-step]").all()]
