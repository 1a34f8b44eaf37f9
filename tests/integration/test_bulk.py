"""One verb on many items: a result for each, and none stands in another's way."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from tests import states
from tests.clients import api
from tests.world import World
from workitems.models import WorkItem

ROOT = "/api/v1/work-items/bulk"


def post(client: Client, name: str, body: Any, **headers: str) -> Any:
    return client.post(f"{ROOT}/{name}", body, content_type="application/json", headers=headers)


def items(world: World, *groups: str) -> list[WorkItem]:
    """Return an item for each of these groups."""
    return [states.new_item(world.operator, candidate_groups=[group]) for group in groups]


def test_each_has_its_own_result(world: World) -> None:
    ours, theirs, taken = items(world, "analysts", "surveyors", "analysts")
    api_of_analyst, nobody = api(world.analyst), uuid.uuid4()
    post(api_of_analyst, "claim", {"ids": [str(taken.id)]})
    asked = [str(each) for each in (ours.id, theirs.id, taken.id, nobody)]

    answer = post(api_of_analyst, "claim", {"ids": asked})

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [(each["id"], each["status"], each["code"], each["version"]) for each in results] == [
        (asked[0], 200, None, 2),
        (asked[1], 403, "not_permitted", None),
        (asked[2], 409, "illegal_state", None),
        (asked[3], 404, "not_found", None),
    ]
    found = [states.stored(world, each.id) for each in (ours, theirs, taken)]
    assert [(each.status, each.version) for each in found] == [
        ("ASSIGNED", 2), ("PENDING", 1), ("ASSIGNED", 2),
    ]  # fmt: skip
    assert states.actions_of(world, "work_item", theirs.id) == ["created", "claim_refused"]


def test_all_get_what_the_verb_is_given(world: World) -> None:
    both = [str(each.id) for each in items(world, "analysts", "surveyors")]
    client = api(world.operator)
    name = world.analyst.username
    given = post(client, "assign", {"ids": both, "assignee": name}).json()["results"]
    assert [each["status"] for each in given] == [200, 200]
    released = post(client, "release", {"ids": both}).json()["results"]
    assert [each["version"] for each in released] == [3, 3]
    post(client, "cancel", {"ids": both, "reason": "The batch was sent twice"})
    for id_ in both:
        entry = states.history(world, "work_item", uuid.UUID(id_))[-1]
        assert (entry.action, entry.payloads["reason"]) == ("cancelled", "The batch was sent twice")


def test_the_same_key_does_it_once(world: World) -> None:
    [item] = items(world, "analysts")
    body, key = {"ids": [str(item.id)]}, {"Idempotency-Key": "twice"}
    client = api(world.analyst)
    first, second = post(client, "claim", body, **key), post(client, "claim", body, **key)
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert states.stored(world, item.id).version == 2
    other = post(client, "claim", {"ids": [str(uuid.uuid4())]}, **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/ids"),
        ({"ids": []}, "/ids"),
        ({"ids": ["x"]}, "/ids/0"),
        ({"ids": [str(uuid.uuid4())] * 101}, "/ids"),
        ({"ids": [str(uuid.UUID(int=7)), str(uuid.UUID(int=7))]}, "/ids/1"),
        ({"ids": [str(uuid.UUID(int=7))], "colour": "red"}, "/colour"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_done(
    world: World, body: dict[str, Any], pointer: str
) -> None:
    [item] = items(world, "analysts")
    ids = [str(item.id), *body["ids"]] if pointer == "/colour" else body.get("ids")
    sent = {**body, "ids": ids} if ids is not None else body
    answer = post(api(world.analyst), "claim", sent)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert states.stored(world, item.id).status == "PENDING"


def test_a_reason_that_is_missing_is_said_once(world: World) -> None:
    [item] = items(world, "analysts")
    answer = post(api(world.operator), "cancel", {"ids": [str(item.id)]})
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/reason"]
    assert states.stored(world, item.id).status == "PENDING"


def test_another_organisations_item_is_not_there(world: World) -> None:
    [item] = items(world, "analysts")
    [result] = post(api(world.outsider), "claim", {"ids": [str(item.id)]}).json()["results"]
    assert (result["status"], result["code"]) == (404, "not_found")
    assert states.actions_of(world, "work_item", item.id) == ["created"]
