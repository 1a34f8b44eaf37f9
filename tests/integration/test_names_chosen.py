"""Wherever a form asks for a person or a group, those there are are offered."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from ledger.tenancy import tenant_scope
from tests.clients import browser
from tests.world import World
from verbs.call import Call
from web.templatetags import name_lists
from workitems.actions import create_work_item
from workitems.models import CandidateGroup, CandidateUser

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


def boxes(client: Client, url: str, name: str) -> dict[str, bool]:
    """Return the boxes of a field of a page, and whether each is ticked."""
    html = client.get(url).content.decode()
    box = rf'<input type="checkbox" name="{name}" value="([^"]*)" id="\w+"( checked)?'
    found = re.findall(box, html)
    return {value: bool(ticked) for value, ticked in found}


def test_people_and_groups_are_offered_where_they_are_asked_for(world: World) -> None:
    client = browser(world.operator)
    item = create_work_item(call=Call(world.operator), title="Somebody's")
    offered = lists(client, f"/work-items/{item.id}/assign/")
    assert set(offered) == {"people"}
    assert world.analyst.username in offered["people"]
    assert world.outsider.username not in offered["people"]
    assert offered["people"] == sorted(offered["people"])
    assert set(lists(client, "/work-items/new/")) == {"people"}
    groups = ["analysts", "compliance", "surveyors", "underwriters"]
    assert boxes(client, "/work-items/new/", "candidate_groups") == dict.fromkeys(groups, False)
    forward = f"/work-items/{item.id}/forward/"
    assert list(boxes(client, forward, "candidate_groups")) == groups
    assert world.analyst.username in boxes(client, forward, "candidate_users")
    assert lists(client, forward) == {}


def test_a_form_that_asks_for_nobody_reads_no_list(world: World) -> None:
    item = create_work_item(
        call=Call(world.operator), title="Mine", assignee=world.analyst.username
    )
    assert lists(browser(world.analyst), f"/work-items/{item.id}/reject/") == {}


def test_of_many_only_so_many_are_offered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_lists, "MOST", 3)
    client, url = browser(world.operator), "/work-items/new/"
    assert len(lists(client, url)["people"]) == 3
    assert len(boxes(client, url, "candidate_groups")) == 3


def test_a_name_that_is_not_in_the_list_is_still_read(world: World) -> None:
    client = browser(world.operator)
    item = create_work_item(call=Call(world.operator), title="Somebody's")
    answer = client.post(f"/work-items/{item.id}/assign/", {"assignee": world.surveyor.username})
    assert answer.status_code == 303
    answer = client.post(f"/work-items/{item.id}/assign/", {"assignee": "nobody at all"})
    assert answer.status_code == 422


def test_several_are_ticked_and_others_typed(world: World) -> None:
    client = browser(world.operator)
    item = create_work_item(call=Call(world.operator), title="Somebody's")
    at = f"/work-items/{item.id}/forward/"
    typed = ["analysts", "surveyors", 'board, "the one of 2026", analysts']
    sent = {"candidate_groups": typed, "candidate_users": [world.analyst.username, ""]}
    assert client.post(at, sent).status_code == 303
    with tenant_scope(item.tenant_id):
        named = CandidateGroup.objects.filter(work_item_id=item.id).values_list("name", flat=True)
        people = CandidateUser.objects.filter(work_item_id=item.id).values_list(
            "actor_id", flat=True
        )
        assert sorted(named) == ["analysts", "board", "surveyors", "the one of 2026"]
        assert list(people) == [world.analyst.actor_id]


def test_a_refused_form_has_what_was_ticked_and_typed(world: World) -> None:
    client = browser(world.operator)
    item = create_work_item(call=Call(world.operator), title="Somebody's")
    sent = {"candidate_groups": ["analysts", '"a, b", board'], "candidate_users": ["nobody at all"]}
    answer = client.post(f"/work-items/{item.id}/forward/", sent)
    html = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert re.search(r'name="candidate_groups" value="analysts" id="\w+" checked', html)
    assert not re.search(r'name="candidate_groups" value="surveyors" id="\w+" checked', html)
    assert 'name="candidate_groups" value=""a, b", board"' in html
    assert 'name="candidate_users" value="nobody at all"' in html
