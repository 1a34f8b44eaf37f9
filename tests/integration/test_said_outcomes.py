"""Outcomes with a label and a condition: what people read for them, and when they may be given."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.errors import Invalid
from ledger.tenancy import tenant_scope
from tests.casework import deploy
from tests.casework import opened as case_opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.workitems_made import opened, page, stored
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions, selectors
from workitems.models import WorkItem

JSON = "application/json"
SMALL = ".resolution.sum <= .payload.limit"
SUM_SAID = "“Sum” of your answer is at most “Limit”"
SUM = f"Only where {SUM_SAID}. That is looked at when you answer."
ALWAYS = {"allowed": True, "reason": None}
OUTCOMES: list[Any] = [
    {"name": "OK", "label": "Pay it out", "when": SMALL},
    {"name": "ASK", "label": "Ask the committee"},
    "LEFT_OPEN",
]
SCHEMA = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}


def asked(world: World, **more: Any) -> WorkItem:
    said = {"payload": {"limit": 100}, "permitted_outcomes": OUTCOMES, "resolution_schema": SCHEMA}
    return opened(world, assignee=world.analyst.username, **{**said, **more})


def answered(world: World, item: WorkItem, outcome: str, sum_: object, status: int) -> Any:
    body = {"outcome": outcome, "resolution": {"sum": sum_}}
    path = f"/api/v1/work-items/{item.id}"
    client = api(world.analyst)
    if stored(world, item.id).status == "ASSIGNED":
        client.post(f"{path}/start", {}, content_type=JSON)
    answer = client.post(f"{path}/complete", body, content_type=JSON)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_an_item_tells_names_labels_and_conditions(world: World) -> None:
    item = asked(world)
    read = api(world.analyst).get(f"/api/v1/work-items/{item.id}").json()
    assert read["permitted_outcomes"] == ["OK", "ASK", "LEFT_OPEN"]
    assert read["outcomes"] == [
        {"name": "OK", "label": "Pay it out", "when": SMALL, "allowed": None, "reason": SUM},
        {"name": "ASK", "label": "Ask the committee", "when": None, **ALWAYS},
        {"name": "LEFT_OPEN", "label": "Left open", "when": None, **ALWAYS},
    ]
    assert (read["outcome"], read["outcome_label"]) == (None, None)


def test_an_outcome_is_given_only_where_its_condition_is_true(world: World) -> None:
    item = asked(world)
    refused = answered(world, item, "OK", 101, 422)
    [error] = refused["errors"]
    assert (error["pointer"], error["code"]) == ("/outcome", "outcome_condition")
    assert error["message"] == f"“Pay it out” may be given only where {SUM_SAID}."
    assert (stored(world, item.id).status, stored(world, item.id).outcome) == ("IN_PROGRESS", None)
    done = answered(world, item, "OK", 100, 200)
    assert (done["status"], done["outcome"], done["outcome_label"]) == (
        "COMPLETED", "OK", "Pay it out",
    )  # fmt: skip


def test_an_outcome_without_a_condition_may_always_be_given(world: World) -> None:
    assert answered(world, asked(world), "ASK", 10**6, 200)["outcome_label"] == "Ask the committee"


def test_a_condition_that_fails_is_no_yes(world: World) -> None:
    failing = [{"name": "OK", "when": 'error("no limit")'}]
    [error] = answered(world, asked(world, permitted_outcomes=failing), "OK", 1, 422)["errors"]
    assert error["pointer"] == "/outcome"
    assert error["message"].endswith("(no limit)")


def test_what_jq_alone_can_tell_is_asked_without_locks(world: World) -> None:
    """`length` is not simple: the attempt is put back, jq is asked, the attempt is made again."""
    item = asked(world, permitted_outcomes=[{"name": "OK", "when": "(.payload | length) == 1"}])
    actions.start(item.id, call=Call(world.analyst))
    with CaptureQueriesContext(connection) as captured:
        actions.complete(item.id, call=Call(world.analyst), outcome="OK", resolution={"sum": 1})
    sent = [each["sql"] for each in captured.captured_queries]
    assert sum("ROLLBACK" in sql.upper() for sql in sent) == 1
    assert stored(world, item.id).status == "COMPLETED"


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        ([{"name": "OK", "when": ".payload |"}], "/permitted_outcomes/0/when", "condition_invalid"),
        (["NO", {"name": "OK", "when": "env"}], "/permitted_outcomes/1/when", "condition_invalid"),
        ([{"name": "OK", "label": ""}], "/permitted_outcomes/0/label", "blank"),
        ([{"name": "OK", "label": "a\nb"}], "/permitted_outcomes/0/label", "control_character"),
        ([{"label": "Fine"}], "/permitted_outcomes/0/name", "required"),
        ([{"name": "OK", "colour": "red"}], "/permitted_outcomes/0/colour", "unknown_field"),
        ([5], "/permitted_outcomes/0", "invalid"),
        (
            [{"name": "A", "label": "Same"}, {"name": "B", "label": "Same"}],
            "/permitted_outcomes/1/label",
            "repeated",
        ),
        (["A", {"name": "A", "label": "B"}], "/permitted_outcomes/1", "invalid"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place(
    world: World, wrong: list[Any], pointer: str, code: str
) -> None:
    with tenant_scope(world.operator.tenant_id):
        before = WorkItem.objects.filter(tenant_id=world.operator.tenant_id).count()
    with pytest.raises(Invalid) as refused:
        asked(world, permitted_outcomes=wrong)
    assert [(each.pointer, each.code) for each in refused.value.errors] == [(pointer, code)]
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.filter(tenant_id=world.operator.tenant_id).count() == before


def test_pages_and_history_call_it_by_its_label(world: World) -> None:
    item = asked(world)
    client = browser(world.analyst)
    html = page(client, f"/work-items/{item.id}/")
    assert "<b>Pay it out</b>" in html
    assert "<b>Left open</b>" in html
    address = f"/work-items/{item.id}/complete/"
    broken = client.post(address, {"outcome": "OK", "resolution.sum": "500"})
    assert broken.status_code == 422
    assert f"may be given only where {SUM_SAID}." in text_of(broken.content)
    # What cannot stand begins nothing.
    assert stored(world, item.id).status == "ASSIGNED"
    assert client.post(address, {"outcome": "OK", "resolution.sum": "5"}).status_code == 303
    told = page(client, f"/work-items/{item.id}/")
    assert '<dd class="strong">Pay it out</dd>' in told
    assert told.count("Pay it out") >= 2
    answer = actions.compensate(item.id, call=Call(world.operator), reason="It was forged")
    undo = stored(world, answer.attempt.compensation_id)
    assert undo.compensation is not None
    assert undo.compensation["original_snapshot"]["outcome_label"] == "Pay it out"
    assert "Pay it out" in page(browser(world.analyst), f"/work-items/{undo.id}/")


def test_a_template_hands_them_on_and_shows_them(world: World) -> None:
    template = actions.add_template(
        call=Call(world.operator), name="Pay", title="Pay it", permitted_outcomes=OUTCOMES
    )
    assert template.content["permitted_outcomes"] == OUTCOMES
    item = actions.instantiate(template.id, call=Call(world.analyst), payload={"limit": 3})
    assert item.permitted_outcomes == ["OK", "ASK", "LEFT_OPEN"]
    assert item.outcome_rules["OK"] == {"label": "Pay it out", "when": SMALL}
    html = page(browser(world.analyst), f"/work-items/templates/{template.id}/")
    assert "Pay it out, Ask the committee, LEFT_OPEN" in html


def task_of(world: World, name: str, task: dict[str, Any], context: dict[str, Any]) -> WorkItem:
    step = human("check")
    step["humanTask"] |= task
    deploy(world, definition(name, step))
    case_id = case_opened(world, f"tests/{name}", context)
    with tenant_scope(world.operator.tenant_id):
        [item] = selectors.in_case(world.operator.tenant_id, case_id)
    return item


def test_a_human_task_says_them_and_asks_about_its_case(world: World) -> None:
    outcomes = [{"name": "OK", "label": "Fine", "when": '.case.country == "CH"'}, "NO"]
    task = {"outcomes": outcomes}
    item = task_of(world, "abroad", task, {"country": "FR"})
    assert item.permitted_outcomes == ["OK", "NO"]
    actions.start(item.id, call=Call(world.analyst))
    with pytest.raises(Invalid) as refused:
        actions.complete(item.id, call=Call(world.analyst), outcome="OK")
    assert [each.pointer for each in refused.value.errors] == ["/outcome"]
    here = task_of(world, "here", task, {"country": "CH"})
    actions.start(here.id, call=Call(world.analyst))
    actions.complete(here.id, call=Call(world.analyst), outcome="OK")
    assert "Fine" in page(browser(world.analyst), f"/cases/{here.case_id}/")


@pytest.mark.parametrize(
    ("task", "pointer", "words"),
    [
        ({"outcomes": [{"name": "A", "when": ".x |"}]}, "/outcomes/0/when", "not a usable jq"),
        ({"outcomes": [{"name": "A", "why": "x"}]}, "/outcomes/0/why", "unknown field 'why'"),
        ({"outcomes": ["A", {"name": "A"}]}, "/outcomes/1", "outcomes holds 'A' twice"),
        ({"outcomes": [{"label": "A"}]}, "/outcomes/0", "name is required"),
        (
            {"resolutionSchema": SCHEMA, "form": {"order": ["total"]}},
            "/form/order/0",
            "no member of this name",
        ),
        ({"form": {"widgets": {"sum": "slider"}}}, "/form/widgets/sum", "must be one of"),
    ],
)
def test_a_definition_is_refused_at_the_place(
    world: World, task: dict[str, Any], pointer: str, words: str
) -> None:
    step = human("check")
    step["humanTask"] |= task
    with pytest.raises(Invalid) as refused:
        deploy(world, definition(f"wrong-{uuid.uuid4().hex}", step))
    [error] = refused.value.errors
    assert error.pointer == f"/spec/bindings/0/humanTask{pointer}"
    assert words in error.message


def test_an_undo_task_calls_its_outcomes_by_their_names(world: World) -> None:
    undo = human("undo-check", compensation=True, on=None, when=None)
    undo["humanTask"]["outcomes"] = ["REVERSED", {"name": "CORRECTED", "label": "Put right"}]
    step = human("check", compensate="undo-check", compensation=None)
    with pytest.raises(Invalid) as refused:
        deploy(world, definition("undone", step, undo))
    assert [each.pointer for each in refused.value.errors] == [
        "/spec/bindings/1/humanTask/outcomes"
    ]


def test_a_form_is_laid_out_as_its_author_says(world: World) -> None:
    schema = {"type": "object", "properties": {
        "note": {"type": "string", "maxLength": 50}, "risk": {"enum": ["LOW", "HIGH"]},
        "sum": {"type": "integer"},
    }}  # fmt: skip
    form = {
        "order": ["sum"], "widgets": {"risk": "radio", "note": "hidden-by-default"},
        "groups": [{"title": "How you see it", "fields": ["risk"]}],
    }  # fmt: skip
    item = opened(world, assignee=world.analyst.username, resolution_schema=schema, form=form)
    assert api(world.analyst).get(f"/api/v1/work-items/{item.id}").json()["form"] == form
    html = page(browser(world.analyst), f"/work-items/{item.id}/")
    places = [html.index(f'name="resolution.{name}"') for name in ("sum", "note", "risk")]
    assert places == sorted(places)
    assert "<legend>How you see it</legend>" in html
    assert html.count('type="radio" name="resolution.risk"') == 3
    with pytest.raises(Invalid) as refused:
        opened(world, resolution_schema=schema, form={"widgets": {"colour": "radio"}})
    assert [each.pointer for each in refused.value.errors] == ["/form/widgets/colour"]


def test_a_human_task_lays_its_form_out(world: World) -> None:
    form = {"order": ["sum"]}
    item = task_of(world, "laid-out", {"resolutionSchema": SCHEMA, "form": form}, {"a": 1})
    assert item.form == form


def test_the_form_of_an_undo_task_is_laid_out_too(world: World) -> None:
    form = {"groups": [{"title": "What it cost", "fields": ["sum"]}]}
    undo = human("undo-check", compensation=True, on=None, when=None)
    undo["humanTask"] |= {"resolutionSchema": SCHEMA, "form": form}
    step = human("check", compensate="undo-check", compensation=None)
    deploy(world, definition("laid-out-undo", step, undo))
    case_id = case_opened(world, "tests/laid-out-undo", {"a": 1})
    with tenant_scope(world.operator.tenant_id):
        [item] = selectors.in_case(world.operator.tenant_id, case_id)
    actions.start(item.id, call=Call(world.analyst))
    actions.complete(item.id, call=Call(world.analyst), outcome="OK")
    drain()
    answer = actions.compensate(item.id, call=Call(world.operator), reason="It was forged")
    task = stored(world, answer.attempt.compensation_id)
    assert (task.binding, task.form) == ("undo-check", form)
