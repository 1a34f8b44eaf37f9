"""The page of a step that failed says in a sentence what happened, what each answer does, and which
one is likely right."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from accounts.models import User
from compensation.actions.waiting_runs import approve_run
from tests import states
from tests.casework import (
    approved_loan,
    deploy,
    finish,
    open_undo,
    opened,
    roll_back,
    steps,
    undo,
)
from tests.clients import browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)


def answered(world: World) -> uuid.UUID:
    """Return the rollback of a loan whose underwriter could not withdraw the approval."""
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    task = open_undo(world.underwriter, case_id)
    actions.start(task.id, call=Call(world.underwriter))
    actions.complete(task.id, call=Call(world.underwriter), outcome="CANNOT_REVERSE", reason="No")
    drain()
    return run.id


def choices(client: Client, run_id: uuid.UUID) -> list[str]:
    """Return what is said of each answer, in the order of the page."""
    html = client.get(f"/compensation-runs/{run_id}/steps/2/").content.decode()
    return [
        text_of(each.encode()) for each in re.findall(r"<summary.*?</summary>", html, re.DOTALL)
    ]


def test_the_title_is_a_sentence_and_each_answer_says_what_it_does(world: World) -> None:
    client, run_id = browser(world.operator), answered(world)
    page = client.get(f"/compensation-runs/{run_id}/steps/2/").content
    heading = re.search(r"<h1>(.*?)</h1>", page.decode())
    assert heading is not None
    assert heading[1] == "Approval could not be undone"
    assert "Step 2 of 4 in" in text_of(page)
    who = world.underwriter.username
    waits = "Valuation waits until that is done. How the rollback ends depends on the answer."
    then = "Then Valuation is undone. The rollback ends as"
    assert [each for each in choices(client, run_id) if "rollback ends" in each] == [
        (
            f"Give it to somebody else Suggested: {who} answered “Cannot be reversed”; others"
            f" may know a way Another person or group gets the task. {waits}"
        ),
        f"Try again The same task is handed out again, to whom it was meant for before. {waits}",
        (
            "It is undone already You vouch that it is undone, and say what shows it."
            f" {then} Rolled back"
        ),
        (
            "Give it up What was done stays, with your reason beside it."
            f" {then} Rolled back with exceptions"
        ),
    ]
    # The suggested one is open, and no other.
    assert re.findall(r'<details class="card decide([^"]*)" name="decide"( open)?>', page.decode())[
        :2
    ] == [(" decide-suggested", " open"), ("", "")]


def test_a_step_that_was_decided_about_suggests_nothing(world: World) -> None:
    client, run_id = browser(world.operator), answered(world)
    client.post(f"/compensation-runs/{run_id}/steps/2/attest/", {"evidence": "The letter"})
    assert {step.n: step.status for step in steps(world, run_id)}[2] == "RESOLVED"
    page = client.get(f"/compensation-runs/{run_id}/steps/2/").content
    text = text_of(page)
    assert "Approval is undone" in text
    assert "Suggested" not in text
    assert "What do you decide?" not in text


def test_the_form_that_was_refused_stays_open_and_not_the_suggestion(world: World) -> None:
    client, run_id = browser(world.operator), answered(world)
    refused = client.post(f"/compensation-runs/{run_id}/steps/2/attest/", {"evidence": ""})
    assert refused.status_code == 422
    found = re.findall(
        r'name="decide" open>\s*<summary[^>]*><span><b>(.*?)</b>', refused.content.decode()
    )
    assert found == ["It is undone already"]


@pytest.mark.parametrize(
    ("action", "body"),
    [("retry", {}), ("reassign", {"candidate_groups": "compliance"}), ("hand-to-human", {})],
)
def test_why_it_is_tried_again_stands_beside_the_attempt(
    world: World, action: str, body: dict[str, str]
) -> None:
    client, run_id = browser(world.operator), answered(world)
    at = f"/compensation-runs/{run_id}/steps/2/"
    asked = client.get(at).content.decode()
    for each in ("retry", "reassign"):
        assert f'id="{each}_reason"' in asked
    said = {**body, "reason": "The court has given it back"}
    assert client.post(f"{at}{action}/", said).status_code == 303
    tried = text_of(client.get(at).content).partition("What was tried")[2]
    assert f"“The court has given it back” {world.operator.username}" in tried
    # What was said at first is not why it is tried once more.
    assert tried.count("“") == 2


def test_who_tries_an_undo_again_is_a_name_and_no_markup(world: World) -> None:
    User.objects.filter(username=world.operator.username).update(
        first_name="Nora", last_name="Klein"
    )
    item = states.faulted(world.operator).original
    why = "Once more <please>"
    actions.retry_compensation(item.id, call=Call(world.operator), reason=why)
    said = text_of(browser(world.operator).get(f"/work-items/{item.id}/").content)
    assert "“Once more <please>” Nora Klein" in said
    assert "<span" not in said


def test_a_rollback_that_leaves_something_anyway_does_not_promise_to_undo_all(
    world: World,
) -> None:
    steps_ = (human("a"), human("b", reversibility="irreversible", compensation=None), human("c"))
    deploy(world, definition("leaves", *steps_))
    case_id = opened(world, "tests/leaves")
    for name in "abc":
        finish(world.analyst, case_id, name, None)
    run = roll_back(world, case_id)
    approve_run(run.id, call=Call(world.approver))
    drain()
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    page = text_of(browser(world.operator).get(f"/compensation-runs/{run.id}/steps/1/").content)
    assert "The rollback ends as Rolled back with exceptions" in page
    assert not re.search(r"ends as Rolled back(?! with exceptions)", page)
