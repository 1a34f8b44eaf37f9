"""Nothing waits without saying for what: a case names the keys its conditions miss."""

from __future__ import annotations

import uuid

import pytest

from json_values.jq import evaluation
from tests.casework import deploy, finish, open_loan, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.pages import text_of
from tests.world import World


def said(world: World, case_id: uuid.UUID) -> str:
    """Return the text of a case's page."""
    return text_of(browser(world.bystander).get(f"/cases/{case_id}/").content)


def test_a_case_whose_conditions_do_not_hold_names_the_missing_keys(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The loan itself could not be opened without an applicant.
    deploy(world, definition("waits", human("credit-check", ".applicant != null")))
    case_id = opened(world, "tests/waits", {"amount": 5})

    def never(*_args: object, **_how: object) -> None:
        raise AssertionError("a request evaluates no expression")

    monkeypatch.setattr(evaluation, "evaluate_many", never)
    monkeypatch.setattr(evaluation, "evaluate", never)
    assert "Waits for: applicant . Credit check can start once it is known." in said(world, case_id)
    case = api(world.bystander).get(f"/api/v1/cases/{case_id}").json()
    assert case["waits_for"] == {
        "missing": ["applicant"], "looks_at": ["applicant"], "steps": ["credit-check"], "goals": [],
    }  # fmt: skip
    [listed] = api(world.bystander).get("/api/v1/cases").json()["results"]
    assert listed["waits_for"] == case["waits_for"]


def test_a_case_at_work_waits_for_nothing(world: World) -> None:
    case_id = open_loan(world)
    assert "Waits for:" not in said(world, case_id)
    assert api(world.operator).get(f"/api/v1/cases/{case_id}").json()["waits_for"] is None


def test_a_case_whose_values_do_not_suit_says_what_it_depends_on(world: World) -> None:
    source = definition(
        "suits", human("visit"), human("report", '.visit.outcome == "FINE" and .report == null')
    )
    deploy(world, source)
    case_id = opened(world, "tests/suits")
    finish(world.analyst, case_id, "visit", "BAD")
    assert "Nothing is open. Whether Report starts depends on: visit, outcome ." in said(
        world, case_id
    )
    waits = api(world.operator).get(f"/api/v1/cases/{case_id}").json()["waits_for"]
    assert waits == {
        "missing": [], "looks_at": ["visit.outcome"], "steps": ["report"], "goals": [],
    }  # fmt: skip


def test_after_its_last_step_a_case_waits_for_its_goal(world: World) -> None:
    deploy(world, definition("late", human("first"), success=".paid == true"))
    case_id = opened(world, "tests/late")
    finish(world.analyst, case_id, "first", None)
    assert "Waits for: paid . The case ends once it is known." in said(world, case_id)
    waits = api(world.operator).get(f"/api/v1/cases/{case_id}").json()["waits_for"]
    assert (waits["missing"], waits["goals"], waits["steps"]) == (["paid"], ["success"], [])
