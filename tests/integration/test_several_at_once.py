"""Several tasks of a list at once: each by itself, with its own result, and without script."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from tests.clients import browser
from tests.integration.workitems_made import entries, opened, stored
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from verbs.shell import Verb
from workitems import actions

AT = "/inbox/"


def told(client: Client, body: dict[str, object], status: int = 303) -> str:
    """Send it, and return what the list says then: the answer itself where nothing was done."""
    answer = client.post(AT, body)
    assert answer.status_code == status
    if status == 303:
        assert answer["Location"] == AT
        answer = client.get(AT)
    return text_of(answer.content)


def test_each_is_claimed_by_itself_and_who_was_slower_is_told(world: World) -> None:
    first, gone, last = (
        opened(world, title=title, candidate_groups=["analysts"]) for title in ("A", "B", "C")
    )
    actions.cancel(gone.id, call=Call(world.operator), reason="Not needed")
    client = browser(world.analyst)
    html = client.get("/inbox/").content.decode()
    ticked = re.findall(r'name="ids" value="([^"]+)" form="several"', html)
    assert set(ticked) == {str(first.id), str(last.id)}
    text = told(client, {"verb": "claim", "ids": [first.id, gone.id, last.id, "x", first.id]})
    assert "2 tasks are yours now." in text
    assert "B was left as it is: It is now “Cancelled”." in text
    assert [stored(world, each.id).status for each in (first, gone, last)] == [
        "ASSIGNED", "CANCELLED", "ASSIGNED"
    ]  # fmt: skip
    assert entries(world, gone.id) == ["created", "cancelled"]
    # A second time: nothing is done twice, and each says so.
    text = told(client, {"verb": "claim", "ids": [first.id, last.id]}, 409)
    assert text.count("was left as it is") == 2
    assert entries(world, first.id) == ["created", "claimed"]


def test_operators_assign_and_cancel_several_and_others_do_not(world: World) -> None:
    items = [opened(world, title=title) for title in ("A", "B")]
    ids = [each.id for each in items]
    operator, other = browser(world.operator), browser(world.bystander)
    offered = operator.get("/inbox/?tab=unassigned").content.decode()
    names = re.compile(r'name="verb" value="(\w+)"')
    assert names.findall(offered) == ["claim", "release", "assign", "cancel"]
    others = other.get("/inbox/?tab=unassigned").content.decode()
    assert names.findall(others) == ["claim", "release"]
    text = told(other, {"verb": "cancel", "reason": "I say so", "ids": ids}, 403)
    assert text.count("was left as it is") == 2
    assert [stored(world, id_).status for id_ in ids] == ["PENDING", "PENDING"]
    # Without a reason nothing is cancelled.
    text = told(operator, {"verb": "cancel", "reason": " ", "ids": ids}, 422)
    assert "Nothing was done: say why they are cancelled." in text
    assert [stored(world, id_).status for id_ in ids] == ["PENDING", "PENDING"]
    text = told(operator, {"verb": "assign", "assignee": world.surveyor.username, "ids": ids})
    assert "2 tasks are given to somebody else." in text
    assert {stored(world, id_).assignee_id for id_ in ids} == {world.surveyor.actor_id}
    text = told(operator, {"verb": "cancel", "reason": "Not needed", "ids": ids})
    assert "2 tasks are cancelled." in text
    assert [stored(world, id_).status for id_ in ids] == ["CANCELLED", "CANCELLED"]


def test_what_is_over_cannot_be_ticked(world: World) -> None:
    item = opened(world)
    client = browser(world.operator)
    assert b'form="several"' in client.get("/inbox/?tab=all").content
    actions.cancel(item.id, call=Call(world.operator), reason="Not needed")
    page = client.get("/inbox/?tab=all").content
    assert item.title in text_of(page)
    assert b'form="several"' not in page
    assert b'id="several"' not in page


def test_what_is_no_choice_does_nothing_and_says_so(world: World) -> None:
    item = opened(world)
    client = browser(world.operator)
    many = [uuid.uuid4() for _ in range(101)]
    bodies: list[tuple[dict[str, object], str]] = [
        ({"verb": "claim"}, "tick the tasks first"),
        ({"verb": "complete", "ids": [item.id]}, "choose what to do"),
        ({"ids": [item.id]}, "choose what to do"),
        ({"verb": "claim", "ids": [*many, item.id]}, "tick at most 100"),
    ]
    for body, words in bodies:
        assert words in told(client, body, 422), body
    # Of another tenant: as if it were not there.
    outside = browser(world.outsider).post(AT, {"verb": "claim", "ids": [item.id]}, follow=True)
    assert item.title not in text_of(outside.content)
    assert entries(world, item.id) == ["created"]


def test_it_leads_back_to_the_tab_it_came_from(world: World) -> None:
    item = opened(world)
    client = browser(world.operator)
    html = client.get("/inbox/?tab=unassigned").content.decode()
    found = re.search(r'id="several" method="post" action="([^"]+)"', html)
    assert found is not None
    answer = client.post(found[1], {"verb": "claim", "ids": [item.id]})
    assert (answer.status_code, answer["Location"]) == (303, "/inbox/?tab=unassigned")


def sent_back(client: Client, at: str, body: dict[str, object]) -> str:
    """Send what cannot be done, and return the list that comes back."""
    answer = client.post(at, body)
    assert answer.status_code == 422
    return answer.content.decode()


def ticked(html: str) -> set[str]:
    return set(re.findall(r'name="ids" value="([^"]+)" form="several" checked', html))


def test_what_was_ticked_and_typed_comes_back_with_the_fault_at_its_field(world: World) -> None:
    items = [opened(world, title=title) for title in ("A", "B", "C")]
    both = [items[0].id, items[2].id]
    client, at = browser(world.operator), "/work-items/?sort=oldest"
    # The reason is missing, a username stands in the other field.
    html = sent_back(client, at, {"verb": "cancel", "ids": both, "assignee": "some one"})
    assert ticked(html) == {str(each) for each in both}
    assert 'value="some one"' in html
    assert re.search(
        r'<a href="#several_reason">Why they are cancelled</a>: Nothing was done', html
    )
    # Nobody is called so; the list is the one it came from.
    html = sent_back(client, at, {"verb": "assign", "ids": both, "assignee": "nobody-here"})
    assert ticked(html) == {str(each) for each in both}
    assert 'value="nobody-here"' in html
    assert '<a href="#several_assignee">Who shall have them</a>: ' in html
    assert "was left as it is" not in text_of(html.encode())
    assert 'action="/work-items/?sort=oldest"' in html
    # Nothing is ticked.
    html = sent_back(client, at, {"verb": "cancel", "reason": "Two of a kind"})
    assert 'value="Two of a kind"' in html
    assert "tick the tasks first" in text_of(html.encode())
    assert {stored(world, each.id).status for each in items} == {"PENDING"}


def test_whom_to_give_them_to_and_whose_to_show_is_chosen_from_lists(world: World) -> None:
    opened(world, title="A")
    html = browser(world.operator).get("/inbox/?tab=unassigned").content.decode()
    for field, names in (
        ("several_assignee", "people"),
        ("filter-assignee", "people"),
        ("filter-group", "groups"),
    ):
        found = re.search(rf'<input[^>]* id="{field}"[^>]*>|<input id="{field}"[^>]*>', html)
        assert found is not None, field
        assert f'list="{names}"' in found[0], field
    for names, value in (("people", world.surveyor.username), ("groups", "surveyors")):
        [offered] = re.findall(rf'<datalist id="{names}">(.*?)</datalist>', html)
        assert f'value="{value}"' in offered


def test_where_the_database_stops_answering_the_list_says_what_was_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, last = (
        opened(world, title=title, candidate_groups=["analysts"]) for title in ("A", "B", "C")
    )
    perform = Verb.perform

    def asked(verb: Verb[Any], key: Any, call: Any, body: Any) -> Any:
        if key[0] == second.id:
            raise OperationalError("canceling statement due to lock timeout")
        return perform(verb, key, call, body)

    monkeypatch.setattr(Verb, "perform", asked)
    client = browser(world.analyst)
    text = told(client, {"verb": "claim", "ids": [first.id, second.id, last.id]})
    assert "1 task is yours now." in text
    assert "2 tasks were left as they were, because a part of this system did not answer." in text
    assert [stored(world, each.id).status for each in (first, second, last)] == [
        "ASSIGNED", "PENDING", "PENDING"
    ]  # fmt: skip
    # Where nothing was done, the answer is as it is everywhere.
    client.raise_request_exception = False
    assert client.post(AT, {"verb": "claim", "ids": [second.id, last.id]}).status_code == 503
    assert stored(world, last.id).status == "PENDING"
