"""The page of a case: half as tall as it was, what proves a line is seen when it is asked for, and
the drawing stays in its card."""

from __future__ import annotations

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.browser.conftest import OpenTab
from tests.browser.story import Story, loan_pages
from tests.casework import deploy, finish, opened
from tests.definitions import definition, human
from tests.world import World, make_world

#: By page and width: how tall it was before it was folded.
BEFORE = {
    ("stuck-case", 1280): 2272,
    ("case-being-rolled-back", 1280): 2476,
    ("stuck-case", 375): 4680,
    ("case-being-rolled-back", 375): 4768,
}


@pytest.fixture(scope="module")
def story(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Story:
    """Tell of loans once for all tests."""
    with django_db_blocker.unblock():
        world = make_world()
        return Story(world, loan_pages(world))


@pytest.mark.parametrize(("name", "width"), list(BEFORE))
def test_a_loan_that_is_undone_takes_half_the_height(
    open_tab: OpenTab,
    story: Story,
    name: str,
    width: int,
) -> None:
    tab = open_tab(story.world.operator, width=width)
    page = tab.go(story.pages[name].path)
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height <= BEFORE[name, width] / 2


def test_what_proves_a_line_is_seen_on_hover_and_on_focus(
    open_tab: OpenTab,
    story: Story,
) -> None:
    tab = open_tab(story.world.operator)
    page = tab.go(story.pages["stuck-case"].path)
    line = page.locator(".day-lines > li").first
    proof = line.locator(".t-proof")

    def width() -> float:
        box = proof.bounding_box()
        assert box is not None
        return box["width"]

    assert width() <= 1
    line.hover()
    assert width() > 50
    page.mouse.move(0, 0)
    assert width() <= 1
    # By the keyboard: Tab comes to it, and it is seen.
    page.locator("#timeline").scroll_into_view_if_needed()
    proof.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert width() > 50


def test_eight_steps_fit_their_card_and_more_say_that_they_scroll(
    open_tab: OpenTab, world: World
) -> None:
    names = [f"step-{number}" for number in range(8)]
    keys = [name.replace("-", "_") for name in names]
    bindings = [
        human(name, f".{key} == null" + (f" and .{keys[at - 1]} != null" if at else ""))
        for at, (name, key) in enumerate(zip(names, keys, strict=True))
    ]
    deploy(world, definition("eight", *bindings))
    case_id = opened(world, "tests/eight")
    for name in names:
        finish(world.analyst, case_id, name, None)
    tab = open_tab(world.operator)
    page = tab.go(f"/cases/{case_id}/")
    scroll = page.locator(".chain-scroll")
    assert scroll.evaluate("it => it.scrollWidth <= it.clientWidth")
    assert page.locator(".chain .node").count() == 8
    tops = page.locator(".chain .node rect").evaluate_all(
        "all => all.map(it => it.getAttribute('y'))"
    )
    assert len(set(tops)) == 1
    assert not page.get_by_text("Scrolls sideways").is_visible()
    narrow = open_tab(world.operator, width=375)
    page = narrow.go(f"/cases/{case_id}/")
    # The list below says the same, so the drawing is one line there until somebody opens it.
    assert not page.locator(".chain-scroll").is_visible()
    page.get_by_text("Steps as a drawing").click()
    assert page.locator(".chain-scroll").evaluate("it => it.scrollWidth > it.clientWidth")
    assert page.get_by_text("Scrolls sideways").is_visible()
    assert narrow.overflow() == 0
