"""Wherever a form asks for a person or a group, those there are are offered."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.clients import browser
from tests.world import World
from verbs.call import Call
from web.templatetags import name_lists
from workitems.actions import create_work_item

_LIST = re.compile(r'<datalist id="(\w+)">(.*?)</datalist>', re.DOTALL)
_VALUE = re.compile(r'<option value="([^"]*)">')


def lists(client: Client, url: str) -> dict[str, list[str]]:
    """Return the values of each list of a page."""
    html = client.get(url).content.decode()
    found = [(name, _VALUE.findall(options)) for name, options in _LIST.findall(html)]
    assert len(dict(found)) == len(found), "a list stands twice on the page"
    for name, _values in found:
        assert f'list="{name}"' in html
    return dict(found)


def test_people_and_groups_are_offered_where_they_are_asked_for(world: World) -> None:
    client = browser(world.operator)
    item = create_work_item(call=Call(world.operator), title="Somebody's")
    offered = lists(client, f"/work-items/{item.id}/assign/")
    assert set(offered) == {"people"}
    assert world.analyst.username in offered["people"]
    assert world.outsider.username not in offered["people"]
    assert offered["people"] == sorted(offered["people"])
    new = lists(client, "/work-items/new/")
    assert set(new) == {"people", "groups"}
    assert new["groups"] == ["analysts", "compliance", "surveyors", "underwriters"]


def test_a_form_that_asks_for_nobody_reads_no_list(world: World) -> None:
    item = create_work_item(
        call=Call(world.operator), title="Mine", assignee=world.analyst.username
    )
    assert lists(browser(world.analyst), f"/work-items/{item.id}/reject/") == {}


def test_of_many_only_so_many_are_offered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_lists, "MOST", 3)
    new = lists(browser(world.operator), "/work-items/new/")
    assert [len(new["people"]), len(new["groups"])] == [3, 3]


def test_a_name_that_is_not_in_the_list_is_still_read(world: World) -> None:
    client = browser(world.operator)
    item = create_work_item(call=Call(world.operator), title="Somebody's")
    answer = client.post(f"/work-items/{item.id}/assign/", {"assignee": world.surveyor.username})
    assert answer.status_code == 303
    answer = client.post(f"/work-items/{item.id}/assign/", {"assignee": "nobody at all"})
    assert answer.status_code == 422
