"""A member of two organisations works in one of them at a time, and says which."""

from __future__ import annotations

import re
import secrets

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.actions import create_tenant
from people.actions import add_member
from tests.browser.conftest import OpenTab
from tests.casework import open_item, open_loan
from tests.world import World
from verbs.call import Call


@pytest.mark.parametrize("scripts", ["with-js", "without-js"])
def test_another_organisation_is_chosen_and_shows_nothing_of_the_first(
    open_tab: OpenTab, world: World, scripts: str
) -> None:
    item = open_item(world.analyst, open_loan(world), "credit-check")
    second = f"Zeta {secrets.token_hex(4)}"
    add_member(
        call=Call(create_tenant(second.lower().replace(" ", "-"), second)),
        username=world.analyst.username,
        groups=["analysts"],
    )
    tab = open_tab(world.analyst, javascript=scripts == "with-js")
    page = tab.go("/inbox/?tab=groups")
    expect(page.locator("main")).to_contain_text(item.title)
    page.get_by_label("Organisation").select_option(label=second)
    if scripts == "without-js":
        page.get_by_role("button", name="Switch").click()
    expect(page.locator("#tenant option[selected]")).to_have_text(second)
    expect(page).to_have_url(f"{tab.url}/inbox/")
    page = tab.go("/inbox/?tab=groups")
    expect(page.locator("main")).to_contain_text("You are all caught up")
    tab.expected.add(404)
    page = tab.go(reverse("workitems:detail", args=[item.id]))
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("nothing here"))
    assert item.title not in page.content()
