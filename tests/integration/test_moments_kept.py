"""A moment beyond the calendar is refused by API, page and database, and no list is lost to it."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from ledger.tenancy import tenant_scope
from tests.clients import api, browser
from tests.world import World
from workitems.models import WorkItem

PLACE = "/api/v1/work-items"
BEYOND = "9999-12-31T23:59:59-01:00"
SENTENCE = "Must lie between the years 1900 and 9000."


def _items(world: World) -> int:
    with tenant_scope(world.operator.tenant_id):
        return WorkItem.objects.count()


def _made(world: World) -> Any:
    body = {"title": "x", "due_at": "2030-01-31T12:00:00Z"}
    return api(world.operator).post(PLACE, body, content_type="application/json").json()


def test_the_api_refuses_it(world: World) -> None:
    client, made = api(world.operator), _made(world)
    body, place = {"title": "y", "due_at": BEYOND}, f"{PLACE}/{made['id']}"
    for answer in (
        client.post(PLACE, body, content_type="application/json"),
        client.patch(place, {"due_at": BEYOND}, content_type="application/json"),
    ):
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert error == {"pointer": "/due_at", "message": SENTENCE, "code": "overflow"}
    assert client.get(place).json()["due_at"] == made["due_at"]
    assert len(client.get(PLACE).json()["results"]) == _items(world) == 1


@pytest.mark.parametrize(
    ("due", "sentence"),
    [
        (BEYOND, SENTENCE),
        ("1899-12-31T23:59", SENTENCE),
        ("12030-01-31T12:00", "Must be a moment"),
        ("1/31/30 12:00", "Must be a moment"),
    ],
)
def test_the_form_refuses_it(world: World, due: str, sentence: str) -> None:
    client = browser(world.operator)
    form = {"title": "x", "priority": "HIGH", "due_at": due}
    answer = client.post("/work-items/new/", form)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert client.get("/work-items/").status_code == 200
    assert _items(world) == 0


@pytest.mark.parametrize("due", ["9999-12-31T23:59:59-01:00", "infinity", "1899-12-31T23:59:59Z"])
def test_the_database_refuses_it(world: World, due: str) -> None:
    made = _made(world)
    statement = "UPDATE workitems_workitem SET due_at = %s WHERE id = %s"
    refused = pytest.raises(IntegrityError, match="workitems_due_at_moment")
    scope = tenant_scope(world.operator.tenant_id)
    with refused, transaction.atomic(), scope, connection.cursor() as cursor:
        cursor.execute(statement, [due, made["id"]])


def test_a_cursor_beyond_is_none_of_ours(world: World) -> None:
    edge = json.dumps(["n", BEYOND, str(uuid.uuid4())]).encode()
    cursor = base64.urlsafe_b64encode(edge).decode().rstrip("=")
    answer = api(world.operator).get(PLACE, {"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "20300131", "12030-01-31"])
@pytest.mark.parametrize("name", ["since", "until"])
def test_filters_refuse_it(world: World, name: str, day: str) -> None:
    answer = api(world.auditor).get("/api/v1/ledger/entries", {name: day})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_filter")
