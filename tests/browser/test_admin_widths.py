"""The Django admin on a telephone and beside its menu: nothing is pushed aside to be read."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page

from tests.browser.conftest import OpenTab
from tests.browser.tab import Tab
from tests.casework import approved_loan, roll_back
from tests.draining import drain
from tests.states import completed, new_item
from tests.world import World

PHONE = {"width": 375, "height": 812}
DESK = {"width": 1280, "height": 900}
#: How much of what it holds a box hides, in pixels.
_HIDDEN = "it => it.scrollWidth - it.clientWidth"


def _page(tab: Tab, path: str, size: dict[str, int]) -> Page:
    page = tab.go(path)
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    return page


def _label(cell: Locator) -> str:
    said: str = cell.evaluate("it => getComputedStyle(it, '::before').content")
    return said


@pytest.mark.parametrize("list_", ["workitems_workitem", "ledger_ledgerentry"])
def test_a_list_is_cards_on_a_telephone(open_tab: OpenTab, world: World, list_: str) -> None:
    approved_loan(world)
    page = _page(open_tab(world.admin), reverse(f"admin:{list_}_changelist"), PHONE)
    assert page.locator(".results").evaluate(_HIDDEN) <= 0
    row = page.locator("#result_list tbody tr").first
    labels = [_label(cell) for cell in row.locator("td:visible:not(.action-checkbox)").all()]
    # Each under the name of its column, as the browser says generated text.
    assert labels
    assert [label for label in labels if not re.search("[A-Za-z]{2,}", label)] == []
    assert "none" not in labels
    # What it can be sorted by, and the box that ticks all, are still there.
    assert page.locator("#result_list thead .text a").first.is_visible()


def test_what_will_be_undone_is_read_whole_on_a_telephone(open_tab: OpenTab, world: World) -> None:
    case_id = approved_loan(world)
    ids = urlencode({"ids": str(case_id)})
    path = f"{reverse('admin:cases_case_roll_back')}?{ids}"
    page = _page(open_tab(world.operator), path, PHONE)
    assert page.locator(".confirm-undo .table-wrap").evaluate(_HIDDEN) <= 0
    first = page.locator(".confirm-undo tbody tr").first
    title, by = first.locator("td").nth(1).bounding_box(), first.locator("td").nth(3).bounding_box()
    assert title is not None
    assert by is not None
    # The whole width is the title's, and who undoes it stands below.
    assert title["width"] > PHONE["width"] * 0.7
    assert by["y"] > title["y"]


@pytest.mark.parametrize("list_", ["workitems_workitem", "ledger_ledgerentry"])
def test_every_column_of_a_list_is_seen_beside_menu_and_filters(
    open_tab: OpenTab, world: World, list_: str
) -> None:
    roll_back(world, approved_loan(world))
    drain()
    page = _page(open_tab(world.admin), reverse(f"admin:{list_}_changelist"), DESK)
    assert page.locator("#nav-sidebar").is_visible()
    assert page.locator(".results").evaluate(_HIDDEN) <= 0
    # A choice of many scrolls by itself.
    heights = page.locator("#changelist-filter ul").evaluate_all(
        "all => all.map(it => it.getBoundingClientRect().height)"
    )
    assert max(heights) <= 270


def test_an_amount_is_never_broken_over_two_lines(open_tab: OpenTab, world: World) -> None:
    case_id = approved_loan(world)
    page = _page(open_tab(world.admin), reverse("admin:cases_case_change", args=[case_id]), DESK)
    amounts = page.locator("#content .money")
    assert amounts.count() > 0
    for amount in amounts.all():
        assert amount.evaluate("it => it.getClientRects().length") == 1


def test_a_word_longer_than_its_column_pushes_no_other_aside(
    open_tab: OpenTab, world: World
) -> None:
    new_item(world.operator, title="Donaudampfschifffahrtsgesellschaft" * 3)
    page = _page(open_tab(world.admin), reverse("admin:workitems_workitem_changelist"), DESK)
    assert page.locator(".results").evaluate(_HIDDEN) <= 0
    assert page.locator("#result_list tbody td.field-created_at").first.is_visible()


def test_the_menu_says_where_an_undo_is_confirmed(open_tab: OpenTab, world: World) -> None:
    done = completed(world.operator)
    path = f"{reverse('admin:workitems_workitem_compensate')}?{urlencode({'ids': str(done.id)})}"
    page = _page(open_tab(world.operator), path, DESK)
    current = page.locator("#nav-sidebar tr.current-model")
    assert current.count() == 1
    assert current.inner_text().strip() == "Work items"
