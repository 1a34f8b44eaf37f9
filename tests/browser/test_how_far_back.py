"""How far back a rollback goes is chosen where one sees what it undoes; what was run is told as it
went."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from compensation.models import CompensationPlan
from ledger.tenancy import tenant_scope
from tests.browser.conftest import OpenTab
from tests.casework import approved_loan, case_row, preview, roll_back, undo
from tests.draining import drain
from tests.world import World
from verbs.call import Call


@pytest.mark.parametrize("scripts", ["with-js", "without-js"])
def test_how_far_back_is_chosen_on_the_preview(
    open_tab: OpenTab, world: World, scripts: str
) -> None:
    case_id = approved_loan(world)
    plan = preview(("case", case_id), call=Call(world.operator), reason="Forged")
    tab = open_tab(world.operator, javascript=scripts == "with-js")
    page = tab.go(reverse("compensation:plan", args=[plan.id]))
    how_far = page.get_by_role("region", name="How far back?")
    starts = how_far.locator("option").all_inner_texts()
    assert starts == [
        "Everything", "From Credit check on", "From Valuation on", "From Approval on",
        "From Disbursement on",
    ]  # fmt: skip
    how_far.get_by_role("combobox").select_option("From Valuation on")
    how_far.get_by_role("button", name="Show").click()
    names = page.locator("[data-step] .step-name")
    expect(names).to_have_text(["Disbursement", "Approval", "Valuation"])
    expect(page.locator("#how-far-step option:checked")).to_have_text("From Valuation on")
    expect(page.get_by_text("Done before the point you chose: Credit check.")).to_be_visible()
    # It is another plan; what was looked at first is as it was, and nothing was undone.
    assert str(plan.id) not in page.url
    page.locator("#how-far-step").select_option("Everything")
    how_far.get_by_role("button", name="Show").click()
    expect(names).to_have_count(4)
    assert case_row(world, case_id).status == "COMPLETED"


def test_who_may_not_roll_back_is_not_asked_how_far(open_tab: OpenTab, world: World) -> None:
    case_id = approved_loan(world)
    plan = preview(("case", case_id), call=Call(world.operator), reason="Forged")
    page = open_tab(world.analyst).go(reverse("compensation:plan", args=[plan.id]))
    expect(page.get_by_role("heading", level=1)).to_have_text("What will be undone")
    assert page.locator("#how-far-step").count() == 0


def test_an_executed_plan_calls_nothing_reversed_that_was_corrected(
    open_tab: OpenTab, world: World
) -> None:
    case_id = approved_loan(world)
    roll_back(world, case_id)
    drain()
    undo(world.underwriter, case_id)
    undo(world.surveyor, case_id, "CORRECTED")
    undo(world.compliance, case_id)
    with tenant_scope(world.operator.tenant_id):
        [plan] = CompensationPlan.objects.filter(subject_id=case_id)
    page = open_tab(world.operator).go(reverse("compensation:plan", args=[plan.id]))
    said = page.locator("[data-step] .step-sub").all_inner_texts()
    # The program has told; of people it says no more than it knows.
    assert [line.partition(",")[0] for line in said] == ["Reversed automatically"] + 3 * ["Undone"]
    assert page.get_by_role("link", name="See how it went").count() == 1
    assert page.get_by_role("link", name="See how far it is").count() == 0
