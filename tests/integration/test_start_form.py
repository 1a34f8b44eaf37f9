"""A case is started by a form that its definition's input schema makes; without one, by JSON."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from cases.models import Case
from ledger.tenancy import tenant_scope
from tests.casework import deploy
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.pages import form_of, text_of
from tests.world import World

SCHEMA = {
    "type": "object",
    "properties": {
        "zoo": {"type": "string", "title": "Name of the zoo", "maxLength": 20},
        "animals": {"type": "integer", "minimum": 1},
        "kind": {"enum": ["big", "small"], "title": "Kind of zoo"},
        "visited": {"type": "string", "format": "date"},
        "gates": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["zoo", "animals"],
}
CHOSEN = "tests/zoo 1.0.0"
NEW = "/cases/new/"


def zoo() -> dict[str, Any]:
    """Return a definition that says what its cases are opened with."""
    source = definition("zoo", human("visit"))
    source["spec"]["inputSchema"] = SCHEMA
    return source


def fields(html: bytes) -> list[str]:
    """Return the fields of the context on a page, in their order."""
    return re.findall(r'<(?:input|select|textarea)[^>]* name="(context[^"]*)"', html.decode())


def contexts(world: World) -> list[dict[str, Any]]:
    """Return what the tenant's cases were opened with."""
    with tenant_scope(world.operator.tenant_id):
        return list(Case.objects.values_list("context", flat=True))


@pytest.fixture
def member(world: World) -> Client:
    """A browser of somebody who may open cases; the definition is deployed."""
    deploy(world, zoo())
    return browser(world.analyst)


@pytest.mark.parametrize(
    "address", ["/cases/definitions/tests/zoo/1.0.0/", f"{NEW}?definition={CHOSEN}", NEW]
)
def test_the_form_has_a_field_for_each_property_in_the_authors_order(
    member: Client, address: str
) -> None:
    page = member.get(address)
    names = ["zoo", "animals", "kind", "visited", "gates"]
    assert fields(page.content) == [f"context.{name}" for name in names]
    said = text_of(page.content)
    assert "Name of the zoo" in said
    assert "Kind of zoo (optional)" in said
    assert "A JSON object" not in said


def test_a_case_is_opened_with_what_was_filled_in(world: World, member: Client) -> None:
    page = member.get("/cases/definitions/tests/zoo/1.0.0/")
    hidden = form_of(page.content, NEW)
    typed = {
        **hidden, "definition": CHOSEN, "title": "The zoo", "context.zoo": "Berlin",
        "context.animals": "7", "context.kind": '"big"', "context.gates": '[4]',
    }  # fmt: skip
    assert member.post(NEW, typed).status_code == 303
    assert contexts(world) == [{"zoo": "Berlin", "animals": 7, "kind": "big", "gates": [4]}]


def test_all_that_is_wrong_is_said_beside_its_field(world: World, member: Client) -> None:
    typed = {
        "definition": CHOSEN, "shown_for": CHOSEN, "context.zoo": "", "context.animals": "many",
        "context.gates": "[",
    }  # fmt: skip
    answer = member.post(NEW, typed)
    assert answer.status_code == 422
    form = answer.context["form"]
    assert sorted(form.errors) == ["context.animals", "context.gates", "context.zoo"]
    typed |= {"context.zoo": "A name that is longer than twenty", "context.animals": "0"}
    typed["context.gates"] = '["north"]'
    answer = member.post(NEW, typed)
    assert answer.status_code == 422
    # What the schema alone knows is said beside the field too.
    assert sorted(answer.context["form"].errors) == [
        "context.animals", "context.gates", "context.zoo",
    ]  # fmt: skip
    assert "A name that is longer than twenty" in answer.content.decode()
    assert contexts(world) == []


def test_the_api_names_the_member_and_the_rule(world: World, member: Client) -> None:
    body = {"definition": "tests/zoo", "context": {"animals": 0}}
    answer = api(world.analyst).post("/api/v1/cases", body, content_type="application/json")
    assert answer.status_code == 422
    errors = {error["pointer"]: error["message"] for error in answer.json()["errors"]}
    assert sorted(errors) == ["/context", "/context/animals"]
    assert "zoo" in errors["/context"]
    assert contexts(world) == []


def test_another_kind_shows_its_own_fields_first(world: World, member: Client) -> None:
    deploy(world, definition("plain", human("visit")))
    typed = {
        "definition": "tests/plain 1.0.0", "shown_for": CHOSEN, "context.zoo": "Berlin",
        "context.animals": "7",
    }  # fmt: skip
    answer = member.post(NEW, typed)
    assert answer.status_code == 422
    assert "This kind asks for other things." in text_of(answer.content)
    assert fields(answer.content) == ["context"]
    again = {**form_of(answer.content, NEW), "definition": "tests/plain 1.0.0", "context": "{}"}
    assert member.post(NEW, again).status_code == 303
    assert contexts(world) == [{}]


@pytest.mark.parametrize(
    ("schema", "where", "said"),
    [
        ({"type": "array"}, "/spec/inputSchema", "needs type: object"),
        ({"type": "object", "properties": {"a": {"type": "odd"}}}, "/spec/inputSchema/", "odd"),
        ("text", "/spec/inputSchema", "map"),
    ],
)
def test_a_schema_that_is_none_is_refused(world: World, schema: Any, where: str, said: str) -> None:
    source = zoo()
    source["spec"]["inputSchema"] = schema
    answer = api(world.operator).post(
        "/api/v1/case-definitions", source, content_type="application/json"
    )
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"].startswith(where)
    assert said in error["message"]
