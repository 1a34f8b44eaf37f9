"""On a wide screen the answers of a decision stand side by side, and an entry takes a line."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.casework import approved_loan, roll_back, undo
from tests.draining import drain
from tests.world import World

TOPS = "all => all.map(each => Math.round(each.getBoundingClientRect().top))"
HEIGHTS = "all => all.map(each => each.getBoundingClientRect().height)"
WIDE, NARROW = 1280, 375


def test_the_answers_of_a_decision_stand_side_by_side(open_tab: OpenTab, world: World) -> None:
    run = roll_back(world, case_id := approved_loan(world))
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    drain()
    for width, rows in ((WIDE, 1), (NARROW, 3)):
        tab = open_tab(world.operator, width=width)
        page = tab.go(f"/compensation-runs/{run.id}/steps/2/")
        # The suggested one is open above them.
        closed = page.locator("details.decide:not([open])")
        assert len(set(closed.evaluate_all(TOPS))) == rows, width
        assert tab.overflow() == 0
        assert tab.violations() == []


def test_an_entry_takes_a_line_or_two_and_shows_its_hash_when_asked(
    open_tab: OpenTab, world: World
) -> None:
    approved_loan(world)
    tab = open_tab(world.auditor, width=WIDE)
    page = tab.go("/ledger/")
    rows = page.locator("table.entries tbody tr")
    heights = sorted(rows.evaluate_all(HEIGHTS))
    assert heights[len(heights) // 2] < 60, heights
    shown = rows.first.locator(".hash")
    assert (shown.bounding_box() or {"width": 0})["width"] > 0
    clipped = rows.first.locator(".on-hover")
    expect(clipped).to_have_css("clip-path", "inset(50%)")
    rows.first.hover()
    expect(clipped).to_have_css("clip-path", "none")
    page.mouse.move(0, 0)
    rows.first.get_by_role("link").first.focus()
    expect(clipped).to_have_css("clip-path", "none")
    assert re.fullmatch(r"[0-9a-f]{64}", shown.get_attribute("title") or "")
    assert tab.violations() == []
