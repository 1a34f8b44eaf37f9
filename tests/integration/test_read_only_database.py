"""A database that only reads for now answers 503, as one that does not answer at all; once it
writes again, the same request does its work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from tests import states
from tests.clients import api, browser
from tests.integration.foundation_calls import code
from tests.world import World


@pytest.fixture
def read_only(world: World) -> Iterator[None]:
    """Put this session where a standby or a full disk would put it."""
    yield
    _switch(to_reading=False)


def _switch(*, to_reading: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET default_transaction_read_only = {'on' if to_reading else 'off'}")


def test_an_api_call_is_503_with_retry_after_and_changes_nothing(
    world: World, read_only: None
) -> None:
    item, client = states.new_item(world.operator), api(world.analyst)
    url = f"/api/v1/work-items/{item.id}/claim"
    _switch(to_reading=True)
    refused = client.post(url, {}, content_type="application/json")
    assert code(refused) == (503, "unavailable")
    assert refused.headers["Retry-After"] == "1"
    assert client.get(f"/api/v1/work-items/{item.id}").json()["status"] == "PENDING"
    _switch(to_reading=False)
    assert len(states.history(world, "work_item", item.id)) == 1
    assert client.post(url, {}, content_type="application/json").status_code == 200


def test_a_page_is_503_with_retry_after_too(world: World, read_only: None) -> None:
    item, client = states.new_item(world.operator), browser(world.analyst)
    client.raise_request_exception = False
    _switch(to_reading=True)
    refused = client.post(f"/work-items/{item.id}/claim/")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert b"<html" in refused.content


def test_so_is_logging_in(world: World, read_only: None) -> None:
    client = Client(raise_request_exception=False)
    _switch(to_reading=True)
    refused = client.post("/accounts/login/", {"username": "nobody", "password": "x" * 12})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
