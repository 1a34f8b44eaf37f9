"""The Django admin: an operator rolls a case back there and opens its causal chain."""

from __future__ import annotations

import re

from django.urls import reverse
from playwright.sync_api import expect

from config.demo.transfers import balances
from tests.browser.conftest import OpenTab
from tests.casework import approved_loan, case_row, undo
from tests.draining import drain
from tests.world import World

REASON = "The salary statement was forged"


def test_an_operator_rolls_a_case_back_and_opens_its_causal_chain(
    open_tab: OpenTab, world: World
) -> None:
    case_id = approved_loan(world)
    tab = open_tab(world.operator)
    page = tab.go(reverse("admin:cases_case_changelist"))
    page.locator(f"input.action-select[value='{case_id}']").check()
    page.locator("select[name=action]").select_option(label="Roll back case…")
    page.get_by_role("button", name=re.compile("^(Go|Run)")).click()

    main = page.locator("#content")
    expect(main).to_contain_text("Pay back")
    assert main.locator("td.step-no").all_inner_texts() == ["1", "2", "3", "4"]
    assert tab.violations() == []
    # Looking changes nothing.
    assert case_row(world, case_id).status == "COMPLETED"
    page.get_by_label("Reason").fill(REASON)
    page.get_by_label("Legal basis").select_option("INTERNAL_POLICY")
    page.get_by_label(re.compile("^Type .* to confirm$")).fill("1")
    main.get_by_role("button", name=re.compile("Roll back|Undo")).click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    drain()
    assert case_row(world, case_id).status == "COMPENSATING"
    for who in ("underwriter", "surveyor", "compliance"):
        undo(world.of(who), case_id)
    assert case_row(world, case_id).status == "COMPENSATED"
    assert balances(world.operator.tenant_id) == {"bank": 1_000_000, "customer": 0}

    page = tab.go(reverse("admin:cases_case_change", args=[case_id]))
    chain = page.locator("svg a")
    shown = " ".join(chain.all_text_contents())
    for name in ("Credit check", "Valuation", "Approval"):
        assert name in shown
    expect(page.locator(".field-ledger")).to_contain_text(re.compile("rollback", re.IGNORECASE))
    chain.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check the applicant's credit")
    page.go_back()
    page.get_by_role("link", name="Causal chain", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Causal chain")


def test_nothing_is_undone_without_a_reason(open_tab: OpenTab, world: World) -> None:
    case_id = approved_loan(world)
    tab = open_tab(world.operator)
    tab.expected.add(422)
    page = tab.go(reverse("admin:cases_case_changelist"))
    page.locator(f"input.action-select[value='{case_id}']").check()
    page.locator("select[name=action]").select_option(label="Roll back case…")
    page.get_by_role("button", name=re.compile("^(Go|Run)")).click()
    page.locator("#content").get_by_role("button", name=re.compile("Roll back|Undo")).click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was undone yet")
    assert tab.violations() == []
    drain()
    assert case_row(world, case_id).status == "COMPLETED"


def test_an_auditor_looks_and_changes_nothing(open_tab: OpenTab, world: World) -> None:
    case_id = approved_loan(world)
    tab = open_tab(world.auditor)
    page = tab.go(reverse("admin:cases_case_changelist"))
    expect(page.locator("#result_list")).to_contain_text("Loan approval")
    assert "Roll back" not in page.locator("#changelist").inner_text()
    page = tab.go(reverse("admin:cases_case_change", args=[case_id]))
    assert page.locator("#content input:not([type=hidden])").count() == 0
