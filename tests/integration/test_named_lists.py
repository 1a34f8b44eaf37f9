"""The lists of templates and of what comes again: every row is reached, and found by its name."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.clients import browser
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find

TEMPLATES, SCHEDULES = "/work-items/templates/", "/work-items/schedules/"
MANY = 53
NAMES = [f"Week {n:03}" for n in range(MANY)]


def fill(world: World) -> None:
    """Add more templates and schedules than a page has room for; one template has two versions."""
    call = Call(world.operator)
    made = [
        find("work_item_template", "add")(call=call, name=name, title=f"Title of {name}")
        for name in (*NAMES, NAMES[0])
    ]
    for name in NAMES:
        find("schedule", "create")(
            call=call, name=name, template=str(made[-1].id), cron="0 8 * * MON", zone="UTC"
        )


def shown(client: Client, address: str) -> tuple[list[str], str | None]:
    """Return the names on a page and the address of the next one."""
    html = client.get(address).content.decode()
    names = re.findall(r"(?:data-row|<h2 id=.schedule-[0-9]+.) dir=.auto.>([^<]+)<", html)
    onward = re.search(r'rel="next" href="([^"]+)"', html)
    return names, onward and onward[1].replace("&amp;", "&")


def test_every_template_and_schedule_is_reached(world: World) -> None:
    fill(world)
    client = browser(world.operator)
    for address, order in ((TEMPLATES, NAMES), (SCHEDULES, NAMES[::-1])):
        first, onward = shown(client, address)
        assert onward is not None
        second, nothing = shown(client, onward)
        assert (first, second, nothing) == (order[:50], order[50:], None)


@pytest.mark.parametrize("address", [TEMPLATES, SCHEDULES])
def test_they_are_found_by_words_of_their_name(world: World, address: str) -> None:
    fill(world)
    client = browser(world.operator)
    assert shown(client, f"{address}?q=EEK+007") == (["Week 007"], None)
    none = client.get(f"{address}?q=nothing").content.decode()
    assert "No match" in none
    assert f'href="{address}"' in none


def test_the_menu_leads_to_them_by_right_and_says_where_one_is(world: World) -> None:
    def entries(who: str) -> list[str]:
        html = browser(world.of(who)).get(TEMPLATES).content.decode()
        [menu] = re.findall(r'<ul class="nav-list">.*?</ul>', html, re.DOTALL)[:1]
        return re.findall(r'<a href="([^"]+)"(?: aria-current="page")?', menu)

    assert {TEMPLATES, SCHEDULES} <= set(entries("operator"))
    assert TEMPLATES in entries("analyst")
    assert SCHEDULES not in entries("analyst")
    for address in (TEMPLATES, SCHEDULES, "/work-items/"):
        html = browser(world.operator).get(address).content.decode()
        here = re.findall(r'<a href="([^"]+)" aria-current="page" ?(?:data-go-inbox)?>', html)
        menu = [each for each in here if "?" not in each and each != "/work-items/"]
        assert set(menu) == {"/inbox/" if address == "/work-items/" else address}
