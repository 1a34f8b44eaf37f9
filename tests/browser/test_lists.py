"""The inbox and the search: any text at any width, one row and fifty, and the way back."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.casework import approved_loan, roll_back, undo
from tests.draining import drain
from tests.integration.workitems_made import faulted, opened, undo_task
from tests.world import World

UNBROKEN = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenprüfung" * 3
RTL = "مراجعة القرض رقم ١٢٣ للعميل R. Vega قبل نهاية الشهر"
Scheme = Literal["light", "dark"]
WIDTHS = (320, 375, 768, 1280, 1920)
# Text that stands over other text, or leaves its card or the window.
_CLASHES = """() => {
  const boxes = [];
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, holder = node.parentElement;
    if (!node.textContent.trim() || holder.closest('.sr-only, svg, option')) continue;
    if (!holder.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width > 1 && box.height > 1) boxes.push({box, node, card: holder.closest('.card')});
    }
  }
  const found = [];
  const inside = (box, around) => box.left >= around.left - 1 && box.right <= around.right + 1;
  boxes.forEach((one, place) => {
    const said = one.node.textContent.trim().slice(0, 40);
    if (one.box.right > document.documentElement.clientWidth + 1) found.push(`beyond: ${said}`);
    if (one.card && !inside(one.box, one.card.getBoundingClientRect())) found.push(`out: ${said}`);
    for (const other of boxes.slice(place + 1)) {
      if (other.node === one.node) continue;
      const [a, b] = [one.box, other.box];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      const covered = other.node.textContent.trim().slice(0, 40);
      if (wide > 1 && high > 6) found.push(`${said} / ${covered}`);
    }
  });
  return found;
}"""


def _told(world: World) -> None:
    """Fill the inbox of the operator with everything that it can show."""
    case_id = approved_loan(world)
    roll_back(world, case_id)
    drain()
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    faulted(world)
    mine = {"assignee": world.operator.username}
    opened(world, title=UNBROKEN, priority="URGENT", due_at="2020-01-01T00:00:00Z", **mine)
    opened(world, title=RTL, priority="HIGH", due_at="2999-01-01T00:00:00Z", **mine)
    opened(world, title="Check " + "and check again " * 14, **mine)
    undo_task(world, title=f"Loan {UNBROKEN}"[:255])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_text_covers_another_at_any_width(
    world: World, open_tab: OpenTab, scheme: Scheme
) -> None:
    _told(world)
    tab = open_tab(world.operator, scheme=scheme)
    pages = ("/inbox/", "/inbox/?tab=unassigned&sort=newest&due=none", "/work-items/",
             "/search/?q=lo", "/search/?q=1", "/cases/", f"/inbox/?q={UNBROKEN}")  # fmt: skip
    found = []
    for path in pages:
        tab.go(path)
        for width in WIDTHS:
            tab.page.set_viewport_size({"width": width, "height": 900})
            clashes = tab.page.evaluate(_CLASHES)
            found += [f"{path} at {width}: {each}" for each in clashes]
            if tab.overflow():
                found.append(f"{path} at {width}: wider than the window by {tab.overflow()}")
        found += [f"{path}: {each}" for each in tab.violations()]
    assert found == [], "\n".join(found)


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
