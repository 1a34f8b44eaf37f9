"""Choosing a kind of case leads to its form, which asks for rows and people as an answer does; what
was typed is never lost, and all that is wrong is said at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.casework import deploy
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.integration.test_start_form import CHOSEN, NEW, contexts, fields, zoo
from tests.integration.workitems_made import opened, page, stored
from tests.pages import form_of, text_of
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
LINE = {
    "type": "object",
    "required": ["what"],
    "properties": {
        "what": {"type": "string", "title": "Item"},
        "sum": {"type": "integer", "format": "money", "currency": "EUR", "minimum": 100},
        "seller": {"type": "string", "format": "person", "title": "Sold by"},
    },
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["lines", "keeper"],
    "properties": {
        "lines": {"type": "array", "title": "Purchases", "items": LINE, "minItems": 1},
        "keeper": {"$ref": "#/$defs/member"},
        "deputy": {"type": ["string", "null"], "format": "person", "title": "Deputy"},
    },
    "$defs": {"member": {"type": "string", "format": "person"}},
}
SHOP = "tests/shop 1.0.0"


@pytest.fixture
def member(world: World) -> Client:
    """A browser of somebody who may open cases of three kinds."""
    shop = definition("shop", human("visit"))
    shop["spec"]["inputSchema"] = SCHEMA
    for source in (zoo(), shop, definition("plain", human("visit"))):
        deploy(world, source)
    return browser(world.analyst)


def _typed(world: World, **changed: str) -> dict[str, str]:
    body = {
        "definition": SHOP,
        "title": "The shop",
        "context.lines.rows": "3",
        "context.lines.0.what": "Rope",
        "context.lines.0.sum": "1250",
        "context.lines.2.what": "Door",
        "context.lines.2.seller": world.surveyor.username,
        "context.keeper": world.analyst.username,
    }
    body |= {name.replace("__", "."): said for name, said in changed.items()}
    return {name: said for name, said in body.items() if said}


def test_choosing_a_kind_leads_to_the_form_made_from_its_schema(member: Client) -> None:
    first = member.get(NEW)
    assert fields(first.content) == []
    assert "Start the case" not in text_of(first.content)
    for name, version, asked in (
        ("zoo", CHOSEN, ["zoo", "animals", "kind", "visited", "gates"]),
        ("shop", SHOP, ["lines.rows", "lines.0.what", "lines.0.sum", "lines.0.seller", "keeper"]),
    ):
        url = f"{NEW}?definition=tests%2F{name}+1.0.0"
        assert f'href="{url}"' in first.content.decode()
        shown = member.get(url)
        assert fields(shown.content)[:5] == [f"context.{each}" for each in asked]
        assert form_of(shown.content, NEW)["definition"] == version
        assert "Another kind of work" in text_of(shown.content)
    # What declares nothing is asked for as JSON.
    assert fields(member.get(f"{NEW}?definition=tests/plain").content) == ["context"]
    # Nothing chosen is said.
    assert member.post(NEW, {"title": "x"}).status_code == 422
    assert "Please look at this again" in text_of(member.post(NEW, {"title": "x"}).content)
    # What does not exist chooses nothing.
    assert fields(member.get(f"{NEW}?definition=tests/zoo 9.0.0").content) == []


def test_a_list_of_objects_is_rows_and_one_more_loses_nothing(world: World, member: Client) -> None:
    more = member.post(NEW, _typed(world, add_row="context.lines", context__lines__0__sum="much"))
    html = more.content.decode()
    assert more.status_code == 200
    assert 'name="context.lines.3.what"' in html
    assert 'value="much"' in html
    assert 'value="The shop"' in html
    assert "Please look at this again" not in html
    assert contexts(world) == []
    assert member.post(NEW, _typed(world)).status_code == 303
    assert contexts(world) == [
        {
            "lines": [
                {"what": "Rope", "sum": 125_000},
                {"what": "Door", "seller": world.surveyor.username},
            ],
            "keeper": world.analyst.username,
        }
    ]


def test_all_that_is_wrong_is_said_at_once_with_what_the_verb_knows(
    world: World, member: Client
) -> None:
    typed = _typed(
        world, context__lines__0__what="", context__lines__2__seller="nobody",
        context__lines__2__sum="0.10", context__keeper="outsider", context__deputy="Mr. X",
        title="Pay \u202elanomrof\u202c",
    )  # fmt: skip
    answer = member.post(NEW, typed)
    assert answer.status_code == 422
    assert sorted(answer.context["form"].errors) == [
        "context.deputy", "context.keeper", "context.lines.0.what", "context.lines.2.seller",
        "context.lines.2.sum", "title",
    ]  # fmt: skip
    html = answer.content.decode()
    for name in ("context.lines.2.seller", "context.deputy", "context.lines.0.what"):
        assert f'href="#id_{name}"' in html
    assert "no active member is called &#x27;nobody&#x27;" in html
    for text in ('value="nobody"', 'value="Mr. X"', 'value="0.10"', 'value="Door"'):
        assert text in html
    assert contexts(world) == []


def test_who_is_named_is_an_active_member_whoever_asks(world: World, member: Client) -> None:
    outsider, left = world.outsider.username, world.compliance.username
    User.objects.filter(username=left).update(is_active=False)
    body = {
        "definition": "tests/shop",
        "context": {
            "lines": [{"what": "a", "seller": outsider}, {"what": "b", "seller": left}],
            "keeper": str(world.analyst.actor_id),
            "deputy": None,
        },
    }
    answer = api(world.analyst).post("/api/v1/cases", body, content_type="application/json")
    assert answer.status_code == 422
    assert {each["pointer"]: each["code"] for each in answer.json()["errors"]} == {
        "/context/keeper": "unknown",
        "/context/lines/0/seller": "unknown",
        "/context/lines/1/seller": "unknown",
    }
    assert contexts(world) == []


def test_json_is_the_fallback_and_says_all_with_its_place(world: World, member: Client) -> None:
    shown = member.get(f"{NEW}?definition={SHOP}")
    assert f"{NEW}?definition=tests%2Fshop+1.0.0&amp;json=1" in shown.content.decode()
    shown = member.get(f"{NEW}?definition={SHOP}&json=1")
    assert fields(shown.content) == ["context"]
    text = json.dumps({"lines": [], "keeper": "nobody", "more": 1})
    answer = member.post(NEW, {"definition": SHOP, "context": text})
    assert answer.status_code == 422
    said = text_of(answer.content)
    assert "/keeper: no active member is called 'nobody'" in said
    assert "/lines: " in said
    assert "&quot;more&quot;: 1" in answer.content.decode()
    context = {"lines": [{"what": "Rope"}], "keeper": world.analyst.username, "more": 1}
    body = {"definition": SHOP, "context": json.dumps(context)}
    assert member.post(NEW, body).status_code == 303
    assert contexts(world) == [context]


def test_what_was_typed_when_the_session_was_over_is_in_the_form_of_its_kind(
    world: World, member: Client
) -> None:
    hidden = form_of(member.get(f"{NEW}?definition={SHOP}").content, NEW)
    del member.cookies["sessionid"]
    sent = member.post(NEW, {**hidden, **_typed(world)})
    assert sent["Location"] == f"/accounts/login/?next={NEW}"
    login = {"username": world.analyst.username, "password": "amends-demo", "next": NEW}
    assert member.post(sent["Location"], login)["Location"] == NEW
    html = member.get(NEW).content.decode()
    assert "What you wrote is here again. It was not sent yet." in html
    assert form_of(html.encode(), NEW)["definition"] == SHOP
    assert 'name="context.lines.2.what" value="Door"' in html
    assert contexts(world) == []


def test_an_answer_names_an_active_member_too_chosen_from_the_list(world: World) -> None:
    schema = {
        "properties": {
            "by": {"type": "string", "format": "person", "title": "Appraiser"},
            "value": {"type": "integer", "minimum": 1},
        }
    }
    item = opened(world, assignee=world.analyst.username, resolution_schema=schema)
    User.objects.filter(username=world.surveyor.username).update(
        first_name="Sam", last_name="Okafor"
    )
    at, client = f"/work-items/{item.id}/", browser(world.analyst)
    html = page(client, at)
    assert 'list="people"' in html
    assert f'<option value="{world.surveyor.username}">Sam Okafor</option>' in html
    body = {"version": "1", "resolution.by": "nobody", "resolution.value": "0"}
    refused = client.post(f"{at}complete/", body)
    assert refused.status_code == 422
    assert sorted(refused.context["answer"]["form"].errors) == ["resolution.by", "resolution.value"]
    place = f"/api/v1/work-items/{item.id}"
    api(world.analyst).post(f"{place}/start", {}, content_type="application/json")
    sent = api(world.analyst).post(
        f"{place}/complete", {"resolution": {"by": "nobody"}}, content_type="application/json"
    )
    assert sent.status_code == 422
    assert [each["pointer"] for each in sent.json()["errors"]] == ["/resolution/by"]
    assert stored(world, item.id).resolution is None
    body = {"version": "2", "resolution.by": world.surveyor.username}
    assert client.post(f"{at}complete/", body).status_code == 303
    assert f'title="{world.surveyor.username}">Sam Okafor</span>' in page(client, at)
