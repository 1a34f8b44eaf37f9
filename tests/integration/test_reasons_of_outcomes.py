"""An undo task that leaves something as it was says why, and who decides reads it there."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from compensation.planning import EXPLAINED_OUTCOMES, UNDO_OUTCOMES
from tests import states
from tests.casework import approved_loan, open_undo, roll_back, steps, undo
from tests.clients import api, browser
from tests.draining import drain
from tests.integration.workitems_made import done, opened, page, stored, undo_task
from tests.integration.workitems_over_rest import post, read
from tests.pages import text_of
from tests.states import work
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The court keeps the report; I can add a note"


def test_the_outcomes_that_need_a_reason_are_those_of_the_contract() -> None:
    assert {"CORRECTED", "PARTIALLY_REVERSED", "CANNOT_REVERSE"} == EXPLAINED_OUTCOMES
    assert set(UNDO_OUTCOMES) - EXPLAINED_OUTCOMES == {"REVERSED"}


@pytest.mark.parametrize("outcome", sorted(EXPLAINED_OUTCOMES))
@pytest.mark.parametrize("reason", [None, "", "   ", "\u200b"])
def test_such_an_outcome_without_a_reason_changes_nothing(
    world: World, outcome: str, reason: str | None
) -> None:
    task = undo_task(world)
    client = api(world.analyst)
    post(client, f"/{task.id}/start")
    said = {} if reason is None else {"reason": reason}
    answer = post(client, f"/{task.id}/complete", {"outcome": outcome, **said})
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/reason"]
    row = stored(world, task.id)
    assert (row.status, row.outcome, row.ended_reason) == ("IN_PROGRESS", None, "")
    assert row.compensates_id is not None
    assert stored(world, row.compensates_id).status == "COMPENSATING"


@pytest.mark.parametrize("outcome", UNDO_OUTCOMES)
def test_the_reason_is_the_items_and_in_its_entry(world: World, outcome: str) -> None:
    task = undo_task(world)
    client = api(world.analyst)
    post(client, f"/{task.id}/start")
    answer = post(client, f"/{task.id}/complete", {"outcome": outcome, "reason": f"  {WHY} "})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["outcome_reason"], answer.json()["ended_reason"]) == (WHY, None)
    assert read(client, str(task.id))["outcome_reason"] == WHY
    last = states.history(world, "work_item", task.id)[-1]
    assert last.payloads == {"outcome": outcome, "resolution": None, "reason": WHY}


def test_reversed_and_every_ordinary_task_need_none(world: World) -> None:
    task = undo_task(world)
    states.undo(task.id, world.analyst, "REVERSED")
    assert stored(world, task.id).ended_reason == ""
    item = opened(world, assignee=world.analyst.username, permitted_outcomes=["CORRECTED"])
    actions.start(item.id, call=Call(world.analyst))
    ended = actions.complete(item.id, call=Call(world.analyst), outcome="CORRECTED")
    assert (ended.status, ended.ended_reason) == ("COMPLETED", "")
    assert "reason" not in states.history(world, "work_item", item.id)[-1].payloads


def test_what_ends_otherwise_has_no_reason_of_its_outcome(world: World) -> None:
    item = opened(world, assignee=world.analyst.username)
    actions.reject(item.id, call=Call(world.analyst), reason="Not mine")
    said = read(api(world.analyst), str(item.id))
    assert (said["outcome_reason"], said["ended_reason"]) == (None, "Not mine")


def test_whoever_undoes_it_reads_what_was_said_of_the_original(world: World) -> None:
    item = opened(world, assignee=world.analyst.username)
    actions.start(item.id, call=Call(world.analyst))
    actions.complete(item.id, call=Call(world.analyst), outcome="FINE", reason="Seen twice")
    begun = actions.compensate(item.id, call=Call(world.operator), reason="It was forged")
    snapshot = _snapshot(world, begun.attempt.compensation_id)
    assert snapshot["outcome_reason"] == "Seen twice"
    bare = actions.compensate(done(world).id, call=Call(world.operator), reason="It was forged")
    assert "outcome_reason" not in _snapshot(world, bare.attempt.compensation_id)


def _snapshot(world: World, task_id: uuid.UUID) -> dict[str, Any]:
    found = stored(world, task_id).compensation
    assert found is not None
    return dict(found["original_snapshot"])


def test_the_form_asks_the_question_of_each_outcome_and_refuses_silence(world: World) -> None:
    task = undo_task(world)
    at, client = f"/work-items/{task.id}/", browser(world.analyst)
    html = page(client, at)
    for question in (
        "What shows that it is reversed?",
        "What stands now?",
        "What stays, and why?",
        "Why can it not be reversed?",
    ):
        assert question in html
    silent = client.post(f"{at}complete/", {"version": 1, "outcome": "CANNOT_REVERSE"})
    assert silent.status_code == 422
    assert 'href="#id_reason"' in silent.content.decode()
    assert stored(world, task.id).status == "ASSIGNED"
    said = client.post(f"{at}complete/", {"version": 1, "outcome": "CANNOT_REVERSE", "reason": WHY})
    assert said.status_code == 303
    assert stored(world, task.id).ended_reason == WHY
    assert WHY in page(client, at)
    assert task.compensates_id is not None
    original = page(browser(world.operator), f"/work-items/{task.compensates_id}/")
    assert WHY in original
    assert "CANNOT_REVERSE" not in text_of(original.encode())


def test_an_ordinary_task_is_not_asked_why(world: World) -> None:
    item = opened(world, assignee=world.analyst.username, permitted_outcomes=["YES", "NO"])
    assert 'name="reason"' not in page(browser(world.analyst), f"/work-items/{item.id}/")


def test_the_operator_reads_it_where_the_decision_is_made(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    task = open_undo(world.underwriter, case_id)
    actions.start(task.id, call=Call(world.underwriter))
    actions.complete(task.id, call=Call(world.underwriter), outcome="CANNOT_REVERSE", reason=WHY)
    drain()
    failed = next(step for step in steps(world, run.id) if step.status == "FAILED")
    client = browser(world.operator)
    text = text_of(client.get(f"/compensation-runs/{run.id}/steps/{failed.n}/").content)
    assert f"“{WHY}”" in text
    assert "answered Cannot be reversed" in text
    for path in (f"/compensation-runs/{run.id}/", f"/cases/{case_id}/"):
        text = text_of(client.get(path).content)
        assert WHY in text, path
        assert "The undo task ended" not in text
        assert "CANNOT_REVERSE" not in text


def test_given_up_says_who_and_why_and_not_the_error(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    undo(world.underwriter, case_id, "CANNOT_REVERSE")
    failed = next(step for step in steps(world, run.id) if step.status == "FAILED")
    abandon = find("compensation_step", "abandon")
    abandon(run.id, failed.n, call=Call(world.operator), reason="Kept as a fee; agreed")
    drain()
    client = browser(world.operator)
    for path in (f"/compensation-runs/{run.id}/", f"/cases/{case_id}/"):
        text = text_of(client.get(path).content)
        assert "“Kept as a fee; agreed”" in text, path
        assert "The undo task ended" not in text
    work(world.surveyor, open_undo(world.surveyor, case_id).id, "REVERSED")
