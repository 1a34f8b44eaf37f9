"""No body that anybody can send to any operation ends in a fault of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import reverse
from pytest_django.plugin import DjangoDbBlocker

from tests.clients import api
from tests.security.matrix import routes, written
from tests.world import World, make_world

ROWS = written()
NAMES = sorted(route.name for route in routes() if route.is_api and "POST" in route.methods)
# A refusal, or what is done without a word: never a fault.
BODIES = {
    "nothing": b"{}",
    "stranger": b'{"zzz": 1}',
    "list": b"[]",
    "null": b"null",
    "number": b"5",
    "cut": b'{"reason": ',
    "nul": b'{"reason": "a\\u0000b"}',
    "surrogate": b'{"\\ud800": "\\udfff"}',
    "infinite": b'{"context": {"n": -1e999}}',
    "deep": b'{"payload": ' + b"[" * 200 + b"]" * 200 + b"}",
    "deepest": b"[" * 19_000,
    "nulls": b'{"reason": null, "context": null, "definition": null, "input": null, "title": null,'
    b' "payload": null, "outcome": null, "evidence": null, "assignee": null, "scope": null}',
}
REFUSED = {"list", "cut", "nul", "surrogate", "infinite", "deep", "deepest"}


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One tenant for all of them: every call is about an object of its own."""
    with django_db_blocker.unblock():
        yield make_world()


@pytest.mark.parametrize("name", NAMES)
def test_no_body_is_a_fault(cast: World, name: str) -> None:
    client, previous = api(cast.admin), ""
    got: dict[str, int] = {}
    url = ""
    for what, body in BODIES.items():
        # What one body was enough for is done: the next needs an object of its own.
        if not url or 200 <= got[previous] < 300:
            url = reverse(name, kwargs=ROWS[name].make(cast))
        previous = what
        response = client.post(url, body, content_type="application/json")
        got[what] = response.status_code
        assert response.headers["Content-Type"].startswith("application/"), what
    assert {what: status for what, status in got.items() if status >= 500} == {}
    assert {what: status for what, status in got.items()
            if what in REFUSED and not 400 <= status < 500} == {}  # fmt: skip
