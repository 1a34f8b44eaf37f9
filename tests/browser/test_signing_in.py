"""The way in: the login page, with JavaScript and without, and what a wrong password says."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.world import PASSWORD, World


@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
def test_a_visitor_is_led_to_the_login_page_and_signs_in(
    open_tab: OpenTab, world: World, javascript: object
) -> None:
    tab = open_tab(javascript=bool(javascript))
    page = tab.go("/")
    assert tab.path == "/accounts/login/"
    page.get_by_label("Username").fill(world.analyst.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{tab.url}/inbox/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Inbox")
    page.locator(".topbar summary", has_text=world.analyst.username).click()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{tab.url}/accounts/login/")


def test_a_wrong_password_is_said_and_the_name_is_kept(open_tab: OpenTab, world: World) -> None:
    tab = open_tab()
    page = tab.go("/accounts/login/")
    page.get_by_label("Username").fill(world.analyst.username)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile("correct username and password"))
    expect(page.get_by_label("Username")).to_have_value(world.analyst.username)
    assert tab.violations() == []
