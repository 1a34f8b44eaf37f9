"""Sending a signal from the page of a case, and what waits there; too much is not kept."""

from __future__ import annotations

import uuid

import pytest

from cases import actions
from cases.actions import arrivals
from tests.casework import case_row, deploy, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.integration.test_events_start_steps import kept, listener, sent
from tests.integration.test_signals import a_case, heard, send, tasks
from tests.pages import text_of
from tests.states import history
from tests.world import World
from verbs.call import Call


def page(world: World, case_id: uuid.UUID, who: str = "operator") -> str:
    return text_of(browser(world.of(who)).get(f"/cases/{case_id}/").content)


def test_an_operator_sends_one_of_those_that_the_case_hears(world: World) -> None:
    case_id = a_case(world, heard("a"), heard("b", signal="stop"))
    assert "Send a signal" in page(world, case_id)
    client = browser(world.operator)
    form = client.get(f"/cases/{case_id}/signal/").content.decode()
    assert '<option value="go">' in form
    assert '<option value="stop">' in form
    said = {"name": "go", "data": '{"text": "now"}', "version": case_row(world, case_id).version}
    answer = client.post(f"/cases/{case_id}/signal/", said)
    assert (answer.status_code, answer["location"]) == (303, f"/cases/{case_id}/")
    drain()
    assert [each.payload["signal"]["data"] for each in tasks(world, case_id)] == [{"text": "now"}]


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [("else", "", "Choose one of those that are offered."), ("go", "{", "JSON")],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(
    world: World, name: str, data: str, problem: str
) -> None:
    case_id = a_case(world, heard("a"))
    given = {"name": name, "data": data, "version": case_row(world, case_id).version}
    answer = browser(world.operator).post(f"/cases/{case_id}/signal/", given)
    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert "signalled" not in {each.action for each in history(world, "case", case_id)}


def test_who_may_not_is_offered_nothing_and_refused(world: World) -> None:
    case_id = a_case(world, heard("a"))
    assert "Send a signal" not in page(world, case_id, "bystander")
    client = browser(world.bystander)
    assert client.get(f"/cases/{case_id}/signal/").status_code == 403
    given = {"name": "go", "version": case_row(world, case_id).version}
    assert client.post(f"/cases/{case_id}/signal/", given).status_code == 403
    assert "signalled" not in {each.action for each in history(world, "case", case_id)}
    deploy(world, definition("deaf", human("own")))
    assert "Send a signal" not in page(world, opened(world, "tests/deaf")), "it hears none"


def test_what_waits_is_on_the_page_and_in_the_api(world: World) -> None:
    case_id = a_case(world, heard("a"), listener("b"))
    assert "What comes from outside" in page(world, case_id)
    assert api(world.bystander).get(f"/api/v1/cases/{case_id}").json()["waiting"] == []
    for _ in range(3):
        send(world, case_id)
        drain()
    sent(world.operator)
    sent(world.operator)
    [first, second] = api(world.bystander).get(f"/api/v1/cases/{case_id}").json()["waiting"]
    assert (first["step"], first["heard"], first["count"]) == ("a", "signal", 2)
    assert (second["step"], second["heard"], second["count"]) == ("b", "event", 1)
    assert first["since"] < second["since"]
    text = page(world, case_id, "bystander")
    assert "2 signals wait for A" in text
    assert "1 event waits for B" in text
    actions.cancel_case(case_id, call=Call(world.operator), reason="R")
    assert api(world.bystander).get(f"/api/v1/cases/{case_id}").json()["waiting"] == []
    assert "2 signals" not in page(world, case_id, "bystander"), "what is over waits for nothing"


def test_events_are_kept_up_to_a_bound_as_signals_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MOST_WAITING", 2)
    case_id = a_case(world, listener("b"))
    for _ in range(4):
        sent(world.operator)
    # The first has started it, two wait, and the last is not kept.
    assert kept(world, case_id) == [
        ("b", "TAKEN"), ("b", "WAITING"), ("b", "WAITING"), ("b", "PASSED_OVER"),
    ]  # fmt: skip
    refused = next(e for e in history(world, "case", case_id) if e.action == "event_not_kept")
    assert (refused.kind, refused.payloads["code"]) == ("REFUSAL", "too_many_waiting")
    assert case_row(world, case_id).status == "RUNNING"
