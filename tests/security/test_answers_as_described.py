"""What the API answers is what its OpenAPI document says: statuses and bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator
from jsonschema_rs import Draft202012Validator
from pytest_django.plugin import DjangoDbBlocker

from tests.security.matrix import MEMBERS, Route, client, routes, written
from tests.world import World, make_world

ROWS = written()
CALLS = [
    (route, method)
    for route in routes()
    if route.is_api and route.name != "api-problem"
    for method in ("GET", "POST", "PATCH", "DELETE")
    if method in route.methods
]
WHO = ("anonymous", *MEMBERS, "outsider")


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One tenant for all of them."""
    with django_db_blocker.unblock():
        yield make_world()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as it is served."""
    described: dict[str, Any] = json.loads(
        json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str)  # type: ignore[no-untyped-call]  # drf-spectacular
    )
    return described


def operation(document: Mapping[str, Any], route: Route, method: str) -> Mapping[str, Any]:
    """Return what is said about a method of an address."""
    path = "/" + "".join(
        f"{{{part.rpartition(':')[2]}" if at else part
        for at, part in enumerate(route.pattern.split("<"))
    ).replace(">", "}")
    found: Mapping[str, Any] = document["paths"][path][method.lower()]
    return found


def faults(document: Mapping[str, Any], said: Mapping[str, Any], response: Any) -> list[str]:
    """Return where an answer is not as described."""
    status = str(response.status_code)
    if status not in said["responses"]:
        return [f"{status} is not described"]
    content = said["responses"][status].get("content", {})
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if not content and not response.content:
        return []
    if kind not in content:
        return [f"{status}: {kind} is not among {sorted(content)}"]
    if content[kind]["schema"] == {"type": "string", "format": "binary"}:
        # A file is what it is.
        return []
    schema = {**content[kind]["schema"], "components": document["components"]}
    told = response.content.decode() if kind == "text/plain" else response.json()
    wrong = Draft202012Validator(schema, validate_formats=True).iter_errors(told)
    return [f"{status} at {each.instance_path}: {each.message[:200]}" for each in wrong][:5]


@pytest.mark.parametrize(
    ("route", "method"), CALLS, ids=[f"{route.name} {method}" for route, method in CALLS]
)
def test_an_answer_is_as_described(
    cast: World, document: dict[str, Any], route: Route, method: str
) -> None:
    row, said = ROWS[route.name], operation(document, route, method)
    expected = row.expectation(method)
    assert expected is not None
    found: list[str] = []
    # Reading leaves an object as it is: one does for everybody.
    about = row.make(cast) if method == "GET" else None
    for who in WHO:
        kwargs = row.make(cast) if about is None else about
        body = expected.body(cast, kwargs) if callable(expected.body) else expected.body
        sent: Any = dict(body) if method == "GET" else json.dumps(body).encode()
        more = {} if method == "GET" else {"content_type": "application/json"}
        url = reverse(route.name, kwargs=kwargs)
        send = getattr(client(cast, who, route), method.lower())
        response = send(url, sent, headers=expected.headers, **more)
        found += [f"{who}: {each}" for each in faults(document, said, response)]
    operator = client(cast, "operator", route)
    if method == "GET":
        wrong: Any = operator.get(url, {"limit": "0", "status": "?"})
        found += [f"wrong query: {each}" for each in faults(document, said, wrong)]
    else:
        broken: Any = operator.generic(method, url, b"[1]", "application/json")
        found += [f"wrong body: {each}" for each in faults(document, said, broken)]
    assert found == []
