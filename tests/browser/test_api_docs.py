"""The API's pages are for everybody: axe finds nothing, closed and opened, light and dark."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.layout import WIDTHS, faults_of
from tests.world import World

PAGE = "/api/v1/docs/"
# A page of hundreds of operations is drawn by its script, on a busy machine slowly.
DRAWN_MS = 30_000


def _open_kind(page: Page, name: str) -> None:
    """Open the operations of one kind of thing."""
    section = page.locator(".opblock-tag-section", has=page.locator(f'[data-tag="{name}"]'))
    section.locator("button").first.click(timeout=DRAWN_MS)
    expect(section.locator(".opblock").last).to_be_visible(timeout=DRAWN_MS)


def test_every_kind_is_there_at_once(open_tab: OpenTab, world: World) -> None:
    page = open_tab(world.operator).go(PAGE)
    kinds = page.locator(".opblock-tag")
    expect(kinds.last).to_be_visible(timeout=DRAWN_MS)
    asked = "fetch('/api/v1/schema/', {headers: {Accept: 'application/json'}})"
    paths = page.evaluate(f"() => {asked}.then((answer) => answer.json())")["paths"]
    tags = {each["tags"][0] for methods in paths.values() for each in methods.values()}
    assert sorted(kinds.evaluate_all("(all) => all.map((it) => it.dataset.tag)")) == sorted(tags)


def test_every_kind_says_in_words_what_it_is(open_tab: OpenTab, world: World) -> None:
    page = open_tab(world.operator).go(PAGE)
    kinds = page.locator(".opblock-tag")
    expect(kinds.last).to_be_visible(timeout=DRAWN_MS)
    said = kinds.evaluate_all("all => all.map(it => it.querySelector('small').innerText.trim())")
    assert [text for text in said if not text] == []
    assert "Tasks: their lifecycle, what stands around them, their undo" in said


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_pages_of_the_api(
    open_tab: OpenTab, world: World, scheme: Literal["light", "dark"], width: int
) -> None:
    tab = open_tab(world.operator, scheme=scheme, width=width)
    page = tab.go(PAGE)
    _open_kind(page, "approvals")
    _open_kind(page, "work-items")
    assert tab.violations() == []
    for method in ("get", "post"):
        page.locator(f".opblock-{method} .opblock-summary-control").first.click()
    expect(page.locator(".opblock-body").nth(1)).to_be_visible()
    assert tab.violations() == []
    assert [fault for each in WIDTHS for fault in faults_of(page, width=each)] == []


def test_the_pages_of_the_api_are_as_dark_as_the_rest(open_tab: OpenTab, world: World) -> None:
    tab = open_tab(world.operator)
    tab.go("/inbox/").evaluate("() => localStorage.setItem('theme', 'dark')")
    page = tab.go(PAGE)
    _open_kind(page, "work-items")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(19, 20, 23)"
    assert page.locator(".swagger-ui .info .title").evaluate(
        "(e) => getComputedStyle(e).color"
    ) == ("rgb(236, 236, 238)")
    expect(page.locator("body")).to_contain_text("finish it with an outcome", timeout=DRAWN_MS)
