"""Columns and lines that pages promise: states below each other, nothing beside its card, no title
alone behind its slash, no line cut to a letter."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Locator

from tests.browser.conftest import OpenTab
from tests.casework import approved_loan, roll_back, undo
from tests.draining import drain
from tests.integration.workitems_made import opened
from tests.world import World

PHONE, DESK = {"width": 375, "height": 812}, {"width": 1280, "height": 900}
#: How much of what it holds a box hides, in pixels.
_HIDDEN = "it => it.scrollWidth - it.clientWidth"
LONG = "Check the statement of the employer of R. Vega once more"


def _box(of: Locator) -> dict[str, float]:
    found = of.bounding_box()
    assert found is not None
    return {"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}


def test_why_an_entry_was_written_ends_within_its_card(open_tab: OpenTab, world: World) -> None:
    approved_loan(world)
    page = open_tab(world.auditor).go(reverse("audit:entries"))
    page.set_viewport_size({"width": DESK["width"], "height": DESK["height"]})
    assert page.locator(".because a.one-line").count() > 0
    assert page.locator(".table-wrap").evaluate(_HIDDEN) <= 0


def test_states_of_cases_stand_below_each_other(open_tab: OpenTab, world: World) -> None:
    stuck = approved_loan(world)
    approved_loan(world)
    roll_back(world, stuck)
    drain()
    undo(world.underwriter, stuck, "CANNOT_REVERSE")
    page = open_tab(world.operator).go(reverse("cases:list"))
    page.set_viewport_size({"width": DESK["width"], "height": DESK["height"]})
    badges = page.locator(".rows .badge")
    assert sorted(badges.all_inner_texts()) == ["Completed", "Rollback needs a decision"]
    assert len({round(_box(badge)["x"]) for badge in badges.all()}) == 1


def test_a_long_title_goes_on_where_the_way_to_it_ends(open_tab: OpenTab, world: World) -> None:
    item = opened(world, title=LONG, candidate_groups=["analysts"])
    page = open_tab(world.analyst).go(reverse("workitems:detail", args=[item.id]))
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    first, last = page.locator(".crumbs li a").first, page.locator(".crumbs [aria-current]")
    tops = last.evaluate("it => [...it.getClientRects()].map(line => line.top)")
    assert len(tops) == 2
    assert abs(tops[0] - _box(first)["y"]) < 8


def test_what_a_case_knows_is_read_whole_before_it_is_opened(
    open_tab: OpenTab, world: World
) -> None:
    case_id = approved_loan(world)
    page = open_tab(world.operator).go(reverse("cases:detail", args=[case_id]))
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    line = page.locator(".fold-line").first
    assert line.evaluate(_HIDDEN) <= 0
    assert _box(line)["width"] > PHONE["width"] * 0.7


@pytest.mark.parametrize("size", [PHONE, DESK])
def test_what_is_done_to_ticked_tasks_leaves_them_in_sight(
    open_tab: OpenTab, world: World, size: dict[str, int]
) -> None:
    for number in range(8):
        opened(world, title=f"{number} {LONG}", assignee=world.operator.username)
    page = open_tab(world.operator).go("/inbox/")
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    page.locator(".pick").first.check()
    assert _box(page.locator(".several"))["height"] <= size["height"] / 4
