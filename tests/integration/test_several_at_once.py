"""Several tasks of a list at once: each by itself, with its own result, and without script."""

from __future__ import annotations

import re
import uuid

from django.test import Client

from tests.clients import browser
from tests.integration.workitems_made import entries, opened, stored
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

AT = "/inbox/several/"


def told(client: Client, body: dict[str, object]) -> str:
    """Send it, and return what the list says then."""
    answer = client.post(AT, body)
    assert (answer.status_code, answer["Location"]) == (303, "/inbox/")
    return text_of(client.get("/inbox/").content)


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
    text = told(client, {"verb": "claim", "ids": [first.id, last.id]})
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
    text = told(other, {"verb": "cancel", "reason": "I say so", "ids": ids})
    assert text.count("was left as it is") == 2
    assert [stored(world, id_).status for id_ in ids] == ["PENDING", "PENDING"]
    # Without a reason nothing is cancelled.
    text = told(operator, {"verb": "cancel", "reason": " ", "ids": ids})
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
        assert words in told(client, body), body
    # Of another tenant: as if it were not there.
    outside = browser(world.outsider).post(AT, {"verb": "claim", "ids": [item.id]}, follow=True)
    assert item.title not in text_of(outside.content)
    assert entries(world, item.id) == ["created"]
    assert client.get(AT)["Location"] == "/inbox/"


def test_it_leads_back_to_the_tab_it_came_from(world: World) -> None:
    item = opened(world)
    client = browser(world.operator)
    html = client.get("/inbox/?tab=unassigned").content.decode()
    found = re.search(r'id="several" method="post" action="([^"]+)"', html)
    assert found is not None
    answer = client.post(found[1], {"verb": "claim", "ids": [item.id]})
    assert (answer.status_code, answer["Location"]) == (303, "/inbox/?tab=unassigned")
