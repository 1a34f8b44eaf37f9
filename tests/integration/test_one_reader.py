"""What a program may not send, a person may not type, and what is kept is kept alike."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.tenancy import tenant_scope
from tests.casework import deploy
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.world import World
from verbs.call import Call
from workitems.actions import create_work_item, start
from workitems.models import WorkItem

PLACE = "/api/v1/work-items"
JSON: dict[str, Any] = {"content_type": "application/json"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "number"}, "x": {"type": "array"}}}


def _begun(world: World) -> WorkItem:
    made = create_work_item(
        call=Call(world.operator), title="x", resolution_schema=SCHEMA,
        assignee=world.analyst.username,
    )  # fmt: skip
    return start(made.id, call=Call(world.analyst))


def _resolution(item: WorkItem) -> Any:
    with tenant_scope(item.tenant_id):
        return WorkItem.objects.get(id=item.id).resolution


@pytest.mark.parametrize("text", ["1e400", "9" * 1001, "[1, 2", '{"a": 1, "a": 1}', "NaN"])
@pytest.mark.parametrize("name", ["n", "x"])
def test_both_refuse_it(world: World, name: str, text: str) -> None:
    item = _begun(world)
    body = f'{{"resolution": {{"{name}": {text}}}}}'
    sent = api(world.analyst).post(f"{PLACE}/{item.id}/complete", body, **JSON)
    assert sent.status_code in {400, 422}
    form = {"version": item.version, f"resolution.{name}": text}
    typed = browser(world.analyst).post(f"/work-items/{item.id}/complete/", form)
    assert typed.status_code == 422
    assert _resolution(item) is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [("9007199254740993", "9007199254740993"), ("-0.0", "0.0"), ("1e22", "1" + "0" * 22)],
)
def test_both_keep_it(world: World, text: str, kept: str) -> None:
    by_program, by_hand = _begun(world), _begun(world)
    body = f'{{"resolution": {{"n": {text}}}}}'
    sent = api(world.analyst).post(f"{PLACE}/{by_program.id}/complete", body, **JSON)
    assert f'"n":{kept}' in sent.content.decode()
    form = {"version": by_hand.version, "resolution.n": text}
    browser(world.analyst).post(f"/work-items/{by_hand.id}/complete/", form)
    assert repr(_resolution(by_program)["n"]) == repr(_resolution(by_hand)["n"]) == kept
    read = api(world.analyst).get(f"{PLACE}/{by_hand.id}")
    assert f'"n":{kept}' in read.content.decode()


def test_a_case_is_started_alike(world: World) -> None:
    deploy(world, definition("kept", human("a")))
    text = '{"n": 1, "m": {"n": 2, "n": 2}}'
    body = f'{{"definition": "tests/kept", "context": {text}}}'
    sent = api(world.operator).post("/api/v1/cases", body, **JSON)
    assert sent.status_code == 422
    assert [each["pointer"] for each in sent.json()["errors"]] == ["/context/m/n"]
    form = {"definition": "tests/kept 1.0.0", "title": "", "context": text}
    typed = browser(world.operator).post("/cases/new/", form)
    assert typed.status_code == 422
    assert "/m/n: is written more than once" in typed.content.decode()


# What cannot be a line, and what is said about it.
LINES = {
    "Lo\x1ban": "Must not contain control characters.",
    "\u200b\u200e": "Needs at least one visible character.",
    "Pay \u202elanomrof\u202c": "Must not contain control characters.",
}


@pytest.mark.parametrize("text", LINES)
@pytest.mark.parametrize(
    ("place", "body", "pointer"),
    [
        (PLACE, {"title": "{}"}, "/title"),
        (PLACE, {"title": "x", "candidate_groups": ["{}"]}, "/candidate_groups/0"),
        (PLACE, {"title": "x", "permitted_outcomes": ["OK", "{}"]}, "/permitted_outcomes/1"),
        (
            PLACE,
            {"title": "x", "compensation": {"candidate_groups": ["{}"]}},
            "/compensation/candidate_groups/0",
        ),
        ("/api/v1/cases", {"definition": "tests/lines", "title": "{}"}, "/title"),
    ],
    ids=["title", "group", "outcome", "policy", "case"],
)
def test_a_line_is_refused_by_name(
    world: World, place: str, body: dict[str, Any], pointer: str, text: str
) -> None:
    deploy(world, definition("lines", human("a")))
    answer = api(world.operator).post(place, _filled(body, text), **JSON)
    assert answer.status_code == 422, answer.content
    errors = answer.json()["errors"]
    assert [(each["pointer"], each["message"]) for each in errors] == [(pointer, LINES[text])]
    with tenant_scope(world.operator.tenant_id):
        assert not WorkItem.objects.exists()


def _filled(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, text) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, text) for each in value]
    return text if value == "{}" else value


@pytest.mark.parametrize("text", LINES)
def test_an_outcome_is_refused(world: World, text: str) -> None:
    item = _begun(world)
    answer = {"outcome": text, "resolution": {}}
    sent = api(world.analyst).post(f"{PLACE}/{item.id}/complete", answer, **JSON)
    assert [each["pointer"] for each in sent.json()["errors"]] == ["/outcome"]
    edited = api(world.operator).patch(f"{PLACE}/{item.id}", {"title": text}, **JSON)
    assert [each["pointer"] for each in edited.json()["errors"]] == ["/title"]
    assert edited.status_code == sent.status_code == 422


@pytest.mark.parametrize("text", LINES)
def test_a_definition_is_refused_by_its_line(world: World, text: str) -> None:
    source = definition("named", human("a"))
    source["spec"]["bindings"][0]["humanTask"] |= {"title": text, "outcomes": ["OK", text]}
    sent = api(world.operator).post("/api/v1/case-definitions", source, **JSON)
    assert sent.status_code == 422
    task = "/spec/bindings/0/humanTask"
    assert {each["pointer"] for each in sent.json()["errors"]} == {
        f"{task}/title", f"{task}/outcomes/1",
    }  # fmt: skip


def test_the_form_says_it_beside_the_field(world: World) -> None:
    form = {"title": "\u200b", "priority": "HIGH", "candidate_groups": "a, \u200b"}
    answer = browser(world.operator).post("/work-items/new/", form)
    assert answer.status_code == 422
    assert "Needs at least one visible character." in answer.content.decode()
