"""The authorisation matrix: every address of ours by method by the cast, against written rows.

A row says what each person gets. Rows are written by people, in `tests/security/rows/`, never
derived from the code they judge. An endpoint without a row, a row without an endpoint, and a method
without an expectation all fail.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.clients import api, browser
from tests.security import rows
from tests.world import CAST, World

Status = int | Literal["login"]
Kwargs = dict[str, Any]
Body = Mapping[str, Any] | Callable[[World, Kwargs], Mapping[str, Any]]
MEMBERS = tuple(CAST)
EVERYONE = ("anonymous", *MEMBERS, "outsider")
# A function does not tell which methods it knows: its row does.
ANY_METHOD = frozenset({"*"})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Addresses of libraries have rules by prefix (`test_third_party`).
THIRD_PARTY = ("api/v1/schema/", "api/v1/docs/")
# What Django's admin serves by itself; any other address under it is a page of ours.
ADMIN = "admin/"
STOCK_NAMES = frozenset(
    "index login logout password_change password_change_done autocomplete jsi18n view_on_site"
    " app_list".split()
)
STOCK_ENDINGS = ("_changelist", "_add", "_history", "_delete", "_change")


@dataclasses.dataclass(frozen=True, slots=True)
class Expect:
    """What everyone gets for one method of one endpoint, and what is sent."""

    members: Status
    exceptions: Mapping[str, Status]
    body: Body
    headers: Mapping[str, str]

    def of(self, who: str, route: Route) -> Status:
        """Return the status written down for `who`, by the defaults of the module's text."""
        if who in self.exceptions:
            return self.exceptions[who]
        if who == "anonymous":
            return 401 if route.is_api else "login"
        if who == "outsider":
            return 404 if route.has_arguments else self.of("operator", route)
        return self.members


def expect(
    members: Status,
    *,
    body: Body | None = None,
    headers: Mapping[str, str] | None = None,
    **exceptions: Status,
) -> Expect:
    """Write down that every member gets `members`, but for `exceptions` by name.

    Unless said otherwise `anonymous` gets 401 (API) or the login page, and `outsider`, an operator
    of another tenant, gets 404 where the address has arguments, else what an operator gets.
    """
    unknown = set(exceptions) - set(EVERYONE)
    if unknown:
        raise ValueError(f"nobody is called {sorted(unknown)}")
    return Expect(members, exceptions, body or {}, headers or {})


def _no_arguments(_world: World) -> Kwargs:
    return {}


@dataclasses.dataclass(frozen=True)
class Row:
    """The expectations of one endpoint. `make` gives the route's arguments, anew for every call."""

    make: Callable[[World], Kwargs] = _no_arguments
    GET: Expect | None = None
    POST: Expect | None = None
    PUT: Expect | None = None
    PATCH: Expect | None = None
    DELETE: Expect | None = None

    def expectation(self, method: str) -> Expect | None:
        """Return what is written down for a method, if anything."""
        found = getattr(self, method)
        return found if isinstance(found, Expect) else None

    @property
    def methods(self) -> frozenset[str]:
        """The methods with an expectation."""
        return frozenset(method for method in METHODS if self.expectation(method))


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """One endpoint of ours as the resolver knows it."""

    name: str
    pattern: str
    methods: frozenset[str]

    @property
    def is_api(self) -> bool:
        """Whether problems are its errors."""
        return self.pattern.startswith("api/")

    @property
    def has_arguments(self) -> bool:
        """Whether it is about one object."""
        return "<" in self.pattern


def routes(resolver: URLResolver | None = None) -> list[Route]:
    """Return every endpoint of ours; libraries' are left out by prefix."""
    return list(_walk(resolver or get_resolver(), "", ""))


def written() -> dict[str, Row]:
    """Return all rows by route name. Raises ValueError for a name written down twice."""
    found: dict[str, Row] = {}
    for module in pkgutil.iter_modules(rows.__path__):
        loaded = importlib.import_module(f"{rows.__name__}.{module.name}")
        for name, row in loaded.ROWS.items():
            if name in found:
                raise ValueError(f"{name} has two rows")
            found[name] = row
    return found


def gaps(found: list[Route], expected: Mapping[str, Row]) -> list[str]:
    """Return what is missing or too much between the endpoints and the rows."""
    missing = []
    for route in found:
        row = expected.get(route.name)
        if row is None:
            missing.append(f"{route.name or route.pattern}: no row")
        elif route.methods == ANY_METHOD:
            missing += [] if row.methods else [f"{route.name}: no expectation"]
        else:
            missing += [f"{route.name} {method}: no expectation"
                        for method in sorted(route.methods - row.methods)]  # fmt: skip
            missing += [f"{route.name} {method}: the endpoint does not know it"
                        for method in sorted(row.methods - route.methods)]  # fmt: skip
    names = {route.name for route in found}
    return missing + [f"{name}: no such endpoint" for name in sorted(set(expected) - names)]


def client(world: World, who: str, route: Route) -> Client:
    """Return a client of one of the cast: with a token for the API, else a fresh browser."""
    if who == "anonymous":
        return Client(raise_request_exception=False)
    return _with_token(world, who) if route.is_api else browser(world.of(who))


@functools.lru_cache(maxsize=64)
def _with_token(world: World, who: str) -> Client:
    return api(world.of(who))


def call(
    world: World,
    who: str,
    route: Route,
    method: str,
    row: Row,
    *,
    about: Kwargs | None = None,
) -> Status:
    """Send one request about a fresh object, unless it is said about which, and return its status
    ("login" for the way there)."""
    wanted = row.expectation(method)
    kwargs = row.make(world) if about is None else about
    body: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}
    if wanted is not None:
        body = wanted.body(world, kwargs) if callable(wanted.body) else wanted.body
        headers = wanted.headers
    url = reverse(route.name, kwargs=kwargs)
    send = getattr(client(world, who, route), method.lower())
    if method == "GET":
        response = send(url, body, headers=headers)
    elif route.is_api:
        response = send(url, body, content_type="application/json", headers=headers)
    else:
        response = send(url, body, headers=headers)
    if response.status_code == 302 and response["Location"].startswith("/accounts/login/?next="):
        return "login"
    return int(response.status_code)


def _walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if pattern.startswith(THIRD_PARTY):
            continue
        if pattern.startswith(ADMIN) and isinstance(entry, URLPattern) and _is_stock(entry):
            continue
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, pattern, inner)
        else:
            yield Route(f"{namespace}{entry.name or ''}", pattern, _methods(entry))


def _is_stock(entry: URLPattern) -> bool:
    # Without a name: the admin's catch-all and its redirect of addresses of former days.
    name = entry.name or "index"
    return name in STOCK_NAMES or name.endswith(STOCK_ENDINGS)


def _methods(entry: URLPattern) -> frozenset[str]:
    view_class = getattr(entry.callback, "view_class", None) or getattr(entry.callback, "cls", None)
    if view_class is None:
        return ANY_METHOD
    allowed = {name.upper() for name in view_class.http_method_names}
    known = {method for method in METHODS if hasattr(view_class, method.lower())}
    return frozenset(known & allowed)
