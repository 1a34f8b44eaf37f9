"""Everyone gets at every endpoint exactly what is written down for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import URLResolver, include, path
from django.urls.resolvers import RegexPattern
from pytest_django.plugin import DjangoDbBlocker

from config import urls
from tests.security.matrix import EVERYONE, METHODS, Route, Row, call, expect, gaps, routes, written
from tests.world import World, make_world

ROUTES = {route.name: route for route in routes()}
ROWS = written()
CASES = [
    pytest.param(name, method, id=f"{method} {name}")
    for name, row in sorted(ROWS.items())
    if name in ROUTES
    for method in sorted(row.methods)
]


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One tenant for the whole matrix: what may change an object has one of its own."""
    with django_db_blocker.unblock():
        yield make_world()


def test_every_endpoint_has_a_row_and_every_row_an_endpoint() -> None:
    assert gaps(list(ROUTES.values()), ROWS) == []


@pytest.mark.parametrize(("name", "method"), CASES)
def test_everyone_gets_what_is_written_down(cast: World, name: str, method: str) -> None:
    route, row = ROUTES[name], ROWS[name]
    wanted = row.expectation(method)
    assert wanted is not None
    # Reading leaves an object as it is: one does for everybody.
    about = row.make(cast) if method == "GET" else None
    got = {who: call(cast, who, route, method, row, about=about) for who in EVERYONE}
    assert got == {who: wanted.of(who, route) for who in EVERYONE}


@pytest.mark.parametrize(
    "name", sorted(name for name in ROWS if name in ROUTES and not name.startswith("admin:"))
)
def test_other_methods_are_refused(cast: World, name: str) -> None:
    route, row = ROUTES[name], ROWS[name]
    others = [method for method in METHODS if method not in row.methods]
    # What is refused leaves the object as it is: one does for all of them.
    about = row.make(cast)
    got = {method: call(cast, "operator", route, method, row, about=about) for method in others}
    # A browser that asks for the address of a form is led to the page of that form.
    led = set() if route.is_api else {"GET"}
    assert got == {method: 302 if method in led else 405 for method in others}


def _planted(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("open to all")


def added_by(planted: URLResolver) -> list[str]:
    """Return the gaps that are there only with the planted endpoint."""
    before = gaps(list(ROUTES.values()), ROWS)
    return [each for each in gaps(routes(planted), ROWS) if each not in before]


def test_a_planted_endpoint_without_a_row_is_found() -> None:
    planted = URLResolver(
        RegexPattern(r"^/"), [*urls.urlpatterns, path("planted/", _planted, name="planted")]
    )
    assert added_by(planted) == ["planted: no row"]


def test_a_page_of_ours_planted_in_the_admin_is_found() -> None:
    inside = path("admin/", include(([path("undo/", _planted, name="undo")], "planted")))
    planted = URLResolver(RegexPattern(r"^/"), [*urls.urlpatterns, inside])
    assert added_by(planted) == ["planted:undo: no row"]


def test_a_planted_endpoint_without_a_name_is_found_by_its_address() -> None:
    inside = path("api/v1/", include([path("planted/<int:id>", _planted)]))
    planted = URLResolver(RegexPattern(r"^/"), [*urls.urlpatterns, inside])
    assert added_by(planted) == ["api/v1/planted/<int:id>: no row"]


def test_a_method_without_an_expectation_and_a_row_without_an_endpoint_are_found() -> None:
    route = Route("things:list", "api/v1/things", frozenset({"GET", "POST"}))
    rows = {"things:list": Row(GET=expect(200), PATCH=expect(200)), "gone": Row(GET=expect(200))}
    assert gaps([route], rows) == [
        "things:list POST: no expectation",
        "things:list PATCH: the endpoint does not know it",
        "gone: no such endpoint",
    ]


def test_what_is_not_said_has_careful_defaults() -> None:
    about_one = Route("things:one", "api/v1/things/<uuid:id>", frozenset({"GET"}))
    page = Route("things:page", "things/", frozenset({"GET"}))
    wanted = expect(403, operator=200)
    some = ("anonymous", "analyst", "operator", "outsider")
    assert [wanted.of(who, about_one) for who in some] == [401, 403, 200, 404]
    assert [wanted.of(who, page) for who in ("anonymous", "outsider")] == ["login", 200]
    with pytest.raises(ValueError, match="nobody is called"):
        expect(200, oprator=403)
