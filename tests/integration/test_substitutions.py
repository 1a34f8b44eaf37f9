"""Naming substitutes: who may, what is refused, and what is recorded of it."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

import pytest
import time_machine

from accounts.acting import ActingUser
from accounts.actions.naming_substitutes import MOST
from accounts.models import Substitution
from ledger.clock import now, rfc3339
from ledger.tenancy import tenant_scope
from tests import states
from tests.clients import api, browser
from tests.concurrency.test_races import at_once
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

ROOT = "/api/v1/substitutions"
DAY = dt.timedelta(days=1)
JSON = "application/json"


def named(who: ActingUser, **body: Any) -> Any:
    """Name a substitute over the API; the answer."""
    body = {"until": rfc3339(now() + DAY), **body}
    return api(who).post(ROOT, body, content_type=JSON)


def rows(world: World) -> list[Substitution]:
    with tenant_scope(world.system.tenant_id):
        return list(Substitution.objects.filter(tenant_id=world.system.tenant_id))


def acts(world: World, who: ActingUser) -> list[str]:
    return [
        name
        for name in states.actions_of(world, "actor", who.actor_id)
        if name.startswith("substitution")
    ]


def test_one_names_a_substitute_changes_the_dates_and_ends_it(world: World) -> None:
    client = api(world.analyst)
    made = named(world.analyst, substitute=world.surveyor.username, group="analysts")
    assert made.status_code == 201
    shown = made.json()
    assert {name: shown[name] for name in ("person", "substitute", "group", "in_force")} == {
        "person": world.analyst.username, "substitute": world.surveyor.username,
        "group": "analysts", "in_force": True,
    }  # fmt: skip
    address, tag = f"{ROOT}/{shown['id']}", made["ETag"]
    assert client.get(address).json() == shown
    assert [each["id"] for each in api(world.bystander).get(ROOT).json()["results"]] == [
        shown["id"]
    ]
    later = rfc3339(now() + 3 * DAY)
    changed = client.patch(address, {"until": later}, content_type=JSON, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["until"]) == (200, later)
    stale = client.patch(address, {"until": later}, content_type=JSON, headers={"If-Match": tag})
    assert stale.status_code == 412
    ended = client.delete(address)
    assert ended.status_code == 200
    assert (ended.json()["in_force"], ended.json()["version"]) == (False, 3)
    # Ending it again changes nothing.
    assert client.delete(address).json() == ended.json()
    assert client.patch(address, {"until": later}, content_type=JSON).json()["code"] == (
        "substitution_over"
    )
    entries = states.history(world, "actor", world.analyst.actor_id)
    entries = [each for each in entries if each.action.startswith("substitution")]
    assert [(each.kind, each.action, each.actor_id) for each in entries] == [
        ("ADMIN", action, world.analyst.actor_id)
        for action in ("substitution_added", "substitution_changed", "substitution_ended")
    ]
    first = {
        "substitute": str(world.surveyor.actor_id), "group": "analysts",
        "since": shown["since"], "until": shown["until"],
    }  # fmt: skip
    assert [each.payloads for each in entries] == [
        first, {**first, "until": later, "before": first}, {**first, "until": later},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "pointer", "code"),
    [
        ({"substitute": "nobody-here"}, "/substitute", "unknown"),
        ({"substitute": "analyst"}, "/substitute", "itself"),
        ({"substitute": "auditor"}, "/substitute", "only_looks"),
        ({"substitute": "outsider"}, "/substitute", "unknown"),
        ({"until": "2020-01-01T00:00:00Z"}, "/until", "past"),
        ({"since": "2100-01-02T00:00:00Z", "until": "2100-01-01T00:00:00Z"}, "/until", "past"),
        ({"until": None}, "/until", "null"),
        ({"until": "soon"}, "/until", "invalid"),
        ({"group": ""}, "/group", "blank"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    world: World, said: dict[str, Any], pointer: str, code: str
) -> None:
    body = {"substitute": "surveyor", **said}
    name = body["substitute"]
    body["substitute"] = world.of(name).username if hasattr(world, name) else name
    refused = named(world.analyst, **body)
    assert refused.status_code == 422
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        (pointer, code)
    ]
    assert rows(world) == []
    assert acts(world, world.analyst) == []


def test_for_others_only_a_tenant_admin_names_and_changes(world: World) -> None:
    body = {"person": world.analyst.username, "substitute": world.surveyor.username}
    for who in (world.bystander, world.operator, world.surveyor):
        assert named(who, **body).status_code == 403
    assert rows(world) == []
    made = named(world.admin, **body).json()
    assert made["created_by"] == world.admin.username
    address, later = f"{ROOT}/{made['id']}", {"until": rfc3339(now() + 9 * DAY)}
    for who, status in (
        (world.bystander, 403), (world.operator, 403), (world.surveyor, 403),
        (world.outsider, 404), (world.auditor, 403),
    ):  # fmt: skip
        assert api(who).patch(address, later, content_type=JSON).status_code == status
    for who, status in ((world.bystander, 403), (world.operator, 403), (world.outsider, 404)):
        assert api(who).delete(address).status_code == status
    assert acts(world, world.analyst) == ["substitution_added"]
    # Whoever stands in need not go on.
    assert api(world.surveyor).delete(address).status_code == 200
    assert acts(world, world.analyst) == ["substitution_added", "substitution_ended"]


def test_its_beginning_is_changed_until_it_has_begun(world: World) -> None:
    since = now() + DAY
    made = named(
        world.analyst, substitute=world.surveyor.username, since=rfc3339(since),
        until=rfc3339(since + 2 * DAY),
    ).json()  # fmt: skip
    assert made["in_force"] is False
    client, address = api(world.analyst), f"{ROOT}/{made['id']}"
    sooner = {"since": rfc3339(since - DAY / 2)}
    assert client.patch(address, sooner, content_type=JSON).status_code == 200
    with time_machine.travel(since):
        refused = client.patch(address, {"since": rfc3339(since)}, content_type=JSON)
    assert (refused.status_code, refused.json()["code"]) == (409, "substitution_begun")


def test_nobody_stands_in_for_more_than_so_many(world: World) -> None:
    for _each in range(MOST):
        assert named(world.analyst, substitute=world.surveyor.username).status_code == 201
    refused = named(world.underwriter, substitute=world.surveyor.username)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many")
    assert len(rows(world)) == MOST


def test_two_at_once_are_one_after_the_other(world: World) -> None:
    made = named(world.analyst, substitute=world.surveyor.username).json()
    client = api(world.analyst)
    later = [{"until": rfc3339(now() + days * DAY)} for days in (2, 3)]
    address = f"{ROOT}/{made['id']}"
    answers = at_once(
        [functools.partial(client.patch, address, body, content_type=JSON) for body in later]
    )
    assert sorted(each.status_code for each in answers) == [200, 200]
    assert acts(world, world.analyst) == ["substitution_added", *["substitution_changed"] * 2]
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    both = [world.analyst, world.surveyor]
    at_once([functools.partial(actions.claim, item.id, call=Call(who)) for who in both])
    assert states.actions_of(world, "work_item", item.id) == ["created", "claimed"]
    assert states.stored(world, item.id).assignee_id == world.analyst.actor_id


def test_the_page_names_changes_and_ends(world: World) -> None:
    client = browser(world.analyst)
    assert "Nobody stands in for anybody" in text_of(client.get("/substitutions/").content)
    until = (now() + 5 * DAY).strftime("%Y-%m-%dT%H:%M")
    refused = client.post("/substitutions/", {"substitute": "nobody-here", "until": until})
    assert refused.status_code == 422
    assert "no active member is called" in text_of(refused.content)
    answer = client.post("/substitutions/", {"substitute": world.surveyor.username, "until": until})
    assert (answer.status_code, answer["Location"]) == (303, "/substitutions/")
    [row] = rows(world)
    page = text_of(client.get("/substitutions/").content)
    assert world.surveyor.username in page
    assert "in force" in page
    assert "End it" not in text_of(browser(world.bystander).get("/substitutions/").content)
    edit = f"/substitutions/{row.id}/edit/"
    assert client.get(edit).status_code == 200
    later = (now() + 9 * DAY).strftime("%Y-%m-%dT%H:%M")
    assert client.post(edit, {"until": later, "version": "1"}).status_code == 303
    assert client.post(f"/substitutions/{row.id}/end/", {"version": "2"}).status_code == 303
    assert "over" in text_of(client.get("/substitutions/").content)
    assert acts(world, world.analyst) == [
        "substitution_added", "substitution_changed", "substitution_ended",
    ]  # fmt: skip
