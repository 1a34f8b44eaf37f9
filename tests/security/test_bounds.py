"""Whatever an endpoint is sent, it is answered at once and in few words.

Every endpoint that takes a body is found from the addresses; its members from the declared input of
its verb. Each gets the worst value for each member, in the largest body that the endpoint takes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve, reverse
from pytest_django.plugin import DjangoDbBlocker

from tests.clients import api
from tests.security.matrix import MEMBERS, Route, Row, routes, written
from tests.security.worst_bodies import bodies, sources
from tests.world import World, make_world
from web.verb_api import VerbAPIView

ROWS = written()
UNSAFE = ("POST", "PATCH", "PUT", "DELETE")
CASES = [
    (route, method)
    for route in routes()
    if route.is_api
    for method in UNSAFE
    if method in route.methods
]
LONGEST_ANSWER = 64 * 1024
# Of CPU: 0.3 on a quiet machine of today. A busy one makes seconds longer, by chance: what is too
# slow is so each time, and by far. The system's own time is left out: at some depths of its stack
# CPython 3.11 asks for a page, and gives it back, at every call.
MOST_SECONDS = 0.3 * 3
TRIES = 3
YAML = "application/yaml"


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One tenant for all of them."""
    with django_db_blocker.unblock():
        yield make_world()


class Endpoint:
    """One endpoint as somebody meets it who may do what it is for."""

    def __init__(self, world: World, route: Route, method: str) -> None:
        self.world, self.route, self.method = world, route, method
        self.row: Row = ROWS[route.name]
        expected = self.row.expectation(method)
        assert expected is not None
        self.expected = expected
        allowed = [
            who
            for who in MEMBERS
            if str(expected.of(who, route))[0] in "24" and expected.of(who, route) != 403
        ]
        self.client: Client = api(world.of(allowed[0]))
        self.renew()
        self.view: type[VerbAPIView] = getattr(resolve(self.url).func, "cls")  # noqa: B009  -- DRF's

    def renew(self) -> None:
        """Take a fresh object: something was done to the former one."""
        kwargs = self.row.make(self.world)
        body = self.expected.body
        self.good = dict(body(self.world, kwargs) if callable(body) else body)
        self.url = reverse(self.route.name, kwargs=kwargs)

    @property
    def room(self) -> int:
        """How long a body it takes."""
        return self.view.largest_body(self.method)

    @property
    def members(self) -> list[str]:
        """The members of what it is sent; a definition's where the body is one."""
        if "case-definitions" in self.route.pattern:
            return [*self.good, "summary"]
        performed = getattr(self.view, "verbs", {}).get(self.method.lower())
        model = self.view.reads if performed is None else performed.input  # type: ignore[attr-defined]
        return list(model.model_fields)

    def faults(self, what: str, body: bytes, content_type: str) -> Iterator[str]:
        """Send a body; yield what is wrong with the answer."""
        seconds: list[float] = []
        while not seconds or (seconds[-1] > MOST_SECONDS and len(seconds) < TRIES):
            begun = os.times().user
            response: Any = self.client.generic(
                self.method, self.url, body, content_type, headers=self.expected.headers
            )
            seconds.append(os.times().user - begun)
            if 200 <= response.status_code < 300:
                self.renew()
        longest = LONGEST_ANSWER
        if response.status_code < 300:
            longest += len(body)  # what was taken is shown again
        if response.status_code >= 500:
            yield f"{what}: {response.status_code}"
        if len(response.content) > longest:
            yield f"{what}: answered with {len(response.content)} bytes"
        if min(seconds) > MOST_SECONDS:
            yield f"{what}: took {min(seconds):.2f} s of CPU"
        if "too long" in what and response.status_code != 413:
            yield f"{what}: {response.status_code}"


@pytest.mark.parametrize(
    ("route", "method"), CASES, ids=[f"{route.name} {method}" for route, method in CASES]
)
def test_the_worst_bodies_are_answered_briefly_and_at_once(
    cast: World, route: Route, method: str
) -> None:
    endpoint = Endpoint(cast, route, method)
    found: list[str] = []
    for what, body in bodies(endpoint.members, endpoint.good, endpoint.room):
        found += endpoint.faults(what, body, "application/json")
    assert found == []


DEFINITIONS = [(route, method) for route, method in CASES if "case-definitions" in route.pattern]


@pytest.mark.parametrize(
    ("route", "method"), DEFINITIONS, ids=[route.name for route, _ in DEFINITIONS]
)
def test_the_worst_definitions_are_answered_briefly_and_at_once(
    cast: World, route: Route, method: str
) -> None:
    endpoint = Endpoint(cast, route, method)
    found: list[str] = []
    for what, body in sources(endpoint.room):
        found += endpoint.faults(what, body, YAML)
    assert found == []
