"""One verb on many items: a result for each, and none stands in another's way."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from tests import states
from tests.clients import api
from tests.world import World
from verbs.shell import Verb
from web import idempotency
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


@pytest.fixture
def silent_at(monkeypatch: pytest.MonkeyPatch) -> set[uuid.UUID]:
    """Return ids at which the database does not answer; take them out and it does again."""
    at, perform = set[uuid.UUID](), Verb.perform

    def asked(verb: Verb[Any], key: Any, call: Any, body: Any) -> Any:
        if at.intersection(key):
            raise OperationalError("canceling statement due to lock timeout")
        return perform(verb, key, call, body)

    monkeypatch.setattr(Verb, "perform", asked)
    return at


def test_where_the_database_stops_answering_what_was_done_is_said(
    world: World, silent_at: set[uuid.UUID]
) -> None:
    first, second, third = items(world, "analysts", "analysts", "analysts")
    body, key = {"ids": [str(each.id) for each in (first, second, third)]}, {"Idempotency-Key": "k"}
    silent_at.add(second.id)
    client = api(world.analyst)

    answer = post(client, "claim", body, **key)

    assert answer.status_code == 200
    assert [
        (each["status"], each["version"], each["code"], each["errors"])
        for each in answer.json()["results"]
    ] == [(200, 2, None, []), (503, None, "unavailable", []), (503, None, "unavailable", [])]
    found = [states.stored(world, each.id).status for each in (first, second, third)]
    assert found == ["ASSIGNED", "PENDING", "PENDING"]

    # The same request once more does the rest.
    silent_at.clear()
    again = post(client, "claim", body, **key)
    assert "Idempotency-Replayed" not in again.headers
    assert [each["status"] for each in again.json()["results"]] == [409, 200, 200]


def test_where_nothing_was_done_it_is_unavailable_as_ever(
    world: World, silent_at: set[uuid.UUID]
) -> None:
    first, second = items(world, "analysts", "analysts")
    silent_at.add(first.id)
    answer = post(api(world.analyst), "claim", {"ids": [str(first.id), str(second.id)]})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert [states.stored(world, each.id).status for each in (first, second)] == ["PENDING"] * 2


def test_an_answer_that_cannot_be_kept_is_given(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(_key: Any, _answer: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(idempotency.Key, "keep", keep)
    [item] = items(world, "analysts")
    body, key = {"ids": [str(item.id)]}, {"Idempotency-Key": "k"}
    answer = post(api(world.analyst), "claim", body, **key)
    assert [each["status"] for each in answer.json()["results"]] == [200]
    assert states.stored(world, item.id).status == "ASSIGNED"
